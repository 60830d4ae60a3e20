"""Reflection in the network's own weights: self-imitation of the plans that its shards endorse.

At each step the agent imagines plans from the onset in the exact world model, the shards active
there judge them, and the network learns to do what the endorsed plans do. No env reward enters.
After Ferbach et al. 2024 ("Self-consuming generative models with curated data provably optimize
human preferences") with many judges, who take turns or add up; plain self-distillation and
shuffled endorsements are the nulls.
Axis letters: D seeds · U onsets · R rules · T steps · B contexts · S states · A actions ·
K shards · O concepts · H, W, P an observation's rows, columns, planes.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import optax

from shardsim.reflection.config import RULES, ReflectConfig, Rule
from shardsim.reflection.imagine import Plans, endorse, imagine, pooled, shard_returns
from shardsim.reflection.measure import Logits, Measured, Probe, measure, policies
from shardsim.reflection.world import World

ADAM_EPSILON = 1e-3  # in units of the gradient
RATE = 3.5e10  # operations a second of small networks in many branches, on two cores


class Onset(NamedTuple):
    """Where reflection starts, with who judges there."""

    world: World  # [B]
    views: jax.Array  # float32[B, S, H, W, P]
    judges: jax.Array  # float32[B, K], q, sums to 1


class Numbers(NamedTuple):
    """What may change without a new compilation, float32[] each."""

    learning_rate: jax.Array
    strength: jax.Array  # of endorsement, b
    fading: jax.Array  # discount of what a shard wants
    discount: jax.Array  # of the env's return, for the competence


class Task(NamedTuple):
    """What all branches of a reflection share."""

    preferences: jax.Array  # float32[K, O]
    numbers: Numbers
    probe: Probe


class Trace(NamedTuple):
    """One branch, or with leading axes many."""

    measured: Measured  # [T + 1]
    parameters: Any  # at the end


@runtime_checkable
class Applies(Protocol):
    """A network: `apply(parameters, observations)` gives an output with `logits`."""

    def apply(self, parameters: Any, observations: jax.Array, /) -> Any:
        """Run observations float32[V, H, W, P] through the network."""


class Settings(NamedTuple):
    """What is static under jit."""

    network: Applies
    goals: tuple[int, ...]  # concepts that plans end at
    horizon: int  # moves of an episode
    steps: int
    gradients: int
    plans: int
    plan_moves: int
    rules: tuple[Rule, ...] = RULES


def settings_of(
    network: Applies, goals: tuple[int, ...], horizon: int, config: ReflectConfig
) -> Settings:
    """Return the static part of a config; the rest is `numbers_of`."""
    return Settings(
        network, goals, horizon, config.steps, config.gradients, config.plans, config.plan_moves
    )


def numbers_of(config: ReflectConfig, discount: float) -> Numbers:
    """Return the numbers of a config, with the discount of the env's return."""
    return Numbers(
        *map(jnp.float32, (config.learning_rate, config.strength, config.discount, discount))
    )


def expected_seconds(settings: Settings, onsets: Onset, probe: Probe, parameters: Any) -> float:
    """Return about how long `reflect_weights` will take on two cores, its compilation apart.

    Nearly all of it is networks looking: once a step at everything that is measured, and three
    times, there and back, at the onset for each gradient. Arguments as there.
    """
    agents, kinds, contexts, states = onsets.views.shape[:4]
    onset = contexts * states
    measured = (probe.target_views, probe.training_views, probe.with_object, probe.without_object)
    rows = onset + sum(views.shape[0] * views.shape[1] for views in measured)
    steps = settings.steps + 1
    views = agents * kinds * len(settings.rules) * steps * (rows + 3 * settings.gradients * onset)
    weights = sum(leaf.size for leaf in jax.tree.leaves(parameters)) // agents
    return 2.0 * weights * views / RATE


def logits_of(network: Applies, parameters: Any) -> Logits:
    """Return the function from observations to logits."""
    return lambda seen: network.apply(parameters, seen).logits


def imitation_loss(logits: Logits, onset: Onset, counts: jax.Array) -> jax.Array:
    """Return minus the log-likelihood of visits float32[B, S, A], weighed by context."""
    flat = logits(onset.views.reshape(-1, *onset.views.shape[2:]))
    chance = jax.nn.log_softmax(flat).reshape(counts.shape)
    return -jnp.einsum("b,bsa,bsa->", onset.world.weight, counts, chance)


def endorsed_visits(
    task: Task, onset: Onset, rule: jax.Array, plans: Plans, key: jax.Array
) -> jax.Array:
    """Return float32[B, S, A]: what the endorsed plans do, where."""
    returns = shard_returns(plans, task.preferences, task.numbers.fading)
    weight = endorse(rule, returns, plans.chance, onset.judges, task.numbers.strength, key)
    states, actions = onset.world.next_state.shape[1:3]
    return pooled(plans, weight, states, actions)


def learn(
    settings: Settings,
    rate: jax.Array,
    parameters: Any,
    optimiser: Any,
    onset: Onset,
    counts: jax.Array,
) -> tuple[Any, Any]:
    """Take some gradients toward the endorsed visits; return parameters and optimiser state."""

    def gradient(carry, _):
        parameters, optimiser = carry
        slope = jax.grad(
            lambda parameters: imitation_loss(
                logits_of(settings.network, parameters), onset, counts
            )
        )(parameters)
        with jax.numpy_dtype_promotion("standard"):  # optax raises a float to its integer count
            change, optimiser = adam(rate).update(slope, optimiser)
        return (optax.apply_updates(parameters, change), optimiser), None

    carry, _ = jax.lax.scan(gradient, (parameters, optimiser), length=settings.gradients)
    return carry


def adam(rate: jax.Array | float) -> optax.GradientTransformation:
    """Return the optimiser, fresh at onset: training's moments know of the env's reward.

    Its ε is large: otherwise Adam blows a zero-mean gradient up to full steps, and the nulls drift.
    """
    return optax.adam(rate, eps=ADAM_EPSILON)


def branch(
    settings: Settings, task: Task, onset: Onset, parameters: Any, rule: jax.Array, key: jax.Array
) -> Trace:
    """Reflect from one onset by one rule; `key` draws the same plans for every rule at first."""
    rate = task.numbers.learning_rate
    wanted = jnp.zeros(task.preferences.shape[1], bool).at[jnp.asarray(settings.goals)].set(True)
    network, probe = settings.network, task.probe

    def step(carry, number):
        parameters, optimiser = carry
        acting = policies(logits_of(network, parameters), onset.views, probe)
        seen = measure(
            onset.world,
            probe,
            acting,
            goals=settings.goals,
            discount=task.numbers.discount,
            horizon=settings.horizon,
        )
        plan_key, shuffle_key = jax.random.split(jax.random.fold_in(key, number))
        plans = imagine(
            plan_key, onset.world, acting.onset, wanted, settings.plans, settings.plan_moves
        )
        counts = endorsed_visits(task, onset, rule, plans, shuffle_key)
        learnt = learn(settings, rate, parameters, optimiser, onset, counts)
        # The last round only measures, so that the whole compiles once.
        last = number == settings.steps
        kept = jax.tree.map(
            lambda new, old: jnp.where(last, old, new), learnt, (parameters, optimiser)
        )
        return kept, seen

    begin = parameters, adam(rate).init(parameters)
    numbers = jnp.arange(settings.steps + 1, dtype=jnp.int32)
    (parameters, _), measured = jax.lax.scan(step, begin, numbers)
    return Trace(measured, parameters)


@partial(jax.jit, static_argnums=0)
def reflect_weights(
    settings: Settings, task: Task, onsets: Onset, parameters: Any, key: jax.Array
) -> Trace:
    """Reflect with every seed from every onset by every rule of the settings.

    Args:
        settings: static.
        task: shared by all.
        onsets: [D, U], chosen for each seed.
        parameters: [D].
        key: of the plans.

    Returns:
        Trace [D, U, R].
    """
    rules = jnp.asarray([RULES.index(rule) for rule in settings.rules], jnp.int32)

    def one(onset, parameters, key):
        return jax.vmap(lambda rule: branch(settings, task, onset, parameters, rule, key))(rules)

    count, kinds = onsets.judges.shape[:2]
    keys = jax.random.split(key, (count, kinds))
    each_onset = jax.vmap(one, in_axes=(0, None, 0))
    return jax.vmap(each_onset)(onsets, parameters, keys)
