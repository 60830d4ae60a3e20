"""The checks of `check_env` on how a world moves: purity, tables, steps, starts, the oracle.

Each yields what breaks one promise of the interface. Axis letters as in `shardsim.env.types`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.env import planning
from shardsim.env.conformance import LEVELS, Finding, Subject, equal
from shardsim.env.core import Env
from shardsim.env.levels import take
from shardsim.env.types import Level, State, Step, Transition

EPISODES = 512  # for each start where the oracle is estimated by rolling out


def purity(subject: Subject) -> Iterator[Finding]:
    """`transition` depends on its arguments alone, changes none of them, and keeps the level."""
    once, written = _transitions(subject)
    again, _ = _transitions(subject)
    if written:
        yield Finding(
            "purity",
            "transition changes the state that it was given",
            "return state.replace(...) instead of writing into state.fields",
        )
    if not equal(once, again):
        yield Finding(
            "purity",
            "transition answers the same question in two ways",
            "use no random numbers in it: list outcomes in outcome_probability",
        )
    level = take(subject.levels, 0)
    kept = zip(jax.tree.leaves(once.state.level), jax.tree.leaves(level), strict=True)
    if not all(np.all(np.asarray(new) == np.asarray(old)) for new, old in kept):
        yield Finding(
            "purity",
            "transition returns another level",
            "keep what changes in state_fields and read it in present()",
        )


def _transitions(subject: Subject) -> tuple[Transition, bool]:
    """Trace and run every transition of a level afresh; also say whether a state was written to."""
    env, level = subject.env, take(subject.levels, 0)
    written = []

    def one(index: jax.Array, action: jax.Array) -> Transition:
        state = env.state_at(level, index)
        before = dict(state.fields)
        moved = env.transition(state, action, jnp.int32(0))
        if any(state.fields.get(key) is not value for key, value in before.items()):
            written.append(True)
        return moved

    states = jnp.arange(env.num_states, dtype=jnp.int32)
    actions = jnp.arange(env.num_actions, dtype=jnp.int32)
    return jax.jit(jax.vmap(jax.vmap(one, (None, 0)), (0, None)))(states, actions), bool(written)


def tables(subject: Subject) -> Iterator[Finding]:
    """Chances sum to one, and every state that is reached exists and stands on a free cell."""
    env = subject.env
    if env.num_states > env.max_states:
        return
    table = jax.tree.map(np.asarray, subject.tabular)
    total = table.probability.sum(axis=-1)
    if np.abs(total - 1).max() > 1e-4 or table.probability.min() < 0:
        yield Finding(
            "tables",
            f"the outcome probabilities of an action sum to {_worst(total):.4g}",
            "let outcome_probability sum to 1, with nothing below 0",
        )
    fields = jax.tree.map(np.asarray, subject.stepped.state.fields)
    for field, size in env.state_fields.items():
        low, high = fields[field].min(), fields[field].max()
        if low < 0 or high >= size:
            yield Finding(
                "tables",
                f"a step gives {field} = {low if low < 0 else high}, outside 0..{size - 1}",
                f"keep {field} in range, or raise its size in state_fields",
            )
            return
    cells = np.arange(env.num_states) // (env.num_states // (env.height * env.width))
    if next(iter(env.state_fields)) == "cell":
        walls = np.asarray(subject.levels.walls).reshape(LEVELS, -1)[:, cells]
        if np.any(table.reachable & walls):
            yield Finding(
                "tables", "an agent can walk onto a wall", "move it with layouts.grid_move"
            )


def _worst(total: np.ndarray) -> float:
    return float(total.reshape(-1)[np.abs(total - 1).argmax()])


def steps(subject: Subject) -> Iterator[Finding]:
    """`step` does what the tables say, pays the weighted sum, and keeps the two ends apart."""
    env, name = subject.env, "steps"
    step = jax.tree.map(np.asarray, subject.stepped)
    weights = np.asarray(subject.levels.reward_weights[0])
    if not np.allclose(step.reward, step.rewards @ weights, atol=1e-5):
        yield Finding(
            name, "reward is not the rewards times reward_weights", "leave `step` to the base"
        )
    yield from _against_tables(subject, step)
    if step.truncated.any() and env.max_steps > 1:
        yield Finding(
            name, "a first step is truncated", "let truncated mean steps >= max_steps alone"
        )
    level = take(subject.levels, 0)
    last = jax.vmap(
        lambda index, action: env.step(
            subject.key,
            env.state_at(level, index).replace(steps=jnp.int32(env.max_steps - 1)),
            action,
        ),
        (None, 0),
    )
    actions = jnp.arange(env.num_actions, dtype=jnp.int32)
    ended = jax.jit(jax.vmap(last, (0, None)))(jnp.arange(env.num_states), actions)
    if np.any(ended.terminated & ended.truncated):
        yield Finding(
            name,
            "a step is both terminated and truncated",
            "truncate only where the world has not ended",
        )
    elif not np.all(ended.terminated | ended.truncated):
        yield Finding(
            name,
            f"an episode goes on after max_steps = {env.max_steps}",
            "truncate when steps reaches max_steps",
        )
    if env.num_outcomes == 1 and np.any(ended.terminated[:, :] & ~step.terminated[:, :, 0]):
        yield Finding(
            name, "running out of time counts as terminated", "leave the time limit to the base"
        )
    if np.any(ended.state.steps != env.max_steps):
        yield Finding(name, "steps is not counted up by one", "leave `steps` to the base")


def _against_tables(subject: Subject, step: Step) -> Iterator[Finding]:
    """Compare each drawn step with the table's outcomes of the same state and action."""
    env = subject.env
    table = jax.tree.map(lambda leaf: np.asarray(leaf[0]), subject.tabular)
    draws = step.reward.shape[2]
    level = take(subject.levels, 0)
    state = State(level, step.state.fields, jnp.int32(0))
    there = np.asarray(env.index_of(state))
    # Axes S, A, draws, N: is the drawn step this outcome of the table?
    same = (there[..., None] == table.next_state[:, :, None]) & (
        step.terminated[..., None] == table.terminated[:, :, None]
    )
    paid = np.moveaxis(table.rewards, 0, -1)[:, :, None]
    same &= np.all(np.isclose(step.rewards[:, :, :, None], paid, atol=1e-6), axis=-1)
    same &= table.probability[:, :, None] > 0
    if not same.any(axis=-1).all():
        at = np.argwhere(~same.any(axis=-1))[0]
        yield Finding(
            "steps",
            f"step leads from state {at[0]} by {env.action_names[at[1]]} where the table does not",
            "leave `step` and `tabular` to the base, and put all rules into transition",
        )
        return
    seen, chance = same.mean(axis=2), table.probability
    alone = [
        (table.next_state[:, :, n, None] == table.next_state).sum(axis=2) == 1
        for n in range(chance.shape[2])
    ]
    surprise = np.abs(seen - chance) * np.stack(alone, axis=-1)
    # A rare outcome misses Hoeffding's bound once in e^20 comparisons.
    if draws > 1 and surprise.max() > np.sqrt(20 / (2 * draws)):
        yield Finding(
            "steps",
            "step draws outcomes with other chances than outcome_probability",
            "leave `step` to the base",
        )


def starts(subject: Subject) -> Iterator[Finding]:
    """Episodes start where the start probabilities say, with no steps taken."""
    env, level = subject.env, take(subject.levels, 0)
    chance = np.asarray(env.start_probability(level))
    if abs(chance.sum() - 1) > 1e-4 or chance.min() < 0:
        yield Finding(
            "starts", f"the start probabilities sum to {chance.sum():.4g}", "let them sum to 1"
        )
        return
    begun = jax.jit(jax.vmap(lambda key: env.reset(key, level)))(jax.random.split(subject.key, 64))
    index = np.asarray(jax.vmap(env.index_of)(begun))
    if np.any(chance[index] == 0):
        yield Finding(
            "starts",
            "reset begins where start_probability is 0",
            "override start or start_mask or start_probability, not two that disagree",
        )
    if np.any(np.asarray(begun.steps) != 0):
        yield Finding("starts", "reset does not set steps to 0", "leave `reset` to the base")


def compilation(subject: Subject) -> Iterator[Finding]:
    """One trace serves all levels, and a step's own state as well as a fresh one."""
    env, traces = subject.env, []

    def counted(key: jax.Array, state: State, action: jax.Array) -> Step:
        traces.append(1)
        return env.step(key, state, action)

    step = jax.jit(counted)
    state = env.reset(subject.key, take(subject.levels, 0))
    for level in range(2):
        moved = step(subject.key, state, jnp.int32(0))
        step(subject.key, moved.state, jnp.int32(0))
        state = env.reset(subject.key, take(subject.levels, level))
    if len(traces) != 1:
        yield Finding(
            "compilation",
            f"step was compiled {len(traces)} times for levels of one shape",
            "give state fields the dtype int32 exactly: jnp.int32(...) or .astype(jnp.int32)",
        )


def oracle(subject: Subject) -> Iterator[Finding]:
    """The exact optimum is what its own plan earns when rolled out through `step`."""
    env, level = subject.env, take(subject.levels, 0)
    table = jax.tree.map(lambda leaf: leaf[0], subject.tabular)
    values, plan = jax.jit(planning.optimal_plan, static_argnums=(2, 3))(
        table, level.reward_weights, 1.0, env.max_steps
    )
    begin = np.flatnonzero(np.asarray(table.start))
    draws = EPISODES if env.num_outcomes > 1 else 1
    index = jnp.asarray(np.repeat(begin, draws), jnp.int32)
    earned = jax.jit(jax.vmap(lambda at, key: _earned(env, level, plan, at, key)))(
        index, jax.random.split(subject.key, len(index))
    )
    earned = np.asarray(earned).reshape(len(begin), draws)
    off = np.abs(earned.mean(axis=1) - np.asarray(values)[0][begin])
    # Five standard errors where moves are drawn, floating-point error where they are certain.
    allowed = 1e-3 + 5 * earned.std(axis=1) / np.sqrt(draws) + (0.02 if draws > 1 else 0)
    if np.any(off > allowed):
        yield Finding(
            "oracle",
            f"the optimal value differs by {off.max():.3g} from what its plan earns in `step` "
            f"(discount 1, horizon {env.max_steps})",
            "put every rule into transition: nothing may depend on steps or on hidden state",
        )


def _earned(env: Env, level: Level, plan: jax.Array, index: jax.Array, key: jax.Array) -> jax.Array:
    """Return float32[]: the undiscounted return of the plan int32[T, S] from a state."""

    def step(carry: Any, best: jax.Array) -> Any:
        state, key, alive, total = carry
        key, own = jax.random.split(key)
        moved = env.step(own, state, best[env.index_of(state)])
        total = total + jnp.where(alive, moved.reward, 0.0)
        return (moved.state, key, alive & ~moved.terminated & ~moved.truncated, total), None

    start = (env.state_at(level, index), key, jnp.bool_(True), jnp.float32(0))
    return jax.lax.scan(step, start, plan)[0][-1]
