"""`Agent`: a trained network as a policy that can be read and patched.

Axis letters: B batch · H, W, C rows, columns, channels · A actions · D units.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from shardsim.agent.network import Network, Output, Patch
from shardsim.base.errors import UserError, did_you_mean
from shardsim.env.core import Env

CHUNK = 512  # observations that `capture` runs at a time


class Agent:
    """One network with one set of parameters. Calling it gives (logits, activations)."""

    def __init__(self, env: Env, network: Network, parameters: Any) -> None:
        """Hold a network and its parameters (a pytree without a seed axis)."""
        self.env = env
        self.network = network
        self.parameters = parameters

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers that can be read and patched."""
        return self.network.layers

    def forward(self, observations: ArrayLike, patch: Patch | None = None) -> Output:
        """Run observations float32[B, H, W, C]; `patch` maps a layer to a function of its output.

        Patch functions take and return float32[B, D]. Raises UserError for an unknown layer.
        """
        observations = jnp.asarray(observations)
        if not patch:
            return _forward(self.network, self.parameters, observations)
        for layer in patch:
            if layer not in self.layers:
                raise UserError(f"there is no layer {layer!r}; {did_you_mean(layer, self.layers)}")
        return self.network.run(self.parameters, observations, patch)

    def policy(self, observations: ArrayLike, patch: Patch | None = None) -> jax.Array:
        """Return logits float32[B, A]."""
        return self.forward(observations, patch).logits

    def value(self, observations: ArrayLike, patch: Patch | None = None) -> jax.Array:
        """Return the critic's values float32[B], in units of discounted reward."""
        return self.forward(observations, patch).value

    def activations(
        self, observations: ArrayLike, patch: Patch | None = None
    ) -> dict[str, jax.Array]:
        """Return {layer: float32[B, D]}."""
        return self.forward(observations, patch).activations

    def __call__(self, observations: ArrayLike) -> tuple[jax.Array, dict[str, jax.Array]]:
        """Return (logits, activations): what `identify` reads."""
        output = self.forward(observations)
        return output.logits, output.activations


@partial(jax.jit, static_argnums=0)
def _forward(network: Network, parameters: Any, observations: jax.Array) -> Output:
    return network.run(parameters, observations)


@partial(jax.jit, static_argnums=0)
def forward_many(network: Network, parameters: Any, observations: jax.Array) -> Output:
    """Run observations float32[B, H, W, C] through many networks at once.

    `parameters` have a leading axis K (seeds, checkpoints, or both flattened); so has the output.
    """

    def run(one: Any) -> Output:
        return network.run(one, observations)

    if network.kind == "convolutional":  # batched kernels are grouped convolutions: slow on CPUs
        return jax.lax.map(run, parameters)
    return jax.vmap(run)(parameters)


def capture(network: Network, parameters: Any, observations: ArrayLike) -> Output:
    """Return all that many networks do on many observations, as arrays of numpy.

    Chunks of `CHUNK` observations keep a layer in the processor's cache and compile one shape,
    however many observations there are.

    Args:
      network: of all of them.
      parameters: pytree with a leading axis K.
      observations: float32[B, H, W, C].

    Returns:
      Logits [K, B, A], values [K, B], activations {layer: [K, B, D]}, all float32.
    """
    seen = np.asarray(observations, np.float32)
    size = min(CHUNK, len(seen))
    spare = -len(seen) % size  # the last chunk is filled up from the first
    seen = np.concatenate([seen, seen[:spare]]) if spare else seen
    chunks = [
        forward_many(network, parameters, seen[first : first + size])
        for first in range(0, len(seen), size)
    ]
    return jax.tree.map(lambda *parts: _joined(parts, len(seen) - spare), *chunks)


def _joined(parts: tuple[jax.Array, ...], count: int) -> np.ndarray:
    """Return the first `count` rows of [K, size, ...] parts, one copy."""
    if len(parts) == 1:
        return np.asarray(parts[0])[:, :count]
    whole = np.empty((parts[0].shape[0], count, *parts[0].shape[2:]), np.float32)
    size = parts[0].shape[1]
    for number, part in enumerate(parts):
        first = number * size
        whole[:, first : first + size] = np.asarray(part)[:, : count - first]
    return whole
