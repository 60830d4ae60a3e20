"""Configs as nobody should write them, drawn from a seed: TOML files, and words behind them."""

from __future__ import annotations

import random
import typing
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from shardsim.base import content
from shardsim.runs.config import RunConfig

ODD = (
    *("nan", "-nan", "inf", "-inf", "1e400", "-1e400", "1e39", "1e-50", "-0.0", "0", "-1", "0.5"),
    *("1", "2", "3", "7", "2147483648", "4294967296", "9223372036854775808", "1" + "0" * 60),
    *("true", "false", '""', '"x"', '"1"', '"nan"', '"cheese"', "'\\'", '"\\u0000"', '"🧀"', '"é"'),
    *("[]", "[[]]", "[1, 'a']", "[nan]", "[0]", "[-1]", "[1e39]", "[[1], [2]]", "[{}]", "[true]"),
    *("{}", "{ a = 1 }", "{ kind = 3 }", "{ a = { b = { c = [] } } }"),
    *("1979-05-27", "07:32:00", "1979-05-27T07:32:00Z", "0xffffffffffffffff", "0b1", "1_000"),
    *(
        '"""\nlines\n"""',
        '"' + "x" * 5000 + '"',
        '"../../etc/passwd"',
        '"/dev/null"',
        '"~nobody/x"',
    ),
)
SECTIONS = ("env", "env.params", "env.reward", "train", "train.network", "identify", "reflect")
NAMES = ("", "x", "é", "🧀", "train", "a b", "a.b", "__class__", "seeds ", "0", "-", "x" * 300)
PARAMS = ("height", "width", "max_steps", "layout", "loop_probability", "reward", "hight", "name")


def keys(model: type[BaseModel] = RunConfig, prefix: str = "") -> list[str]:
    """Every key of a config, dotted."""
    found = []
    for name, field in model.model_fields.items():
        inner = next((one for one in _choices(field.annotation) if _is_model(one)), None)
        found += [f"{prefix}{name}"] + (keys(inner, f"{prefix}{name}.") if inner else [])
    return found


def _choices(annotation: Any) -> tuple[Any, ...]:
    return (annotation, *typing.get_args(annotation))


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


KEYS = keys()
IDS = sorted(content.catalogue("envs"))


def quoted(key: str) -> str:
    """A dotted key whose parts are bare where TOML allows it."""
    plain = all(part.replace("_", "").isalnum() and part.isascii() for part in key.split("."))
    return key if plain else '"' + key.replace('"', "") + '"'


def setting(rng: random.Random) -> tuple[str, str]:
    """A key and a value in TOML; most are wrong."""
    key = rng.choice(KEYS)
    if rng.random() < 0.2:
        key = f"{rng.choice(SECTIONS)}.{rng.choice([*NAMES, *PARAMS])}"
    elif rng.random() < 0.15:
        place = rng.randrange(len(key))
        key = key[:place] + rng.choice("_xé.") + key[place + 1 :]
    return key, rng.choice(ODD)


def settings(rng: random.Random) -> bytes:
    """One to four settings, at the top or under a section."""
    lines = [f"{quoted(key)} = {value}" for key, value in (setting(rng) for _ in range(4))]
    chosen = lines[: rng.randint(1, 4)]
    head = rng.choice(["", "", f"[{rng.choice(SECTIONS)}]\n", "[[train.reward_schedule]]\n"])
    return (head + "\n".join(chosen) + "\n").encode()


def world(rng: random.Random) -> bytes:
    """A world, by a right or wrong name, with odd parameters and rewards."""
    name = rng.choice([*IDS, "chese-corner", "", "../x", "navix:Navix-Empty-5x5-v0", "é"])
    params = "".join(f"{rng.choice(PARAMS)}{n} = {rng.choice(ODD)}\n" for n in ("", "_2"))
    pays = f"[env.reward]\n{rng.choice(['cheese', 'step', 'bump', 'x'])} = {rng.choice(ODD)}\n"
    return f'[env]\nid = "{name}"\n[env.params]\n{params}{pays}'.encode()


def twice(rng: random.Random) -> bytes:
    """A key or section that stands there twice, or a value that is also a section."""
    key, value = setting(rng)
    key = quoted(key)
    return rng.choice(
        [
            f"{key} = {value}\n{key} = {value}\n",
            f"[{key}]\nx = 1\n[{key}]\ny = 2\n",
            f"{key} = {value}\n[{key}]\nx = 1\n",
            f"{key} = {value}\n{key}.x = 1\n",
        ]
    ).encode()


def deep(rng: random.Random) -> bytes:
    """Nesting without end."""
    depth = rng.choice([10, 30, 40, 100, 1_500])
    key = quoted(rng.choice(KEYS))
    return rng.choice(
        [
            f"{key} = {'[' * depth}{']' * depth}\n",
            f"{key} = {'{a=' * depth}1{'}' * depth}\n",
            f"{'.'.join(['a'] * depth)} = 1\n",
            f"[env.params{'.a' * depth}]\nx = 1\n",
            f"{key} = {'[' * depth}\n",
        ]
    ).encode()


def raw(rng: random.Random) -> bytes:
    """Bytes that are no TOML, or another encoding of some, or nothing."""
    whole = b'[env]\nid = "cheese-corner"\n[train]\nseeds = 2\nclip = 0.2\n'
    kinds: list[Callable[[], bytes]] = [
        lambda: b"",
        lambda: rng.randbytes(rng.randrange(1, 200)),
        lambda: whole[: rng.randrange(len(whole))],
        lambda: whole.decode().encode("utf-16"),
        lambda: b"\xef\xbb\xbf" + whole,
        lambda: whole.replace(b"\n", b"\r"),
        lambda: whole.replace(b"2", b"\x00"),
        lambda: whole + bytes([rng.randrange(256)]) * 3,
        lambda: b"\n".join(rng.sample(whole.split(b"\n"), 6)),
        lambda: b'{"train": {"seeds": 2}}',
        lambda: b"#" * 100_000,
    ]
    return rng.choice(kinds)()


KINDS = (settings, settings, settings, world, twice, deep, raw)


def drawn(rng: random.Random) -> tuple[bytes, list[str]]:
    """A file, and the words behind it."""
    words = []
    if rng.random() < 0.3:
        for _ in range(rng.randint(1, 2)):
            key, value = setting(rng)
            words.append(
                rng.choice([f"{key}={value}", key, f"={value}", f"{key}=", f"{key}=={value}"])
            )
    return rng.choice(KINDS)(rng), [word.replace("\0", "") for word in words]
