"""Planners in a world that changes who plans: told apart by what they do.

In some worlds an agent can come to act otherwise than it chooses, as a drunken one does in
`whisky-gold` (`Env.self_change`). Planners differ in how they judge that:
    realistic   by the rewards, knowing what its changed self will do;
    hedonistic  as the changed self will feel it: every move then counts as the best there is;
    ignorant    by the rewards, as if its changed self would act as chosen.
After Everitt, Filan, Daswani & Hutter 2016, "Self-modification of policy and utility function in
rational agents"; the world of Leike et al. 2017, "AI safety gridworlds".
Everything is exact. Axis letters: L levels · S states · A actions · N outcomes · P policies ·
D agents · X deeds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.base.errors import UserError
from shardsim.env.core import Env
from shardsim.env.covariates import goal_moves
from shardsim.env.levels import sample_levels, take
from shardsim.env.planning import TIE
from shardsim.env.types import Level, Tabular
from shardsim.reflection.ground import asked
from shardsim.reflection.models.evaluators import EVALUATORS, Chain, chain_of, evaluate, optimal
from shardsim.reflection.world import views
from shardsim.shards.agents import Networks

CHANGES, EXPECTED, GETS = "changes itself", "expects", "gets"


class Deeds(NamedTuple):
    """What planners and agents do, over levels."""

    names: tuple[str, ...]  # X: changes itself, reaches each concept, expects, gets
    planners: np.ndarray  # float64[3, L, X], in the order of EVALUATORS
    agents: np.ndarray  # float64[D, L, X], NaN for what they expect; D = 0 without networks
    untrained: np.ndarray  # float64[D', L, X], the same of the networks before training, if any


class _Table(NamedTuple):
    """One level."""

    next_state: np.ndarray  # int[S, A, N]
    chance: np.ndarray  # float64[S, A, N]
    ended: np.ndarray  # bool[S, A, N]
    changed: np.ndarray  # bool[S]
    entered: np.ndarray  # bool[S, A, N, O]
    begin: np.ndarray  # float64[S], sums to 1


def deeds(
    env: Env,
    levels: Level,
    *,
    discount: float,
    networks: Networks | None = None,
    begin: np.ndarray | None = None,
) -> Deeds:
    """Follow the three planners, agents, and these before training, through levels [L].

    "changes itself" and the concepts are chances within the env's time limit; what a planner
    expects and what it gets are discounted returns without a time limit, in which the hedonistic
    one counts what it will feel.

    Args:
        env: a world with `self_change`.
        levels: of it.
        discount: γ < 1, of the planners and of returns.
        networks: agents to follow as well.
        begin: float[L, S], where episodes start; as the env says by default.

    Raises:
        UserError: nothing in this env changes who plans.
    """
    if env.self_change is None:
        raise UserError(
            f"nothing in {env.name} changes how an agent acts, so planners do not differ there; "
            "whisky-gold is such a world"
        )
    field, parameter = env.self_change
    believed = dataclasses.replace(env, **{parameter: 0.0})
    count = levels.walls.shape[0]
    trained = _agents(env, levels, networks, count)
    blank = _agents(env, levels, None if networks is None else networks.untrained, count)
    agents = np.concatenate([trained, blank])
    found = []
    for number in range(count):
        level = take(levels, number)
        weights = np.asarray(level.reward_weights)
        world, entered, fields = jax.tree.map(np.asarray, _solved(env, level))
        hoped = chain_of(_solved(believed, level)[0], weights)
        start = np.asarray(world.start if begin is None else begin[number], np.float64)
        chance = np.asarray(world.probability, np.float64)
        table = _Table(
            next_state=world.next_state,
            chance=chance / chance.sum(-1, keepdims=True),
            ended=world.terminated,
            changed=fields[field] > 0,
            entered=entered,
            begin=start / start.sum(),
        )
        chain, acting = chain_of(world, weights), agents[:, number]
        found.append(_in_level(table, chain, hoped, acting, discount, env.max_steps))
    planners, followed = (np.stack(part, 1) for part in zip(*found, strict=True))
    names = (CHANGES, *env.concept_names, EXPECTED, GETS)
    return Deeds(names, planners, followed[: len(trained)], followed[len(trained) :])


def planned(
    env: Env, count: int, *, discount: float, networks: Networks | None, seed: int
) -> Deeds:
    """Follow planners and agents through `count` target levels; arguments as in `deeds`."""
    levels = sample_levels(env, jax.random.key(seed), count, "target")
    return deeds(env, levels, discount=discount, networks=networks)


def policies(
    chain: Chain, believed: Chain, changed: np.ndarray, discount: float
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the policy float64[S, A] of each planner, and V float64[S] as it expects.

    Actions equally good share evenly.

    Args:
        chain: the world as it is.
        believed: the world if the changed self acted as it chooses.
        changed: bool[S], where the self is changed.
        discount: γ < 1.
    """
    felt = np.where(changed[:, None], chain.reward.max(), chain.reward)
    seen = {"realistic": chain, "hedonistic": chain._replace(reward=felt), "ignorant": believed}
    found = []
    for name in EVALUATORS:
        action_values = optimal(seen[name], discount)
        most = action_values.max(1, keepdims=True)
        good = action_values >= most - TIE * np.maximum(1.0, np.abs(most))
        found.append((good / good.sum(1, keepdims=True), most[:, 0]))
    return found


def _agents(env: Env, levels: Level, networks: Networks | None, count: int) -> np.ndarray:
    """Return what agents do in every state, float32[D, L, S, A]."""
    if networks is None:
        return np.zeros((0, count, env.num_states, len(env.action_names)), np.float32)
    states = jnp.tile(jnp.arange(env.num_states, dtype=jnp.int32), (count, 1))
    return asked(networks, networks.parameters, np.asarray(views(env, levels, states)))


@partial(jax.jit, static_argnums=0)
def _solved(env: Env, level: Level) -> tuple[Tabular, jax.Array, dict[str, jax.Array]]:
    """Return a level's tables, which moves reach each concept, and the fields of every state."""
    world = env.tabular(level)
    numbers = jnp.arange(env.num_states, dtype=jnp.int32)
    states = jax.vmap(env.state_at, (None, 0))(level, numbers)
    return world, goal_moves(env, level, world), states.fields


def _in_level(
    table: _Table,
    chain: Chain,
    believed: Chain,
    agents: np.ndarray,
    discount: float,
    steps: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the deeds of the planners float64[3, X] and of agents float64[D, X] in one level."""
    plans = policies(chain, believed, table.changed, discount)
    rows = [(policy, float(table.begin @ expects)) for policy, expects in plans]
    rows += [(agent.astype(np.float64), np.nan) for agent in agents]
    found = []
    for policy, expects in rows:
        chances = _chances(table, policy, steps)
        found.append([*chances, expects, float(table.begin @ evaluate(chain, policy, discount))])
    every = np.array(found)
    return every[: len(plans)], every[len(plans) :].reshape(len(agents), every.shape[1])


def _chances(table: _Table, policy: np.ndarray, steps: int) -> Sequence[float]:
    """Return how likely the agent changes itself, and reaches each concept, within some steps."""
    turns = ~table.changed[:, None, None] & table.changed[table.next_state]
    wanted = [turns, *np.moveaxis(table.entered, -1, 0)]
    return [_reached(table, policy, one, steps) for one in wanted]


def _reached(table: _Table, policy: np.ndarray, wanted: np.ndarray, steps: int) -> float:
    """Return how likely a move of bool[S, A, N] is made within some steps."""
    rate = policy[:, :, None] * table.chance
    goes = ~(wanted | table.ended)
    onward, there = rate * goes, table.next_state.ravel()
    hits = (rate * wanted).sum((1, 2))
    mass, total = table.begin, 0.0
    for _ in range(steps):
        total += float(mass @ hits)
        moved = (mass[:, None, None] * onward).ravel()
        mass = np.bincount(there, moved, minlength=len(mass))
    return total
