"""A world with as many goods as one likes, to see how identification grows with concepts."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp

from shardsim.env import placing
from shardsim.env.core import Env
from shardsim.env.grid import grid_move, random_cell
from shardsim.env.types import Concept, Level, Split, State, Transition

SIZE = 9


class ManyGoods(Env):
    """Goods on a maze's free cells; each pays on entry, and nothing ends an episode."""

    def sample_level(self, key: jax.Array, split: Split) -> Level:
        """Draw walls, then one good after the other on cells that are free."""
        wall_key, *keys = jax.random.split(key, 1 + len(self.concepts))
        walls = self.draw_walls(wall_key, split)
        cells: list[jax.Array] = []
        for one in keys:
            cells.append(random_cell(one, placing.without(~walls, *cells)))
        things = dict(zip(self.concept_names, map(placing.one, cells), strict=True))
        return placing.build(self, walls, things, [1.0] * len(things))

    def transition(self, state: State, action: jax.Array, outcome: jax.Array) -> Transition:
        """Move."""
        moved = state.replace(cell=grid_move(state.level.walls, state.cell, action))
        return Transition(moved, self.at_goal(moved).astype(jnp.float32), jnp.bool_(False))


def many_goods(count: int) -> Env:
    """Return the world with `count` goods."""
    names = tuple(f"good-{number + 1}" for number in range(count))
    kind = type(
        f"ManyGoods{count}",
        (ManyGoods,),
        {
            "__annotations__": {},
            "name": f"many-goods-{count}",
            "rewards": names,
            "concepts": tuple(Concept(name) for name in names),
        },
    )
    return dataclasses.dataclass(frozen=True)(kind)(height=SIZE, width=SIZE)
