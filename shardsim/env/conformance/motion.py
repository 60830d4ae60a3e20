"""The checks of `check_env` on how a world moves: purity, tables, steps, starts, compilation.

Each yields what breaks one promise of the interface. Axis letters as in `shardsim.env.types`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.env.conformance.subject import LEVELS, Finding, Subject
from shardsim.env.levels import take
from shardsim.env.types import State, Step, Transition


def purity(subject: Subject) -> Iterator[Finding]:
    """Methods depend on their arguments alone; `transition` writes to none and keeps the level."""
    env, index = subject.env, jnp.int32(0)
    state, level = subject.state, subject.level
    asked = {
        "sample_level": (lambda key: env.sample_level(key, "train"), (subject.key,)),
        "start": (env.start, (subject.key, level)),
        "transition": (env.transition, (state, index, index)),
        "outcome_probability": (env.outcome_probability, (state, index)),
        "observe": (env.observe, (state,)),
        "covariates": (env.covariates, (state,)),
    }
    for name, (method, arguments) in asked.items():
        if _traced(method, arguments) != _traced(method, arguments):
            yield Finding(
                "purity",
                f"{name} answers the same question in two ways",
                "take chance from its key, or list it in outcome_probability; use no numpy.random",
            )
    moved, written = _transitions(subject)
    if written:
        yield Finding(
            "purity",
            "transition changes the state that it was given",
            "return state.replace(...) instead of writing into state.fields",
        )
    kept = zip(jax.tree.leaves(moved.state.level), jax.tree.leaves(level), strict=True)
    if not all(np.all(np.asarray(new) == np.asarray(old)) for new, old in kept):
        yield Finding(
            "purity",
            "transition returns another level",
            "keep what changes in state_fields and read it in present()",
        )


def _traced(method: Callable[..., Any], arguments: tuple[Any, ...]) -> str:
    """What a method computes, in JAX's own words, with the constants that it used."""
    # A new function each time, since JAX remembers what it has traced.
    program = jax.make_jaxpr(lambda *given: method(*given))(*arguments)
    constants = [np.asarray(constant).tobytes() for constant in program.consts]
    return re.sub(r"0x[0-9a-f]+", "", str(program)) + repr(constants)


def _transitions(subject: Subject) -> tuple[Transition, bool]:
    """Run every transition of a level; also say whether a state was written to."""
    env, level = subject.env, subject.level
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
            yield Finding("tables", "an agent can walk onto a wall", "move it with grid.grid_move")


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
    level = subject.level
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
    level = subject.level
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
    env, level = subject.env, subject.level
    chance = np.asarray(jax.jit(env.start_probability)(level))
    if abs(chance.sum() - 1) > 1e-4 or chance.min() < 0:
        yield Finding(
            "starts", f"the start probabilities sum to {chance.sum():.4g}", "let them sum to 1"
        )
        return
    begun = jax.jit(jax.vmap(lambda key: env.reset(key, level)))(jax.random.split(subject.key, 64))
    index = np.asarray(jax.jit(jax.vmap(env.index_of))(begun))
    if np.any(chance[index] == 0):
        yield Finding(
            "starts",
            "reset begins where start_probability is 0",
            "override start or start_mask or start_probability, not two that disagree",
        )
    elif np.any(np.asarray(level.walls).reshape(-1)[np.asarray(begun.fields["cell"])]):
        yield Finding(
            "starts", "an episode begins on a wall", "begin on free cells: fix start_probability"
        )
    for concept in _misplaced(subject, begun):
        yield Finding(
            "starts",
            f"{concept} begins elsewhere than its level says",
            "let initial_fields return the cell of a thing that moves",
        )
    if np.any(np.asarray(begun.steps) != 0):
        yield Finding("starts", "reset does not set steps to 0", "leave `reset` to the base")


def _misplaced(subject: Subject, begun: State) -> Iterator[str]:
    """Name the concepts that are not where the level has them when episodes [B] begin."""
    env, level = subject.env, subject.level
    where = np.asarray(jax.jit(jax.vmap(env.position))(begun))
    there = np.asarray(jax.jit(jax.vmap(env.present))(begun)) & np.asarray(level.present)
    away = np.any(where != np.asarray(level.position), axis=-1) & there
    for number in np.flatnonzero(away.any(axis=(0, 2))):
        yield env.concept_names[number]


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
