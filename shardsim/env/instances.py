"""Instances of a concept, taken out of a level or put into it; pure, unchecked, for vmap too."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from shardsim.env.types import Level


def without(level: Level, concept: int | jax.Array, instance: int | None = None) -> Level:
    """Return the level with a concept's instances (all, or one) absent; unchecked."""
    where = (concept,) if instance is None else (concept, instance)
    return level.replace(present=level.present.at[where].set(False))


def with_moved(level: Level, concept: int, cell: jax.Array, instance: int | jax.Array = 0) -> Level:
    """Return the level with one instance present at `cell` int32[2]; unchecked."""
    return level.replace(
        position=level.position.at[concept, instance].set(jnp.asarray(cell, jnp.int32)),
        present=level.present.at[concept, instance].set(True),
    )
