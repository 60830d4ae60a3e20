"""Ways in which a file of a run directory may be damaged, drawn from a seed."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

SKIPPED = {".lock"}  # holds nothing


class Damage(NamedTuple):
    """What was done to which file."""

    file: str
    how: str


def copied(whole: Path, to: Path) -> Path:
    """A copy of hard links, whose damaged file is replaced and not written into."""
    return shutil.copytree(whole, to, copy_function=os.link)


def files_of(run: Path) -> list[str]:
    """Every file of a run directory."""
    found = (one.relative_to(run).as_posix() for one in run.rglob("*") if one.is_file())
    return sorted(name for name in found if name not in SKIPPED)


def truncate(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def flip(data: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(data))
    return data[:place] + bytes([data[place] ^ (1 << rng.randrange(8))]) + data[place + 1 :]


def empty(data: bytes, rng: random.Random) -> bytes:
    return b""


def zeros(data: bytes, rng: random.Random) -> bytes:
    """A block of zeros, as a disk leaves where a write never reached it."""
    place = rng.randrange(len(data))
    size = min(len(data) - place, 512)
    filled = data[:place] + bytes(size) + data[place + size :]
    return filled if filled != data else empty(data, rng)


def append(data: bytes, rng: random.Random) -> bytes:
    return data + rng.randbytes(rng.randrange(1, 64))


def other_json(data: bytes, rng: random.Random) -> bytes:
    return rng.choice([b"{}", b"[]", b"null", b"3", b'{"format": 2}', b'"x"', b"{", b"\xff"])


def other_version(data: bytes, rng: random.Random) -> bytes:
    """JSON that says another format, or else more than was written."""
    try:
        told = json.loads(data)
    except ValueError:
        return data + b"\n"
    if isinstance(told, dict):
        told["format"] = rng.choice([0, 1, 4, 99, "3", None, [], 2.5])
    return json.dumps(told).encode()


CHANGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    truncate,
    flip,
    empty,
    zeros,
    append,
    other_json,
    other_version,
)
WAYS = ("delete", "swap", "directory", *(change.__name__ for change in CHANGES))


def apply(run: Path, name: str, how: str, rng: random.Random) -> Damage:
    """Damage one file of a copied run; it is surely another file afterwards."""
    path = run / name
    data = path.read_bytes()
    path.unlink()
    if how == "delete":
        return Damage(name, how)
    if how == "directory":
        path.mkdir()
        return Damage(name, how)
    if how == "swap":
        others = [one for one in files_of(run) if (run / one).read_bytes() != data]
        other = rng.choice(others)
        path.write_bytes((run / other).read_bytes())
        return Damage(name, f"holds {other}")
    change = next(one for one in CHANGES if one.__name__ == how)
    changed = change(data, rng) if data else b"x"
    path.write_bytes(changed if changed != data else data + b"x")
    return Damage(name, how)


def drawn(files: list[str], count: int, seed: int) -> list[tuple[str, str]]:
    """So many pairs of a file and a way, each file as often as the others and ways at random."""
    rng = random.Random(seed)
    pairs = [(name, how) for how in WAYS for name in files]
    rng.shuffle(pairs)
    return [pairs[number % len(pairs)] for number in range(count)]
