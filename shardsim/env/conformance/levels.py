"""The checks of `check_env` on what is declared and drawn: classes, shapes, levels, splits.

Each yields what breaks one promise of the interface. Axis letters as in `shardsim.env.types`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.base import content
from shardsim.env.conformance.subject import LAYOUTS, Finding, Subject, equal
from shardsim.env.core import Env
from shardsim.env.levels import sample_levels
from shardsim.env.types import SPLITS, Level, Split


def declaration(subject: Subject) -> Iterator[Finding]:
    """What the class says of itself."""
    env, name = subject.env, "declaration"
    kind = type(env)
    settings = vars(kind).get("__dataclass_params__")
    if settings is None or not settings.frozen:
        yield Finding(
            name,
            f"{kind.__name__} is not a frozen dataclass",
            "put @dataclass(frozen=True) over it",
        )
    for attribute in ("name", "rewards", "concepts", "action_names"):
        value = getattr(env, attribute, None)
        if not value:
            yield Finding(name, f"{attribute} is missing or empty", f"set {attribute} in the class")
        elif attribute != "name":
            words = [getattr(entry, "name", entry) for entry in value]
            if len(set(words)) != len(words):
                yield Finding(name, f"{attribute} holds a name twice", "give each its own")
    own = content.id_of_module(kind.__module__)
    if own is not None and getattr(env, "name", own).replace("_", "-") != own:
        yield Finding(
            name,
            f"name is {env.name!r}, but the file's id is {own!r}, by which saved results find it",
            f'set name = "{own}" in the class, or rename the file',
        )
    sizes, cells = dict(env.state_fields), env.height * env.width
    if sizes.get("cell") != cells:
        yield Finding(
            name,
            f"state_fields['cell'] is {sizes.get('cell')}, not height * width = {cells}",
            "name the agent's position 'cell', as row * width + column",
        )
    if env.max_steps < 1:
        yield Finding(name, f"max_steps is {env.max_steps}", "let an episode have a step")
    if env.num_states > env.max_states:  # of which no table can be made, nor be checked
        yield Finding(
            name,
            f"{env.num_states:,} states are more than max_states = {env.max_states:,}",
            "make the grid smaller, or raise max_states if memory allows",
        )


def shapes(subject: Subject) -> Iterator[Finding]:
    """Shapes and dtypes of all that the author's methods return, without running them."""
    env, name = subject.env, "shapes"
    height, width, concepts = env.height, env.width, len(env.concepts)
    # As the author draws it: `reward` may add components to the weights of `env.level`.
    level = jax.eval_shape(lambda key: env.sample_level(key, "train"), subject.key)
    instances = max(concept.instances for concept in env.concepts)
    given = {
        "Level.walls": (level.walls, (height, width), bool),
        "Level.position": (level.position, (concepts, instances, 2), jnp.int32),
        "Level.present": (level.present, (concepts, instances), bool),
        "Level.reward_weights": (level.reward_weights, (len(env.rewards),), jnp.float32),
    }
    wrong = list(_compared(name, given))
    yield from wrong
    if wrong:
        return
    index = jax.ShapeDtypeStruct((), jnp.int32)
    state = jax.eval_shape(lambda lvl, at: env.state_at(lvl, at), level, index)
    moved = jax.eval_shape(env.transition, state, index, index)
    given = {
        "transition(...).rewards": (moved.rewards, (len(env.rewards),), jnp.float32),
        "transition(...).terminated": (moved.terminated, (), bool),
        "observe(state)": (jax.eval_shape(env.observe, state), env.observation_shape, jnp.float32),
        "present(state)": (jax.eval_shape(env.present, state), (concepts, instances), bool),
    }
    chance = jax.eval_shape(env.outcome_probability, state, index)
    given["outcome_probability(...)"] = (chance, (env.num_outcomes,), jnp.float32)
    for key, value in jax.eval_shape(env.covariates, state).items():
        given[f"covariates(state)[{key!r}]"] = (value, (), jnp.float32)
    given |= {
        f"transition(...).state.{field}": (moved.state.fields.get(field), (), jnp.int32)
        for field in env.state_fields
    }
    yield from _compared(name, given)


def _compared(name: str, given: dict[str, tuple[Any, tuple[int, ...], Any]]) -> Iterator[Finding]:
    for what, (value, shape, dtype) in given.items():
        wanted = f"{np.dtype(dtype).name}{list(shape)}"
        if value is None or (value.shape, value.dtype) != (shape, np.dtype(dtype)):
            got = "missing" if value is None else f"{value.dtype.name}{list(value.shape)}"
            yield Finding(name, f"{what} is {got}, not {wanted}", "give it this shape and dtype")


def levels(subject: Subject) -> Iterator[Finding]:
    """Levels of every split can be played: things stand on free cells, and there is a start."""
    env = subject.env
    for split in SPLITS:
        drawn = sample_levels(env, subject.key, LAYOUTS, split)
        again = sample_levels(env, subject.key, LAYOUTS, split)
        if not equal(drawn, again):
            yield Finding(
                "levels",
                "sample_level draws other levels from the same key",
                "take all chance from its key",
            )
        for problem in unplayable(env, drawn):
            yield Finding("levels", f"{split}: {problem}", "fix sample_level")


def unplayable(env: Env, drawn: Level) -> Iterator[str]:
    """What keeps levels with a leading axis L from being played."""
    walls, present = np.asarray(drawn.walls), np.asarray(drawn.present)
    position = np.asarray(drawn.position)
    for index, concept in enumerate(env.concepts):
        row, column = position[:, index, :, 0], position[:, index, :, 1]
        inside = (row >= 0) & (row < env.height) & (column >= 0) & (column < env.width)
        if np.any(present[:, index] & ~inside):
            yield f"a {concept.name} lies outside the grid"
            continue
        which = np.arange(len(walls))[:, None]
        if np.any(present[:, index] & walls[which, row * inside, column * inside]):
            yield f"a {concept.name} lies on a wall"
        if np.any(present[:, index, concept.instances :]):
            yield f"more than {concept.instances} of {concept.name} are present"
    starts = jax.jit(jax.vmap(env.start_mask))(drawn)
    if not np.all(np.any(np.asarray(starts), axis=(1, 2))):
        yield "a level has no cell to start on"
    if np.any(np.asarray(starts) & walls):
        yield "an episode can start on a wall"


def splits(subject: Subject) -> Iterator[Finding]:
    """No layout belongs to two splits; a foreign world says if it has too few of them for that."""
    by = getattr(subject.env, "disjoint_by", "layout")
    if by == "nothing":
        return
    seen = {split: _prints(subject, split, by) for split in SPLITS}
    for at, one in enumerate(SPLITS):
        for other in SPLITS[at + 1 :]:
            shared = len(seen[one] & seen[other])
            if shared:
                yield Finding(
                    "splits",
                    f"{one} and {other} levels share {shared} {by}s",
                    "draw the walls with layouts.draw(key, split, generate)",
                )


def _prints(subject: Subject, split: Split, by: str) -> set[bytes]:
    """What tells layouts, or whole levels, apart in a split."""
    drawn = sample_levels(subject.env, subject.key, LAYOUTS, split)
    kept = drawn.walls if by == "layout" else drawn
    rows = [np.asarray(leaf).reshape(LAYOUTS, -1) for leaf in jax.tree.leaves(kept)]
    return {b"".join(row[at].tobytes() for row in rows) for at in range(LAYOUTS)}
