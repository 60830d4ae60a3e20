"""What an agent's own critic says: one move ahead, of a plan, and which policy it implies.

The critic of a network values states, those that end an episode too: the agent looks at what it
imagines. One move ahead it gives Q̂(s, a) = γ E V̂(s′), and that implies a reward, by the inverse of
the soft Bellman equation (Garg et al. 2021, "IQ-Learn: inverse soft-Q learning for imitation"):
    r̂ = Q̂ − γ P V^soft,   V^soft = τ log Σ_a exp(Q̂/τ),
whose soft optimum is Q̂ itself. So an agent that improves itself by the reward that its critic
implies becomes softmax(Q̂/τ) and stays that, and nothing has to be iterated.
Axis letters: B contexts · S states · V states looked at, S and those beyond · A actions ·
N outcomes · P plans.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

HALVINGS = 60  # of the interval that τ is sought in
RANGE = (1e-4, 1e4)  # of τ


def look_ahead(
    values: jax.Array, leads: jax.Array, probability: jax.Array, discount: jax.Array | float
) -> jax.Array:
    """Return Q̂ float[B, S, A] = γ E V̂(s′), with no reward.

    Args:
        values: float[B, V], V̂.
        leads: int32[B, S, A, N], which of V each outcome leads to.
        probability: float[B, S, A, N]; outcomes that count nothing have none.
        discount: γ.
    """
    there = jax.vmap(lambda row, at: row[at])(values, leads)
    return discount * jnp.sum(probability * there, axis=-1)


def soft_choice(critic: jax.Array, temperature: jax.Array | float) -> jax.Array:
    """Return π float[..., A] = softmax(Q/τ)."""
    return jax.nn.softmax(critic / temperature, axis=-1)


def improved(policy: jax.Array, critic: jax.Array, strength: jax.Array | float) -> jax.Array:
    """Return π float[..., A] ∝ π exp(b Q): one step of KL-regularised improvement."""
    floor = jnp.finfo(policy.dtype).tiny
    return jax.nn.softmax(jnp.log(jnp.maximum(policy, floor)) + strength * critic, axis=-1)


def fitting_temperature(policy: jax.Array, critic: jax.Array, weight: jax.Array) -> jax.Array:
    """Return τ float[] in `RANGE` whose soft choice predicts the policy best.

    The cross-entropy is convex in 1/τ, and its slope is what the soft choice expects of Q less what
    the policy gets. A policy that gets no more than by chance fits the greatest τ best.

    Args:
        policy: float[B, S, A].
        critic: Q float[B, S, A].
        weight: float[B, S], how much each state counts.
    """
    got = jnp.sum(weight[..., None] * policy * critic)

    def halve(_, ends):
        low, high = ends
        middle = jnp.sqrt(low * high)
        # A cooler choice expects more; where it expects too much, τ lies above.
        expects = jnp.sum(weight[..., None] * soft_choice(critic, middle) * critic)
        above = expects > got
        return jnp.where(above, middle, low), jnp.where(above, high, middle)

    ends = tuple(jnp.asarray(end, critic.dtype) for end in RANGE)
    low, high = jax.lax.fori_loop(0, HALVINGS, halve, ends)
    return jnp.sqrt(low * high)


def of_plans(
    values: jax.Array,
    leads: jax.Array,
    start: jax.Array,
    last: jax.Array,
    moves: jax.Array,
    discount: jax.Array | float,
) -> jax.Array:
    """Return float[B, P]: γ^moves V̂ of where each plan ends, or is given up.

    Args:
        values: float[B, V].
        leads: int32[B, S, A, N].
        start: int32[B], the state of each context, where a plan of no move ends.
        last: int32[B, P], the last moves, as in `Plans`.
        moves: int32[B, P].
        discount: γ.
    """
    flat = leads.reshape(len(leads), -1)
    where = jnp.where(moves > 0, jnp.take_along_axis(flat, last, axis=1), start[:, None])
    faded = jnp.power(jnp.asarray(discount, values.dtype), moves.astype(values.dtype))
    return faded * jnp.take_along_axis(values, where, axis=1)


def distance(policy: jax.Array, other: jax.Array, weight: jax.Array) -> jax.Array:
    """Return float[]: total variation of two policies float[B, S, A], states by float[B, S]."""
    apart = 0.5 * jnp.sum(jnp.abs(policy - other), axis=-1)
    total = jnp.maximum(jnp.sum(weight), jnp.finfo(weight.dtype).tiny)
    return jnp.sum(weight * apart) / total
