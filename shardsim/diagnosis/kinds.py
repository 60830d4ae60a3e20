"""Which known kind of mistake a disagreement looks like: a hint beside the section, no verdict.

Each function takes one seed's record at one phase. Axis letters: T steps · B envs · N = T * B.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.agent.advantage import advantage
from shardsim.agent.config import TrainConfig
from shardsim.agent.learner import Learner, Record
from shardsim.agent.reward import reward
from shardsim.diagnosis.in_rollout import impossible_moves, rows_of

FITS = 1e-3  # relative: what is left where a kind explains everything
DISCOUNTS = (0.5, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1.0)
LAMBDAS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 1.0)

VIEWS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "rows and columns exchanged": lambda seen: jnp.swapaxes(seen, 1, 2),
    "upside down": lambda seen: seen[:, ::-1],
    "left and right exchanged": lambda seen: seen[:, :, ::-1],
    "empty": jnp.zeros_like,
}


def kind_of(learner: Learner, config: TrainConfig, section: str, record: Record) -> str:
    """Say in words which kind of mistake a section's outputs fit, or nothing."""
    if section == "environment":
        return exchanged_moves(learner, record)
    if section == "observation":
        return views(learner, record)
    if section == "reward":
        return scales(record)
    if section == "advantage":
        return advantages(config, record)
    return ""


def exchanged_moves(learner: Learner, record: Record) -> str:
    """Name the actions that are carried out as other ones, where that explains every step."""
    env, flat = learner.env, rows_of(record.trajectory)
    names = env.action_names
    carried = []
    for action in range(env.num_actions):
        mine = np.asarray(flat.executed) == action
        wrong = [
            np.asarray(
                impossible_moves(env, flat._replace(executed=jnp.full_like(flat.executed, other)))
            )[mine].mean()
            if mine.any()
            else 0.0
            for other in range(env.num_actions)
        ]
        if wrong[action] > 0 and min(wrong) == 0:
            carried.append(f"{names[action]} is carried out as {names[int(np.argmin(wrong))]}")
    return "; ".join(carried)


def views(learner: Learner, record: Record) -> str:
    """Name the side that sees otherwise, and how."""
    count = record.acted.shape[0]
    flat = rows_of(record.trajectory)
    said = []
    for side, seen, states in (
        ("acting", record.acted, flat.states),
        ("learning", record.learned, record.batch.states),
    ):
        rows = jax.tree.map(lambda leaf: leaf[:count], states)
        exact = jax.vmap(learner.env.observe)(rows)
        if jnp.array_equal(seen, exact):
            continue
        for name, view in VIEWS.items():
            changed = view(exact)
            if changed.shape == seen.shape and jnp.array_equal(seen, changed):
                said.append(f"{side} sees it {name}")
                break
    return "; ".join(said)


def scales(record: Record) -> str:
    """Say by which one number the reward is off, if by one."""
    happened = record.trajectory
    exact = np.asarray(reward(happened.states.level.reward_weights, happened.rewards)).ravel()
    measured = np.asarray(record.rewards).ravel()
    square = float(np.dot(exact, exact))
    if square == 0:
        return ""
    factor = float(np.dot(exact, measured)) / square
    fits = np.abs(measured - factor * exact).max() <= FITS * np.abs(measured).max()
    return f"it is {factor:g} times what it should be" if fits else ""


def advantages(config: TrainConfig, record: Record) -> str:
    """Name the discount, the λ or the treatment of ends that reproduces the advantages."""
    happened = record.trajectory
    ended = happened.terminated | happened.truncated
    never = jnp.zeros_like(ended)
    own = (config.discount, config.gae_lambda)
    tried = {
        "time-outs count as terminal": (ended, happened.truncated, *own),
        "terminations count as time-outs": (never, ended, *own),
        "ends are not seen at all": (never, never, *own),
        **{
            f"discount {discount:g} instead of {own[0]:g}": (
                happened.terminated,
                happened.truncated,
                discount,
                own[1],
            )
            for discount in DISCOUNTS
        },
        **{
            f"lambda {decay:g} instead of {own[1]:g}": (
                happened.terminated,
                happened.truncated,
                own[0],
                decay,
            )
            for decay in LAMBDAS
        },
    }
    left = {
        name: float(
            jnp.max(
                jnp.abs(
                    record.advantage.advantages
                    - advantage(
                        happened.values, record.next_values, record.rewards, *how
                    ).advantages
                )
            )
        )
        for name, how in tried.items()
    }
    best = min(left, key=lambda name: left[name])
    size = float(jnp.max(jnp.abs(record.advantage.targets))) + 1.0
    return best if left[best] <= FITS * size else ""
