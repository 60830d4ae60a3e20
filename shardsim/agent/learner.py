"""One update of one seed: a rollout, then some passes of minibatch gradients over it.

Everything that a diagnosis needs of the update is returned beside the new state, in `Record`.
Axis letters: T steps · B envs · N = T * B rows · K rows of a minibatch.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from shardsim.agent.advantage import Advantage
from shardsim.agent.components import Components
from shardsim.agent.environment import reset
from shardsim.agent.hyperparameters import Hyperparameters, InForce, in_force
from shardsim.agent.loss import Coefficients, LossParts
from shardsim.agent.metrics import Metrics, finished_returns
from shardsim.agent.minibatches import minibatch_rows
from shardsim.agent.network import Network
from shardsim.agent.reward import scheduled
from shardsim.agent.rollout import Batch, Trajectory
from shardsim.agent.structure import Structure
from shardsim.env.core import Env
from shardsim.env.episodes import Bank
from shardsim.env.levels import take
from shardsim.env.types import Level, State

SEEN_ROWS = 128  # rows of a batch whose observations are kept as acted on and as learned from

Weights = tuple[Any, Any]  # parameters and the optimiser's state


class Learner(NamedTuple):
    """What one update needs and never changes (static under jit); its numbers are given apart."""

    env: Env
    structure: Structure
    components: Components
    network: Network


class Carry(NamedTuple):
    """The whole state of one seed's training between updates."""

    parameters: Any
    optimiser: Any
    states: State  # [B]
    earned: jax.Array  # float32[B], what each running episode was paid so far, weighed
    update: jax.Array  # int32[], updates done
    key: jax.Array  # PRNG key[], never changes; each update folds its number in
    memory: jax.Array | None = None  # float32[B, D], of a network with one


class MinibatchStep(NamedTuple):
    """Parameters and optimiser state around one minibatch: a consecutive pair."""

    rows: jax.Array  # int32[K]
    parameters_before: Any
    optimiser_before: Any
    parameters_after: Any
    optimiser_after: Any


class Record(NamedTuple):
    """One update as it happened."""

    trajectory: Trajectory  # [T, B]
    next_values: jax.Array  # float32[T, B], meaningless where an episode terminated
    rewards: jax.Array  # float32[T, B], weighed
    advantage: Advantage  # [T, B]
    batch: Batch  # [N], what the learner read
    acted: jax.Array  # float32[min(N, SEEN_ROWS), H, W, C], observations when acting
    learned: jax.Array  # float32[min(N, SEEN_ROWS), H, W, C], the same rows when learning
    first: MinibatchStep
    last: MinibatchStep
    learning_rate: jax.Array  # float32[]
    entropy: jax.Array  # float32[], the bonus in force, nats


def first_parameters(learner: Learner, key: jax.Array) -> Any:
    """Return untrained parameters."""
    return learner.network.init(key, jnp.zeros((1, *learner.env.observation_shape), jnp.float32))


def first_carry(
    learner: Learner,
    numbers: Hyperparameters,
    bank: Bank,
    parameters: Any,
    states_key: jax.Array,
    run_key: jax.Array,
) -> Carry:
    """Return the state before the first update."""
    return Carry(
        parameters=parameters,
        optimiser=learner.components.update.init(parameters, numbers.max_grad_norm),
        states=reset(bank, states_key, learner.structure.num_envs),
        earned=jnp.zeros(learner.structure.num_envs, jnp.float32),
        update=jnp.int32(0),
        key=run_key,
        memory=learner.network.empty_memory(learner.structure.num_envs),
    )


def _weighed(learner: Learner, levels: Level, progress: jax.Array) -> Level:
    """Put the weights of rewards that hold now into levels."""
    schedule, names = learner.structure.reward_schedule, learner.env.reward_names
    if not schedule:
        return levels
    return levels.replace(
        reward_weights=scheduled(schedule, names, levels.reward_weights, progress)
    )


def update_once(
    learner: Learner, numbers: Hyperparameters, bank: Bank, carry: Carry, progress: jax.Array
) -> tuple[Carry, Record, Metrics]:
    """Do one update; `progress` float32[] runs from 0 to 1 over training."""
    components, now = learner.components, in_force(numbers, progress)
    rollout_key, epochs_key = jax.random.split(jax.random.fold_in(carry.key, carry.update))
    bank = bank._replace(levels=_weighed(learner, bank.levels, progress))
    states = carry.states.replace(level=_weighed(learner, carry.states.level, progress))
    carry = carry._replace(states=states)
    (states, memory), trajectory = collect(learner, bank, carry, rollout_key, now.exploration)
    next_values = values_of_next(learner, carry.parameters, trajectory, states, memory)
    weights = trajectory.states.level.reward_weights
    rewards = components.reward(weights, trajectory.rewards)
    advantage = components.advantage(
        trajectory.values,
        next_values,
        rewards,
        trajectory.terminated,
        trajectory.truncated,
        numbers.discount,
        numbers.gae_lambda,
    )
    batch = components.rollout(trajectory, advantage)
    learnt = epochs(learner, numbers, carry, batch, epochs_key, now)
    seen = min(SEEN_ROWS, batch.actions.shape[0])
    flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:])[:seen], trajectory.states)
    record = Record(
        trajectory=trajectory,
        next_values=next_values,
        rewards=rewards,
        advantage=advantage,
        batch=batch,
        acted=components.observation.acting(learner.env, flat),
        learned=components.observation.learning(learner.env, take(batch.states, slice(seen))),
        first=learnt.first,
        last=learnt.last,
        learning_rate=now.learning_rate,
        entropy=now.entropy,
    )
    ended = trajectory.terminated | trajectory.truncated
    earned, returns = finished_returns(carry.earned, rewards, ended)
    metrics = Metrics(
        episodes=jnp.sum(ended, dtype=jnp.float32),
        returns=returns,
        length=jnp.sum(jnp.where(ended, trajectory.final_states.steps, 0), dtype=jnp.float32),
        loss=learnt.loss,
        gradient_norm=learnt.gradient_norm,
    )
    state = learnt.parameters, learnt.optimiser, states, earned
    return Carry(*state, carry.update + 1, carry.key, memory), record, metrics


def collect(
    learner: Learner, bank: Bank, carry: Carry, key: jax.Array, exploration: jax.Array
) -> tuple[tuple[State, jax.Array | None], Trajectory]:
    """Act for `rollout_steps` in every env; return where each env is now, and what happened.

    Where an env is now is its state, and the memory float32[B, D] of a network with one.
    `exploration` float32[] is the chance of a random move, for learners that explore so.
    """
    env, components = learner.env, learner.components

    def step(now: tuple[State, jax.Array | None], keys: jax.Array):
        states, memory = now
        action_key, step_key = keys
        seen = components.observation.acting(env, states)
        output = learner.network.run(
            carry.parameters, seen, memory=memory, begins=begins(learner, states)
        )
        chosen = components.action(action_key, output.logits, exploration)
        moved = components.environment(env, bank, step_key, states, chosen.executed)
        happened = Trajectory(
            states=states,
            final_states=moved.final_states,
            actions=chosen.recorded,
            executed=chosen.executed,
            log_probability=chosen.log_probability,
            logits=output.logits,
            values=output.value,
            rewards=moved.rewards,
            terminated=moved.terminated,
            truncated=moved.truncated,
            memory=memory,
            next_memory=output.memory,
        )
        return (moved.states, output.memory), happened

    keys = jax.random.split(key, (learner.structure.rollout_steps, 2))
    return jax.lax.scan(step, (carry.states, carry.memory), keys)


def begins(learner: Learner, states: State) -> jax.Array | None:
    """Return bool[...], which states are an episode's first; None where nothing is remembered."""
    return states.steps == 0 if learner.network.remembers else None


def values_of_next(
    learner: Learner,
    parameters: Any,
    trajectory: Trajectory,
    states: State,
    memory: jax.Array | None,
) -> jax.Array:
    """Return float32[T, B]: the critic's values of where each move led, before any new episode.

    They are those of the next step's state, which the critic was asked for when acting, but where
    an episode was truncated: those states alone are asked for here, and where all envs are at last.
    Where an episode terminated nothing follows, and the value is that of the next one's start.

    Args:
        learner: static.
        parameters: of one seed, those that acted.
        trajectory: [T, B].
        states: [B], where each env is after the last step.
        memory: float32[B, D], likewise; None without one.
    """
    last = values_of(learner, parameters, jax.tree.map(lambda leaf: leaf[None], states), memory)
    ahead = jnp.concatenate([trajectory.values[1:], last]).reshape(-1)
    steps, envs = trajectory.values.shape
    # Two truncations in one env lie `max_steps` apart, so that there can be no more than these.
    most = envs * (1 + (steps - 1) // learner.env.max_steps)
    cut = trajectory.truncated.reshape(-1)
    rows = jnp.nonzero(cut, size=min(most, cut.size), fill_value=0)[0]
    at, held = jax.tree.map(
        lambda leaf: leaf.reshape(cut.size, *leaf.shape[2:])[rows][None],
        (trajectory.final_states, trajectory.next_memory),
    )
    there = values_of(learner, parameters, at, held)[0]
    return ahead.at[rows].set(jnp.where(cut[rows], there, ahead[rows])).reshape(steps, envs)


def values_of(
    learner: Learner, parameters: Any, states: State, memory: jax.Array | None = None
) -> jax.Array:
    """Return float32[T, B]: the critic's values of states [T, B], with memory [T, B, D]."""
    shape = states.steps.shape
    flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), states)
    seen = learner.components.observation.acting(learner.env, flat)
    rows = None if memory is None else memory.reshape(-1, memory.shape[-1])
    return learner.network.run(parameters, seen, memory=rows).value.reshape(shape)


class Learnt(NamedTuple):
    """What the passes over one batch end in."""

    parameters: Any
    optimiser: Any
    first: MinibatchStep
    last: MinibatchStep
    loss: LossParts  # means over minibatches
    gradient_norm: jax.Array  # float32[], mean over minibatches


def epochs(
    learner: Learner,
    numbers: Hyperparameters,
    carry: Carry,
    batch: Batch,
    key: jax.Array,
    now: InForce,
) -> Learnt:
    """Pass over the batch `epochs` times, in fresh minibatches each time."""
    count = batch.actions.shape[0]
    rows = minibatch_rows(learner.structure, count, learner.network.remembers, key)
    inputs = inputs_of(learner, batch)  # once, and not again in every pass
    coefficients = Coefficients(
        jnp.asarray(numbers.clip), jnp.asarray(numbers.value_coefficient), now.entropy
    )

    def step(states: tuple[Weights, Weights, Weights], numbered: tuple[jax.Array, jax.Array]):
        before, _, first = states
        number, rows = numbered
        parameters, optimiser = before
        gradients, parts = minibatch_gradient(
            learner, parameters, batch, inputs, rows, coefficients
        )
        after = learner.components.update.apply(
            gradients, optimiser, parameters, now.learning_rate, numbers.max_grad_norm
        )
        # Kept from inside the loop: a step before it would compile the gradient twice.
        first = jax.lax.cond(number == 0, lambda: after, lambda: first)
        return (after, before, first), (parts, optax.tree.norm(gradients))

    begun = (carry.parameters, carry.optimiser)
    (done, before, first), (parts, norms) = jax.lax.scan(
        step, (begun, begun, begun), (jnp.arange(len(rows), dtype=jnp.int32), rows)
    )
    return Learnt(
        *done,
        first=MinibatchStep(rows[0], *begun, *first),
        last=MinibatchStep(rows[-1], *before, *done),
        loss=jax.tree.map(jnp.mean, parts),
        gradient_norm=jnp.mean(norms),
    )


def inputs_of(learner: Learner, batch: Batch) -> jax.Array:
    """Return float32[N, ...]: what the network's first layer reads of a batch when learning."""
    seen = learner.components.observation.learning(learner.env, batch.states)
    return learner.network.inputs(seen)


def minibatch_gradient(
    learner: Learner,
    parameters: Any,
    batch: Batch,
    inputs: jax.Array,
    rows: jax.Array,
    coefficients: Coefficients,
) -> tuple[Any, LossParts]:
    """Return the gradient of the loss on the rows int32[K] of a batch; `inputs` of `inputs_of`."""
    part, seen, network = take(batch, rows), inputs[rows], learner.network.past_inputs()
    first = len(rows) // learner.structure.rollout_steps  # gradients go back to the rollout's first
    memory = None if part.memory is None else part.memory[:first]

    def objective(parameters):
        output = network.run(parameters, seen, memory=memory, begins=begins(learner, part.states))
        return learner.components.loss(output, part, coefficients)

    return jax.grad(objective, has_aux=True)(parameters)
