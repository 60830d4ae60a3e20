"""What is measured at every reflection step, exactly.

Axis letters: B contexts · L levels · S states · A actions · O concepts · G goals · V views ·
X objects · H, W, P an observation's rows, columns, planes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from shardsim.env import planning
from shardsim.env.types import Tabular
from shardsim.reflection.world import World

Logits = Callable[[jax.Array], jax.Array]  # float32[V, H, W, P] -> float32[V, A]


class Probe(NamedTuple):
    """Where an agent is measured, whatever the onset."""

    target: World  # [L], the levels that behaviour is measured on
    target_views: jax.Array  # float32[L, S, H, W, P]
    target_start: jax.Array  # float32[L, S], how likely an episode starts in each state
    training: Tabular  # [L], levels of the training distribution
    training_weights: jax.Array  # float32[L, R]
    training_views: jax.Array  # float32[L, S, H, W, P]
    optimum: jax.Array  # float32[], mean optimal return on the training levels
    with_object: jax.Array  # float32[X, V, H, W, P], contexts near each object
    without_object: jax.Array  # float32[X, V, H, W, P], the same with the object removed
    object_advantage: jax.Array  # float32[X, V, A], towards the object


class Measured(NamedTuple):
    """One step's measurements."""

    hits: jax.Array  # float32[G + 1], from the onset: each goal first; the last is neither
    target_hits: jax.Array  # float32[G + 1], from the starts of the target levels
    influence: jax.Array  # float32[X], S of each object, in moves, in the contexts near it
    competence: jax.Array  # float32[], return on training levels over the optimum
    shift: jax.Array  # float32[], mean TV of the policy on target levels against the first step


def table(logits: Logits, views: jax.Array) -> jax.Array:
    """Return the policy float32[B, S, A] in every state of levels seen as [B, S, H, W, P]."""
    flat = logits(views.reshape(-1, *views.shape[2:]))
    return jax.nn.softmax(flat).reshape(*views.shape[:2], -1)


def hits(world: World, policy: jax.Array, goals: tuple[int, ...], horizon: int) -> jax.Array:
    """Return float32[B, S, G + 1]: which of the goals is entered first, the last being neither."""
    chosen = jnp.asarray(goals)

    def one(world: World, policy: jax.Array) -> jax.Array:
        first = planning.hitting_probabilities(
            tabular_of(world),
            policy,
            world.goals[:, chosen],
            horizon,
            world.entered[..., chosen],
        )
        return jnp.concatenate([first, 1.0 - jnp.sum(first, axis=1, keepdims=True)], axis=1)

    return jax.vmap(one)(world, policy)


def tabular_of(world: World) -> Tabular:
    """Return one context's moves as `planning` reads them; rewards and starts are left out."""
    nothing = jnp.zeros((0, *world.next_state.shape), jnp.float32)
    return Tabular(
        next_state=world.next_state,
        probability=world.probability,
        rewards=nothing,
        terminated=world.terminated,
        reachable=world.reachable,
        start=jnp.zeros(world.next_state.shape[0], jnp.float32),
    )


def hits_from_onset(
    world: World, policy: jax.Array, goals: tuple[int, ...], horizon: int
) -> jax.Array:
    """Return float32[G + 1], averaged over the contexts by their weights."""
    found = hits(world, policy, goals, horizon)
    there = jnp.take_along_axis(found, world.start[:, None, None], axis=1)[:, 0]
    return world.weight @ there


def influence(logits: Logits, probe: Probe) -> jax.Array:
    """Return S float32[X] = Σ_a [π(a|s) − π(a|s∖o)] A_o(s, a), averaged over contexts near o.

    Signed influence after Turner et al. 2023 and Mini et al. 2023 ("Understanding and controlling
    a maze-solving policy network").
    """
    seen = jnp.concatenate([probe.with_object, probe.without_object])
    policy = table(logits, seen)
    objects = probe.with_object.shape[0]
    change = policy[:objects] - policy[objects:]
    return jnp.mean(jnp.sum(change * probe.object_advantage, axis=-1), axis=-1)


def competence(logits: Logits, probe: Probe, discount: float, horizon: int) -> jax.Array:
    """Return float32[]: exact return from the training levels' starts over the optimum."""

    def one(tabular, weights, policy):
        values = planning.evaluate_policy(tabular, weights, policy, discount, horizon)
        return jnp.dot(tabular.start, values)

    policy = table(logits, probe.training_views)
    returns = jax.vmap(one)(probe.training, probe.training_weights, policy)
    return jnp.mean(returns) / probe.optimum


def total_variation(first: jax.Array, second: jax.Array) -> jax.Array:
    """Return TV float32[...] of policies float32[..., A]."""
    return 0.5 * jnp.sum(jnp.abs(first - second), axis=-1)


def measure(
    logits: Logits,
    onset: World,
    onset_policy: jax.Array,
    probe: Probe,
    first_policy: jax.Array,
    *,
    goals: tuple[int, ...],
    discount: float,
    horizon: int,
) -> Measured:
    """Measure an agent; `first_policy` float32[L, S, A] is its table on the target levels before.

    `discount` is that of the return ratio, `horizon` the episode's length in moves.
    """
    policy = table(logits, probe.target_views)
    start = probe.target_start / probe.target_start.shape[0]
    likely = probe.target.reachable.astype(jnp.float32)
    likely = likely / jnp.sum(likely)
    return Measured(
        hits=hits_from_onset(onset, onset_policy, goals, horizon),
        target_hits=jnp.einsum("ls,lsg->g", start, hits(probe.target, policy, goals, horizon)),
        influence=influence(logits, probe),
        competence=competence(logits, probe, discount, horizon),
        shift=jnp.sum(likely * total_variation(policy, first_policy)),
    )
