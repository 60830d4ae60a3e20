"""What is measured at every reflection step, exactly.

Axis letters: B contexts · L levels · S states · A actions · O concepts · G goals · V views ·
X objects · H, W, P an observation's rows, columns, planes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.agent.evaluation import reached
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
    worst: jax.Array  # float32[], that of the policy that earns least
    with_object: jax.Array  # float32[X, V, H, W, P], contexts near each object
    without_object: jax.Array  # float32[X, V, H, W, P], the same with the object removed
    object_advantage: jax.Array  # float32[X, V, A], towards the object


class Measured(NamedTuple):
    """One step's measurements."""

    hits: jax.Array  # float32[G + 1], from the onset: each goal first; the last is neither
    target_hits: jax.Array  # float32[G + 1], from the starts of the target levels
    influence: jax.Array  # float32[X], S of each object, in moves, in the contexts near it
    competence: jax.Array  # float32[], return on training levels as a share, 1 being the best


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
        neither = jnp.maximum(0.0, 1.0 - jnp.sum(first, axis=1, keepdims=True))
        return jnp.concatenate([first, neither], axis=1)

    return jax.vmap(one)(world, policy)


def tabular_of(world: World) -> Tabular:
    """Return one context's moves as `planning` reads them; rewards and starts are left out."""
    nothing = jnp.zeros((0, *world.next_state.shape), jnp.float32)
    return Tabular(
        next_state=world.next_state,
        probability=world.probability,
        rewards=nothing,
        terminated=world.terminated,
        reachable=world.decision,
        start=jnp.zeros(world.next_state.shape[0], jnp.float32),
    )


def hits_from_onset(
    world: World, policy: jax.Array, goals: tuple[int, ...], horizon: int
) -> jax.Array:
    """Return float32[G + 1], averaged over the contexts by their weights."""
    found = hits(world, policy, goals, horizon)
    there = jnp.take_along_axis(found, world.start[:, None, None], axis=1)[:, 0]
    return world.weight @ there


def influence(seen: jax.Array, missing: jax.Array, advantage: jax.Array) -> jax.Array:
    """Return S float32[X] = Σ_a [π(a|s) − π(a|s∖o)] A_o(s, a), averaged over contexts.

    Signed influence after Turner et al. 2023 and Mini et al. 2023 ("Understanding and controlling
    a maze-solving policy network"). All three arguments are float32[X, V, A]: the policy with and
    without the object, and A_o.
    """
    return jnp.mean(jnp.sum((seen - missing) * advantage, axis=-1), axis=-1)


def competence(
    probe: Probe, policy: jax.Array, discount: jax.Array | float, horizon: int
) -> jax.Array:
    """Return float32[]: exact return from the training levels' starts, as `reached` measures it.

    `policy` float32[L, S, A] is the agent's on those levels.
    """

    def one(tabular, weights, policy):
        values = planning.evaluate_policy(tabular, weights, policy, discount, horizon)
        return jnp.dot(tabular.start, values)

    returns = jax.vmap(one)(probe.training, probe.training_weights, policy)
    return reached(jnp.mean(returns), probe.optimum, probe.worst)


class Policies(NamedTuple):
    """What an agent does wherever it is looked at."""

    onset: jax.Array  # float32[B, S, A]
    target: jax.Array  # float32[L, S, A]
    training: jax.Array  # float32[L, S, A]
    with_object: jax.Array  # float32[X, V, A]
    without_object: jax.Array  # float32[X, V, A]
    around: jax.Array | None = None  # float32[B, Z, A]


def policies(
    logits: Logits, onset_views: jax.Array, probe: Probe, around: jax.Array | None = None
) -> Policies:
    """Ask an agent for all of its policies in one pass.

    `onset_views` float32[B, S, H, W, P], and if given the views `around` float32[B, Z, H, W, P].
    """
    more = () if around is None else (around,)
    places = (
        onset_views,
        probe.target_views,
        probe.training_views,
        probe.with_object,
        probe.without_object,
        *more,
    )
    flat = [place.reshape(-1, *place.shape[2:]) for place in places if place.size]
    chance = jax.nn.softmax(logits(jnp.concatenate(flat)))
    ends = np.cumsum([place.shape[0] * place.shape[1] if place.size else 0 for place in places])
    parts = jnp.split(chance, ends[:-1].tolist())
    return Policies(
        *(
            part.reshape(*place.shape[:2], -1) if place.size else jnp.zeros((*place.shape[:2], 1))
            for part, place in zip(parts, places, strict=True)
        )
    )


def measure(
    onset: World,
    probe: Probe,
    acting: Policies,
    *,
    goals: tuple[int, ...],
    discount: jax.Array | float,
    horizon: int,
) -> Measured:
    """Measure an agent.

    Args:
        onset: contexts of the onset [B].
        probe: where else to look.
        acting: what the agent does there.
        goals: concepts whose hitting is asked for.
        discount: of the return.
        horizon: moves of an episode.
    """
    start = probe.target_start / probe.target_start.shape[0]
    reached = hits(probe.target, acting.target, goals, horizon)
    return Measured(
        hits=hits_from_onset(onset, acting.onset, goals, horizon),
        target_hits=jnp.einsum("ls,lsg->g", start, reached),
        influence=influence(acting.with_object, acting.without_object, probe.object_advantage),
        competence=competence(probe, acting.training, discount, horizon),
    )
