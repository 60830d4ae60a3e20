"""Reflection in the network's own weights: self-imitation of the plans that its shards endorse.

At each step the agent imagines plans from the onset in the exact world model, the shards active
there judge them, and the network learns to do what the endorsed plans do. No env reward enters.
After Ferbach et al. 2024 ("Self-consuming generative models with curated data provably optimize
human preferences") with many judges, who take turns or add up; plain self-distillation and
shuffled endorsements are the nulls. Other rules ask the agent's critic: what each teaches stands in
`lessons`, the loop is the same for all.
Axis letters: D seeds · U onsets · R rules · T steps · M steps at which parameters are kept ·
B contexts · S states · Z all states reached from a context · A actions · K shards · O concepts.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from shardsim.reflection import lessons
from shardsim.reflection.config import RULES, USUAL, ReflectConfig, Rule, rules_of
from shardsim.reflection.imagine import imagine
from shardsim.reflection.lessons import Applies, Lesson, Now, Onset, Task
from shardsim.reflection.measure import Logits, Measured, Probe, measure, policies

ADAM_EPSILON = 1e-3  # in units of the gradient
RATE = 3.5e10  # operations a second of small networks in many branches, on two cores


class Trace(NamedTuple):
    """One branch, or with leading axes many."""

    measured: Measured  # [T + 1]
    parameters: Any  # at the end
    kept: Any = None  # [M], parameters on the way; None where no step is asked for
    around: jax.Array | None = None  # float32[T + 1, B, Z, A], policies; None likewise
    gap: jax.Array | None = None  # float32[], distance of actor and critic at onset


class Settings(NamedTuple):
    """What is static under jit."""

    network: Applies
    goals: tuple[int, ...]  # concepts that plans end at
    horizon: int  # moves of an episode
    steps: int
    gradients: int
    plans: int
    plan_moves: int
    rules: tuple[Rule, ...] = rules_of(USUAL)
    kept: tuple[int, ...] = ()  # steps after which parameters are kept, M of them


def settings_of(
    network: Applies, goals: tuple[int, ...], horizon: int, config: ReflectConfig
) -> Settings:
    """Return the static part of a config; the rest is `numbers_of`."""
    return Settings(
        network,
        goals,
        horizon,
        config.steps,
        config.gradients,
        config.plans,
        config.plan_moves,
        rules_of(config.models),
        config.refit_steps,
    )


def expected_seconds(settings: Settings, onsets: Onset, probe: Probe, parameters: Any) -> float:
    """Return about how long `reflect_weights` will take on two cores, its compilation apart.

    Nearly all of it is networks looking: once a step at everything that is measured, and three
    times, there and back, at the onset for each gradient. Arguments as there.
    """
    agents, kinds, contexts, states = onsets.views.shape[:4]
    onset, around = contexts * states, onsets.around
    measured = (probe.target_views, probe.training_views, probe.with_object, probe.without_object)
    rows = onset + sum(views.shape[0] * views.shape[1] for views in measured)
    rows += 0 if around is None else around.shape[2] * around.shape[3]
    rows += onset if lessons.asks_critic(settings.rules) else 0
    steps = settings.steps + 1
    views = agents * kinds * len(settings.rules) * steps * (rows + 3 * settings.gradients * onset)
    weights = sum(leaf.size for leaf in jax.tree.leaves(parameters)) // agents
    return 2.0 * weights * views / RATE


def logits_of(network: Applies, parameters: Any) -> Logits:
    """Return the function from observations to logits."""
    return lambda seen: network.apply(parameters, seen).logits


def learn(
    settings: Settings,
    rate: jax.Array,
    parameters: Any,
    optimiser: Any,
    onset: Onset,
    taught: Lesson,
) -> tuple[Any, Any]:
    """Take some gradients toward a lesson; return parameters and optimiser state."""

    def gradient(carry, _):
        parameters, optimiser = carry
        slope = jax.grad(
            lambda parameters: lessons.loss(settings.network, parameters, onset, taught)
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
    numbers, network, probe = task.numbers, settings.network, task.probe
    wanted = jnp.zeros(task.preferences.shape[1], bool).at[jnp.asarray(settings.goals)].set(True)

    def critic_of(parameters):
        asked = lessons.asks_critic(settings.rules)
        return lessons.critic_values(network, parameters, onset) if asked else None

    first = lessons.policy_of(network, parameters, onset.views)
    before = lessons.agent_before(
        numbers, onset, first, critic_of(parameters), wanted, settings.plan_moves
    )

    def step(carry, number):
        parameters, optimiser, kept = carry
        acting = policies(logits_of(network, parameters), onset.views, probe, onset.around)
        seen = measure(
            onset.world,
            probe,
            acting,
            goals=settings.goals,
            discount=numbers.discount,
            horizon=settings.horizon,
        )
        kept = _noted(settings.kept, kept, parameters, number)
        plan_key, shuffle_key = jax.random.split(jax.random.fold_in(key, number))
        plans = imagine(
            plan_key, onset.world, acting.onset, wanted, settings.plans, settings.plan_moves
        )
        now = Now(acting.onset, plans, critic_of(parameters))
        taught = lessons.lesson(settings.rules, task, onset, rule, before, now, shuffle_key)
        learnt = learn(settings, numbers.learning_rate, parameters, optimiser, onset, taught)
        # The last round only measures, so that the whole compiles once.
        last = number == settings.steps
        changed = jax.tree.map(
            lambda new, old: jnp.where(last, old, new), learnt, (parameters, optimiser)
        )
        return (*changed, kept), (seen, acting.around)

    room = jax.tree.map(lambda leaf: jnp.zeros((len(settings.kept), *leaf.shape)), parameters)
    begin = parameters, adam(numbers.learning_rate).init(parameters), room
    steps = jnp.arange(settings.steps + 1, dtype=jnp.int32)
    (parameters, _, kept), (measured, around) = jax.lax.scan(step, begin, steps)
    return Trace(measured, parameters, kept if settings.kept else None, around, before.gap)


def _noted(steps: tuple[int, ...], kept: Any, parameters: Any, number: jax.Array) -> Any:
    """Return parameters [M] with those of this step in their place, if it is one of `steps`."""
    if not steps:
        return kept
    place = jnp.argmax(jnp.asarray(steps) == number)
    now = jnp.any(jnp.asarray(steps) == number)
    return jax.tree.map(
        lambda all_kept, one: all_kept.at[place].set(jnp.where(now, one, all_kept[place])),
        kept,
        parameters,
    )


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
