"""Networks whose every layer has a name, can be read, and can be patched.

Axis letters: B batch · H, W, C rows, columns, channels of an observation · A actions · D units.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from shardsim.agent.config import NetworkConfig
from shardsim.env.core import Env

Patch = Mapping[str, Callable[[jax.Array], jax.Array]]


class Output(NamedTuple):
    """What a forward pass gives."""

    logits: jax.Array  # float32[B, A]
    value: jax.Array  # float32[B]
    activations: dict[str, jax.Array]  # layer -> float32[B, D], after any patch
    action_values: jax.Array | None = None  # float32[B, A], where the learner values actions


class Network(nn.Module):
    """An actor and a critic on a shared torso of named layers.

    Each hidden layer's output is handed to `patch[layer]` if there is one, and what that returns
    goes on to the next layer.
    """

    num_actions: int
    kind: str
    widths: tuple[int, ...]
    channels: int
    normalised: bool = False  # each hidden layer, before it is rectified

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers that can be read and patched, first to last."""
        convolutions = ("conv_1", "conv_2") if self.kind == "convolutional" else ()
        return (*convolutions, *(f"dense_{n}" for n in range(1, len(self.widths) + 1)))

    def run(self, parameters: Any, observations: jax.Array, patch: Patch | None = None) -> Output:
        """Run observations float32[B, H, W, C] through the network with these parameters."""
        output = self.apply(parameters, observations, patch)
        assert isinstance(output, Output)
        return output

    @nn.compact
    def __call__(self, observations: jax.Array, patch: Patch | None = None) -> Output:
        """Run observations float32[B, H, W, C] through the network."""
        patch = patch or {}
        activations: dict[str, jax.Array] = {}

        def tap(name: str, hidden: jax.Array) -> jax.Array:
            shape = hidden.shape
            flat = hidden.reshape(shape[0], -1)
            flat = patch[name](flat) if name in patch else flat
            activations[name] = flat
            return flat.reshape(shape)

        hidden = observations
        if self.kind == "egocentric":
            hidden = centred(observations)
        if self.kind == "convolutional":
            for number in (1, 2):
                hidden = nn.Conv(self.channels, (3, 3), name=f"conv_{number}")(hidden)
                hidden = tap(f"conv_{number}", nn.relu(self._normal(hidden, f"conv_{number}")))
        hidden = hidden.reshape(hidden.shape[0], -1)
        scale = nn.initializers.orthogonal(2**0.5)
        for number, width in enumerate(self.widths, start=1):
            hidden = nn.Dense(width, kernel_init=scale, name=f"dense_{number}")(hidden)
            hidden = tap(f"dense_{number}", nn.relu(self._normal(hidden, f"dense_{number}")))
        logits, value, action_values = self.heads(hidden)
        return Output(logits, value, activations, action_values)

    def heads(self, hidden: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array | None]:
        """Return logits float32[B, A], value float32[B], and None: it does not value actions.

        `hidden` float32[B, D] is the last layer's output.
        """
        actor = nn.Dense(
            self.num_actions, kernel_init=nn.initializers.orthogonal(0.01), name="actor"
        )
        critic = nn.Dense(1, kernel_init=nn.initializers.orthogonal(1.0), name="critic")
        return actor(hidden), critic(hidden)[:, 0], None

    def _normal(self, hidden: jax.Array, layer: str) -> jax.Array:
        return nn.LayerNorm(name=f"norm_{layer}")(hidden) if self.normalised else hidden


def centred(observations: jax.Array) -> jax.Array:
    """Return float32[B, 2H-1, 2W-1, C-1]: the grid shifted so that the agent is in the middle.

    The agent's own plane (the first) is dropped; outside the grid every cell is wall.
    """
    _, height, width, _ = observations.shape
    cell = jnp.argmax(observations[..., 0].reshape(observations.shape[0], -1), axis=1)
    rest = observations[..., 1:].at[..., 0].add(-1.0)
    margin = ((0, 0), (height - 1, height - 1), (width - 1, width - 1), (0, 0))
    padded = jnp.pad(rest, margin)
    size = (2 * height - 1, 2 * width - 1, rest.shape[-1])

    def crop(grid, row, column):
        return jax.lax.dynamic_slice(grid, (row, column, jnp.zeros_like(row)), size)

    shifted = jax.vmap(crop)(padded, cell // width, cell % width)
    return shifted.at[..., 0].add(1.0)


def build_network(config: NetworkConfig, env: Env) -> Network:
    """Return the network that a config describes, for the actions of an env."""
    return Network(
        num_actions=env.num_actions,
        kind=config.kind,
        widths=config.widths,
        channels=config.channels,
    )
