"""Composable reward: an env's own components, generic ones added by name, and their weights.

`Env.reward` is text such as "cheese=1, corner=0.2, step=-0.01". A component that the env itself
pays keeps its name; beside those stand `step` (1 each step), `bump` (1 where an action changes
nothing) and the name of any concept (1 on each move that reaches it). The weights of a level are
traced, so other values never compile again, and tables, and with them the exact optimum, follow.
Axis letters as in `shardsim.env.types`; E generic components.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.base.errors import UserError, did_you_mean
from shardsim.base.given import is_representable
from shardsim.env.gridworld import Gridworld
from shardsim.env.tabular import index_of
from shardsim.env.types import Level, State

STEP, BUMP = "step", "bump"


def parse(text: str) -> dict[str, float]:
    """Read "name=number, name=number"; raises UserError for anything else."""
    found: dict[str, float] = {}
    for word in (part.strip() for part in text.split(",") if part.strip()):
        name, equals, number = (part.strip() for part in word.partition("="))
        try:
            value = float(number)
        except ValueError:
            value = float("nan")
        if not (equals and name and is_representable(value)):
            raise UserError(
                f"the reward holds {word!r}; write name=number, as in: cheese=1, step=-0.01"
            )
        if name in found:
            raise UserError(f"the reward names {name!r} twice; leave one")
        found[name] = value
    return found


def spell(weights: dict[str, float]) -> str:
    """Write weights as `parse` reads them."""
    return ", ".join(f"{name}={value:.9g}" for name, value in weights.items())


def component_names(env: Gridworld) -> tuple[str, ...]:
    """Return the names on the axis R: the env's own, then the generic ones that it weighs.

    Raises UserError for a weight of something that does not exist.
    """
    own = tuple(env.rewards)
    known = (*own, *env.concept_names, STEP, BUMP)
    asked = parse(env.reward)
    for name in asked:
        if name not in known:
            raise UserError(f"{env.name} has no reward {name!r}; {did_you_mean(name, known)}")
    return own + tuple(name for name in asked if name not in own)


def weigh(env: Gridworld, level: Level) -> Level:
    """Return a level as its author drew it with the weights that `env.reward` names."""
    asked, names = parse(env.reward), component_names(env)
    weights = level.reward_weights
    if not asked:
        return level
    extra = jnp.zeros(len(names) - len(env.rewards), jnp.float32)
    values = np.array([asked.get(name, 0.0) for name in names], np.float32)
    named = np.array([name in asked for name in names])
    mixed = jnp.where(named, values, jnp.concatenate([weights, extra]))
    return level.replace(reward_weights=mixed)


def generic(env: Gridworld, before: State, after: State) -> jax.Array:
    """Return float32[E]: what the generic components of an env pay for a move."""
    names = component_names(env)[len(env.rewards) :]
    if not names:
        return jnp.zeros(0, jnp.float32)
    still = index_of(env, before) == index_of(env, after)
    reached = env.reaches(before, after) & ~still
    paid = {STEP: jnp.bool_(True), BUMP: still}
    paid |= {name: reached[at] for at, name in enumerate(env.concept_names)}
    return jnp.stack([paid[name] for name in names]).astype(jnp.float32)
