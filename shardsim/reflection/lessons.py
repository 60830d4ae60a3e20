"""What the network learns at one reflection step: which actions where, and values where.

Most rules imitate plans that somebody endorses; two move the actor by what the critic says of the
next state. Either lesson can be mixed with what the agent of before did (its anchor).
Axis letters: B contexts · S states · E states beyond, in which plans end · V = S + E ·
A actions · N outcomes · K shards · O concepts · P plans · H, W, P an observation's rows, columns,
planes.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.reflection import critics
from shardsim.reflection.config import RULES, SHUFFLED, ReflectConfig, Rule
from shardsim.reflection.imagine import (
    Plans,
    endorse,
    expected_visits,
    scaled,
    shard_returns,
    visits,
)
from shardsim.reflection.measure import Probe
from shardsim.reflection.world import World

ASK_CRITIC = ("critique", "critique-refreshed", "implied", "unpaid")
_IMPLIED, _UNPAID, _SIGNED = (
    np.array([test(rule) for rule in RULES])
    for test in (
        lambda rule: SHUFFLED.get(rule, rule) == "implied",
        lambda rule: SHUFFLED.get(rule, rule) == "unpaid",
        lambda rule: rule in SHUFFLED,
    )
)


@runtime_checkable
class Applies(Protocol):
    """A network: `apply(parameters, observations)` gives an output with `logits`, and `value`.

    The value is asked for by rules of the critic alone.
    """

    def apply(self, parameters: Any, observations: jax.Array, /) -> Any:
        """Run observations float32[V, H, W, P] through the network."""


class Outlook(NamedTuple):
    """Where the moves of an onset lead, with what is seen there; for rules that ask a critic."""

    beyond: jax.Array  # float32[B, E, H, W, P], states in which plans end
    leads: jax.Array  # int32[B, S, A, N], the state of V that each outcome leads to


class Onset(NamedTuple):
    """Where reflection starts, with who judges there."""

    world: World  # [B]
    views: jax.Array  # float32[B, S, H, W, P]
    judges: jax.Array  # float32[B, K], q, sums to 1
    outlook: Outlook | None = None
    around: jax.Array | None = None  # float32[B, R, H, W, P], every state reached from the contexts


class Numbers(NamedTuple):
    """What may change without a new compilation, float32[] each."""

    learning_rate: jax.Array
    strength: jax.Array  # of endorsement, b
    fading: jax.Array  # discount of what a shard wants
    discount: jax.Array  # of the env's return, for the competence and the critic
    anchor: jax.Array  # a, part of what is learned that the agent of before did
    best_of: jax.Array  # n
    temperature: jax.Array  # τ; 0 for that which fits the agent at onset


def numbers_of(config: ReflectConfig, discount: float) -> Numbers:
    """Return the numbers of a config, with the discount of the env's return."""
    given = (
        config.learning_rate,
        config.strength,
        config.discount,
        discount,
        config.anchor,
        config.best_of,
        config.temperature,
    )
    return Numbers(*map(jnp.float32, given))


class Task(NamedTuple):
    """What all branches of a reflection share."""

    preferences: jax.Array  # float32[K, O]
    numbers: Numbers
    probe: Probe


class Before(NamedTuple):
    """The agent as it begins to reflect; what no rule asks for is None."""

    visits: jax.Array  # float32[B, S, A], expected, of its plans
    critic: jax.Array | None  # float32[B, V], V̂
    implied: jax.Array | None  # float32[B, S, A], softmax(Q̂/τ)
    gap: jax.Array  # float32[], distance of its policy from that, where it goes; NaN


class Now(NamedTuple):
    """The agent of this step."""

    policy: jax.Array  # float32[B, S, A]
    plans: Plans  # drawn from it
    critic: jax.Array | None  # float32[B, V], V̂; None where no rule asks for it


class Lesson(NamedTuple):
    """What is learned at one step."""

    actions: jax.Array  # float32[B, S, A], what is done where; sums to 1 in each context
    values: jax.Array | None  # float32[B, S], what the critic should say
    stakes: jax.Array | None  # float32[B, S], how much of it


def asks_critic(rules: tuple[Rule, ...]) -> bool:
    """Return whether one of the rules asks the agent's critic."""
    return any(SHUFFLED.get(rule, rule) in ASK_CRITIC for rule in rules)


def policy_of(network: Applies, parameters: Any, views: jax.Array) -> jax.Array:
    """Return float32[B, S, A]: what a network does in views float32[B, S, H, W, P]."""
    logits = network.apply(parameters, views.reshape(-1, *views.shape[2:])).logits
    return jax.nn.softmax(logits).reshape(*views.shape[:2], -1)


def critic_values(network: Applies, parameters: Any, onset: Onset) -> jax.Array:
    """Return V̂ float32[B, V] of every state that moves of the onset lead to."""
    assert onset.outlook is not None
    seen = jnp.concatenate([onset.views, onset.outlook.beyond], axis=1)
    flat = seen.reshape(-1, *seen.shape[2:])
    return network.apply(parameters, flat).value.reshape(seen.shape[:2])


def agent_before(
    numbers: Numbers,
    onset: Onset,
    policy: jax.Array,
    critic: jax.Array | None,
    wanted: jax.Array,
    moves: int,
) -> Before:
    """Describe the agent before it changes.

    Args:
        numbers: the discounts and τ.
        onset: where.
        policy: float32[B, S, A].
        critic: V̂ float32[B, V]; None where no rule asks for it.
        wanted: bool[O], the concepts that a plan ends at.
        moves: after which a plan is given up.
    """
    old = expected_visits(onset.world, policy, wanted, moves)
    if critic is None or onset.outlook is None:
        return Before(old, None, None, jnp.float32(jnp.nan))
    weight = onset.world.weight[:, None] * jnp.sum(old, axis=-1)
    ahead = critics.look_ahead(
        critic, onset.outlook.leads, onset.world.probability, numbers.discount
    )
    fitted = critics.fitting_temperature(policy, ahead, weight)
    given = numbers.temperature > 0
    implied = critics.soft_choice(ahead, jnp.where(given, numbers.temperature, fitted))
    return Before(old, critic, implied, critics.distance(policy, implied, weight))


def lesson(
    rules: tuple[Rule, ...],
    task: Task,
    onset: Onset,
    rule: jax.Array,
    before: Before,
    now: Now,
    key: jax.Array,
) -> Lesson:
    """Return what a rule teaches.

    Args:
        rules: all that run beside one another; what none of them asks for is not computed.
        task: preferences, b, n, a, the discounts.
        onset: where.
        rule: int32[], its place in `RULES`.
        before: the agent as it began.
        now: the agent of this step.
        key: of shams.
    """
    done = endorsed_visits(rules, task, onset, rule, before, now, key)
    values = stakes = None
    if now.critic is not None:
        done, values, stakes = _driven(task.numbers, onset, rule, before, now, done, key)
    anchor = task.numbers.anchor
    return Lesson(scaled((1.0 - anchor) * done + anchor * before.visits), values, stakes)


def endorsed_visits(
    rules: tuple[Rule, ...],
    task: Task,
    onset: Onset,
    rule: jax.Array,
    before: Before,
    now: Now,
    key: jax.Array,
) -> jax.Array:
    """Return float32[B, S, A]: what the endorsed plans do, where; arguments as in `lesson`."""
    numbers, plans = task.numbers, now.plans
    ranks = any(SHUFFLED.get(one, one) == "best-of-n" for one in rules)
    weight = endorse(
        rule,
        shard_returns(plans, task.preferences, numbers.fading),
        plans.chance,
        onset.judges,
        numbers.strength,
        key,
        best_of=numbers.best_of if ranks else None,
        critic=None if now.critic is None else _critique(numbers, onset, before, now),
    )
    states, actions = onset.world.next_state.shape[1:3]
    return visits(plans, weight, states, actions)


def _critique(numbers: Numbers, onset: Onset, before: Before, now: Now) -> jax.Array:
    """Return float32[B, P, 2]: what the critics of before and of now say of the plans."""
    assert onset.outlook is not None and before.critic is not None
    assert now.critic is not None and now.plans.last is not None
    leads, start, plans = onset.outlook.leads, onset.world.start, now.plans
    said = [
        critics.of_plans(critic, leads, start, now.plans.last, plans.moves, numbers.discount)
        for critic in (before.critic, now.critic)
    ]
    return jnp.stack(said, axis=-1)


def _driven(
    numbers: Numbers,
    onset: Onset,
    rule: jax.Array,
    before: Before,
    now: Now,
    done: jax.Array,
    key: jax.Array,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Replace the actions float32[B, S, A] of rules that the critic drives, where plans come.

    The sham of such a rule makes the same push in every state, forth or back by chance: shuffled
    over states, its pushes would not be without direction on average.
    """
    world, policy, critic = onset.world, now.policy, now.critic
    assert onset.outlook is not None and before.implied is not None and critic is not None
    alive = jnp.where(world.terminated, 0.0, world.probability)
    ahead = critics.look_ahead(critic, onset.outlook.leads, alive, numbers.discount)
    implied, unpaid, signed = (jnp.asarray(of)[rule] for of in (_IMPLIED, _UNPAID, _SIGNED))
    better = critics.improved(policy, ahead, numbers.strength)
    target = jnp.where(implied, before.implied, better)
    sign = jax.random.rademacher(key, policy.shape[:2], jnp.float32)
    sign = jnp.where(signed, sign, 1.0)
    there = jnp.sum(done, axis=-1)
    pushed = there[..., None] * (policy + sign[..., None] * (target - policy))
    own = critic[:, : policy.shape[1]]
    backed_up = own + sign * (jnp.sum(policy * ahead, axis=-1) - own)
    stakes = jnp.where(unpaid, scaled(there[..., None])[..., 0], 0.0)
    return jnp.where(implied | unpaid, pushed, done), backed_up, stakes


def loss(network: Applies, parameters: Any, onset: Onset, taught: Lesson) -> jax.Array:
    """Return float32[]: minus the log-likelihood of the actions, half the square of the values."""
    flat = onset.views.reshape(-1, *onset.views.shape[2:])
    output = network.apply(parameters, flat)
    chance = jax.nn.log_softmax(output.logits).reshape(taught.actions.shape)
    missed = -jnp.einsum("b,bsa,bsa->", onset.world.weight, taught.actions, chance)
    if taught.values is None or taught.stakes is None:
        return missed
    off = output.value.reshape(taught.values.shape) - taught.values
    return missed + 0.5 * jnp.einsum("b,bs,bs->", onset.world.weight, taught.stakes, off**2)
