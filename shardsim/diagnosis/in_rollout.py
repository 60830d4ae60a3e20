"""Tier T: what a kept update says about acting, recomputed from the exact env.

Each function takes one seed's record and returns pairs by name; vmap gives all seeds. Axis
letters: T steps · B envs · N = T * B rows.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from shardsim.agent.action import log_probability
from shardsim.agent.learner import Learner, Record
from shardsim.agent.rollout import rollout
from shardsim.diagnosis.evidence import Measurement, Pair, share, worst
from shardsim.env.core import Env
from shardsim.env.types import State

SAMPLING_DEVIATIONS = 6.0  # standard errors; chance exceeds it in two of a thousand million
FLOATS = 1e-3  # relative; healthy runs stay below 5e-7 in float32

MEASUREMENTS = (
    Measurement("moves that the env cannot make", "environment", "share of steps", 0.0),
    Measurement("clock and time-outs", "environment", "share of steps", 0.0),
    Measurement("next state is where the last move led", "environment", "share of steps", 0.0),
    Measurement("observation when acting", "observation", "share of rows", 0.0),
    Measurement("observation when learning", "observation", "share of rows", 0.0),
    Measurement("action executed is the one recorded", "action", "share of steps", 0.0),
    Measurement("log-probability of the recorded action", "action", "nats", FLOATS),
    Measurement("actions as likely as sampled", "action", "nats", SAMPLING_DEVIATIONS),
    Measurement("learner's rows are the rollout's", "rollout", "share of rows", 0.0),
)


def rows_of(tree):
    """Return a pytree with [T, B] flattened to [N]."""
    return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), tree)


def in_rollout(learner: Learner, record: Record) -> dict[str, Pair]:
    """Return the pairs of the sections environment, observation, action and rollout."""
    happened = record.trajectory
    flat = rows_of(happened)
    return {
        "moves that the env cannot make": share(impossible_moves(learner.env, flat)),
        "clock and time-outs": share(wrong_clock(learner.env, flat)),
        "next state is where the last move led": share(broken_chain(learner.env, happened)),
        **observations(learner.env, record, flat.states),
        "action executed is the one recorded": share(flat.executed != flat.actions),
        "log-probability of the recorded action": worst(
            flat.log_probability, log_probability(flat.logits, flat.actions)
        ),
        "actions as likely as sampled": sampling(flat.logits, flat.actions),
        "learner's rows are the rollout's": share(wrong_rows(learner.env, record)),
    }


def impossible_moves(env: Env, flat) -> jax.Array:
    """Return bool[N]: no outcome of the executed action leads where the record says it led."""

    def one(state, action, led, rewards, terminated):
        def matches(outcome):
            exact = env.advance(state, action, outcome)
            same = env.index_of(exact.state) == env.index_of(led)
            alike = jnp.all(jnp.abs(exact.rewards - rewards) < 1e-6)
            return same & alike & (exact.terminated == terminated)

        possible = env.outcome_probability(state, action) > 0
        outcomes = jnp.arange(env.num_outcomes, dtype=jnp.int32)
        return ~jnp.any(possible & jax.vmap(matches)(outcomes))

    return jax.vmap(one)(
        flat.states, flat.executed, flat.final_states, flat.rewards, flat.terminated
    )


def wrong_clock(env: Env, flat) -> jax.Array:
    """Return bool[N]: steps not counted, or truncation not exactly at the time limit."""
    late = (flat.final_states.steps >= env.max_steps) & ~flat.terminated
    return (flat.final_states.steps != flat.states.steps + 1) | (flat.truncated != late)


def broken_chain(env: Env, happened) -> jax.Array:
    """Return bool[T-1, B]: the next state neither goes on nor begins a new episode."""
    index = jax.vmap(jax.vmap(env.index_of))
    led, now = index(happened.final_states)[:-1], index(happened.states)[1:]
    ended = (happened.terminated | happened.truncated)[:-1]
    steps = happened.states.steps[1:]
    goes_on = (led == now) & (steps == happened.final_states.steps[:-1])
    return jnp.where(ended, steps != 0, ~goes_on)


def observations(env: Env, record: Record, states: State) -> dict[str, Pair]:
    """Compare kept observations with those of the states that they belong to."""
    count = record.acted.shape[0]

    def differ(seen, states):
        exact = jax.vmap(env.observe)(jax.tree.map(lambda leaf: leaf[:count], states))
        return share(jnp.any(jnp.abs(seen - exact) > 1e-6, axis=(1, 2, 3)))

    return {
        "observation when acting": differ(record.acted, states),
        "observation when learning": differ(record.learned, record.batch.states),
    }


def sampling(logits: jax.Array, actions: jax.Array) -> Pair:
    """Compare the mean log-probability of the actions with its expectation, minus the entropy."""
    logs = jax.nn.log_softmax(logits)
    chance = jnp.exp(logs)
    expected = jnp.sum(chance * logs, axis=-1)
    variance = jnp.sum(chance * jnp.square(logs), axis=-1) - jnp.square(expected)
    measured, exact = jnp.mean(log_probability(logits, actions)), jnp.mean(expected)
    # A nearly certain policy has rare actions and so heavy tails: hence the floor.
    error = jnp.sqrt((jnp.mean(variance) + 0.05) / actions.shape[0])
    return Pair(measured, exact, jnp.abs(measured - exact) / error)


def wrong_rows(env: Env, record: Record) -> jax.Array:
    """Return bool[N]: rows of the learner's batch that differ from the flattened rollout."""
    exact, batch = rollout(record.trajectory, record.advantage), record.batch
    index = jax.vmap(env.index_of)
    same = (index(exact.states) == index(batch.states)) & (exact.actions == batch.actions)
    # No leaf where there is no memory.
    kept = (jax.tree.leaves(rows[2:]) for rows in (exact, batch))
    for one, other in zip(*kept, strict=True):
        same &= jnp.abs(one - other) < 1e-6
    walls = exact.states.level.walls == batch.states.level.walls
    return ~(same & jnp.all(walls, axis=(1, 2)))
