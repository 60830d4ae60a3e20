"""The exact worlds behind a battery, for models that plan in them.

Axis letters: L levels · C contexts · S states · R those of them that contexts lead to · A actions ·
N outcomes · J reward terms.
"""

from __future__ import annotations

import dataclasses
from functools import cached_property, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.env.core import Env
from shardsim.env.covariates import goal_moves
from shardsim.env.part import kept_states, places, reached, renumbered
from shardsim.env.types import Level


class Tables(NamedTuple):
    """One level as a decision problem whose reward is a weighted sum of terms."""

    next_state: Any  # int32[S, A, N]; jax or numpy arrays
    onward: Any  # float32[S, A, N], chance of an outcome after which the episode goes on
    pay: Any  # float32[S, A, J], what each reward term is expected to pay


class Plans(NamedTuple):
    """What planning in the levels needs, as plain arrays: it can go to another process."""

    tables: Tables  # [L], over R
    row: np.ndarray  # int32[L, S], where among the rows of the tables each state is
    horizon: int  # steps that a soft plan looks ahead
    paid: np.ndarray  # float64[J'], the weights of what the env itself pays, the first terms
    concepts: int  # number of the terms after these, one for reaching each concept


@dataclasses.dataclass(frozen=True, eq=False)
class TabularModel:
    """The levels that contexts lie in as decision problems; tabulated when first needed, once.

    Planning from the contexts needs the states that are reached from them alone, often a tenth of
    all where things can be taken: no key lies untaken again. Pickled it holds its plans alone.
    """

    __no_type_check__ = True  # levels may hold jax or numpy arrays

    env: Env
    levels: Level  # [L]
    home: np.ndarray  # int64[C, 2], the level of each context and the number of its state there

    @property
    def count(self) -> int:
        """Number of levels, L."""
        return int(self.levels.walls.shape[0])

    @property
    def tables(self) -> Tables:
        """The tables [L] of all levels over R, numpy arrays; `rows` numbers the states."""
        return self.plans.tables

    def rows(self, home: np.ndarray) -> np.ndarray:
        """Return int32[M]: the rows in the tables of some contexts, int[M, 2] of `home`."""
        level, state = np.asarray(home).T
        return self.plans.row[level, state]

    @cached_property
    def plans(self) -> Plans:
        """What planning needs."""
        whole = Tables(*(np.asarray(leaf) for leaf in _tabulate_all(self.env, self.levels)))
        begin = np.zeros(whole.pay.shape[:2], bool)
        begin[tuple(self.home.T)] = True
        states = kept_states(reached(whole.next_state, whole.onward > 0, begin))
        levels = np.arange(len(states))[:, None]
        onward, pay = whole.onward[levels, states], whole.pay[levels, states]
        return Plans(
            tables=Tables(renumbered(whole.next_state, states), onward, pay),
            row=places(states, whole.pay.shape[1]),
            horizon=plan_length(self.env),
            paid=np.asarray(self.levels.reward_weights[0], np.float64),
            concepts=len(self.env.concepts),
        )

    def __getstate__(self) -> dict[str, Plans]:
        """The env may be of a file that another process has not loaded."""
        return {"plans": self.plans}

    def __setstate__(self, state: dict[str, Plans]) -> None:
        """Keep the plans."""
        self.__dict__.update(state)


def plan_length(env: Env) -> int:
    """Return how many steps a soft plan looks ahead: twice the grid's sides, or the time limit."""
    return min(env.max_steps, 2 * (env.height + env.width))


def term_names(env: Env) -> tuple[str, ...]:
    """Return the names on the axis J: what a single reward may be made of.

    What the env itself pays, reaching each concept, and reaching it by the strength of each drive
    or carried item, so that one reward can say 'food while hungry'.
    """
    reaching = [f"reaching {name}" for name in env.concept_names]
    driven = [f"{term} by {drive}" for drive in env.drive_names for term in reaching]
    return (*env.reward_names, *reaching, *driven)


def tabulate(env: Env, level: Level) -> Tables:
    """Tabulate one level (vmap over levels)."""
    table = env.tabular(level)
    entered = goal_moves(env, level, table).astype(jnp.float32)
    states = jnp.arange(env.num_states, dtype=jnp.int32)
    reaching = jnp.einsum("san,sano->sao", table.probability, entered)
    felt = jax.vmap(lambda index: env.drives(env.state_at(level, index)))(states)
    driven = [reaching * strength[:, None, None] for strength in felt.values()]
    own = jnp.einsum("san,rsan->sar", table.probability, table.rewards)
    return Tables(
        next_state=table.next_state,
        onward=jnp.where(table.terminated, 0.0, table.probability),
        pay=jnp.concatenate([own, reaching, *driven], axis=-1),
    )


@partial(jax.jit, static_argnums=0)
def _tabulate_all(env: Env, levels: Level) -> Tables:
    return jax.lax.map(partial(tabulate, env), levels)


def soft_action_values(tables: Tables, weights: jax.Array, discount, horizon: int) -> jax.Array:
    """Return Q float32[S, A], the logits of the soft-optimal policy of one reward.

    Q = r + γ E[V'], V = log mean_a exp Q: maximum-causal-entropy control (Ziebart, Bagnell & Dey
    2010, "Modeling interaction via the principle of maximum causal entropy"), rewards in units of
    the temperature, entropy relative to chance so that longer episodes earn nothing by length.

    Args:
        tables: of one level.
        weights: float32[J], of the reward terms.
        discount: float32[], γ.
        horizon: steps planned ahead.
    """
    reward = tables.pay @ weights
    actions = reward.shape[1]

    def back(values: jax.Array, _: None) -> tuple[jax.Array, None]:
        best = jax.nn.logsumexp(values, axis=1) - jnp.log(jnp.float32(actions))
        onward = jnp.sum(tables.onward * best[tables.next_state], axis=-1)
        return reward + discount * onward, None

    return jax.lax.scan(back, jnp.zeros_like(reward), length=horizon)[0]
