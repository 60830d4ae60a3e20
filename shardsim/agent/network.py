"""Networks whose every layer has a name, can be read, and can be patched.

Axis letters: B batch · H, W, C rows, columns, channels of an observation · A actions · D units ·
K sequences of T steps each, where the network remembers: B = T * K rows, time-major.
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
CENTRED = ("egocentric", "recurrent")  # kinds that see the grid centred on the agent


class Output(NamedTuple):
    """What a forward pass gives."""

    logits: jax.Array  # float32[B, A]
    value: jax.Array  # float32[B]
    activations: dict[str, jax.Array]  # layer -> float32[B, D], after any patch
    action_values: jax.Array | None = None  # float32[B, A], where the learner values actions
    memory: jax.Array | None = None  # float32[K, D] after the last step, where it remembers


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
    def remembers(self) -> bool:
        """Whether it has a memory, handed from step to step."""
        return False

    def empty_memory(self, count: int) -> jax.Array | None:
        """Return the memory [count, D] with which episodes begin; None without one."""
        return None

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers that can be read and patched, first to last."""
        convolutions = ("conv_1", "conv_2") if self.kind == "convolutional" else ()
        return (*convolutions, *(f"dense_{n}" for n in range(1, len(self.widths) + 1)))

    def inputs(self, observations: jax.Array) -> jax.Array:
        """Return what the first layer reads float32[B, ...]: centred on the agent, where it is."""
        return centred(observations) if self.kind in CENTRED else observations

    def past_inputs(self) -> Network:
        """Return the same network, of the same parameters, asked with what `inputs` gives."""
        return self.clone(kind="allocentric") if self.kind in CENTRED else self

    def run(
        self,
        parameters: Any,
        observations: jax.Array,
        patch: Patch | None = None,
        memory: jax.Array | None = None,
        begins: jax.Array | None = None,
    ) -> Output:
        """Run observations float32[B, H, W, C] through the network with these parameters.

        A network that remembers is asked with `memory` float32[K, D], of K sequences one after
        the other in time, and forgets it at the rows in which `begins` bool[B] holds: an episode's
        first. Without `memory`, every row is asked by itself, with an empty memory.
        """
        output = self.apply(parameters, observations, patch, memory, begins)
        assert isinstance(output, Output)
        return output

    @nn.compact
    def __call__(
        self,
        observations: jax.Array,
        patch: Patch | None = None,
        memory: jax.Array | None = None,
        begins: jax.Array | None = None,
    ) -> Output:
        """Run observations float32[B, H, W, C] through the network; arguments as of `run`."""
        patch = patch or {}
        activations: dict[str, jax.Array] = {}

        def tap(name: str, hidden: jax.Array) -> jax.Array:
            shape = hidden.shape
            flat = hidden.reshape(shape[0], -1)
            flat = patch[name](flat) if name in patch else flat
            activations[name] = flat
            return flat.reshape(shape)

        hidden = self.inputs(observations)
        if self.kind == "convolutional":
            for number in (1, 2):
                hidden = nn.Conv(self.channels, (3, 3), name=f"conv_{number}")(hidden)
                hidden = tap(f"conv_{number}", nn.relu(self._normal(hidden, f"conv_{number}")))
        hidden = hidden.reshape(hidden.shape[0], -1)
        scale = nn.initializers.orthogonal(2**0.5)
        for number, width in enumerate(self.widths, start=1):
            hidden = nn.Dense(width, kernel_init=scale, name=f"dense_{number}")(hidden)
            hidden = tap(f"dense_{number}", nn.relu(self._normal(hidden, f"dense_{number}")))
        if self.remembers:
            hidden, memory = self.recall(hidden, memory, begins)
            hidden = tap("gru", hidden)
        logits, value, action_values = self.heads(hidden)
        return Output(logits, value, activations, action_values, memory)

    def recall(self, hidden: jax.Array, memory: jax.Array | None, begins: jax.Array | None) -> Any:
        """Return what is known float32[B, D] and the memory; only of networks that remember."""
        raise NotImplementedError

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


class RecurrentNetwork(Network):
    """A network with a gated recurrent unit after its dense layers, as wide as the last of them.

    Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder for statistical
    machine translation". An episode begins with a memory of zeros. It is handed observations
    alone, neither its last action nor what it was paid.
    """

    @property
    def remembers(self) -> bool:
        """It does."""
        return True

    def empty_memory(self, count: int) -> jax.Array:
        """Return float32[count, D], zeros."""
        return jnp.zeros((count, self.widths[-1]), jnp.float32)

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers that can be read and patched, the recurrent one last."""
        return (*super().layers, "gru")

    def recall(
        self, hidden: jax.Array, memory: jax.Array | None, begins: jax.Array | None
    ) -> tuple[jax.Array, jax.Array]:
        """Return what is known in each row float32[B, D], and the memory float32[K, D] after all.

        A patch of the layer `gru` changes what the heads read and not what is remembered.
        """
        count = len(hidden)
        memory = self.empty_memory(count) if memory is None else memory
        begins = jnp.zeros(count, bool) if begins is None else begins
        steps = (count // len(memory), len(memory))
        cell = nn.scan(Cell, variable_broadcast="params", split_rngs={"params": False})
        memory, known = cell(self.widths[-1], name="gru")(
            memory, (hidden.reshape(*steps, -1), begins.reshape(steps))
        )
        return known.reshape(count, -1), memory

    def go_on(
        self, parameters: Any, memory: jax.Array, hidden: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """Return the next memory float32[K, D] and logits [K, A]: one step, within an episode.

        `hidden` float32[K, D] is the output of the last dense layer, which depends on no memory:
        where it is known for every state, whole episodes need no observation.
        """
        own, begins = parameters["params"], jnp.zeros(len(memory), bool)
        found = Cell(self.widths[-1], parent=None).apply(
            {"params": own["gru"]}, memory, (hidden, begins)
        )
        assert isinstance(found, tuple)
        logits = nn.Dense(self.num_actions, parent=None).apply({"params": own["actor"]}, found[1])
        return jnp.asarray(found[0]), jnp.asarray(logits)


class Cell(nn.Module):
    """One step of the recurrent layer."""

    width: int

    @nn.compact
    def __call__(
        self, memory: jax.Array, now: tuple[jax.Array, jax.Array]
    ) -> tuple[jax.Array, jax.Array]:
        """Return the new memory float32[K, D], twice: to go on with, and what is known now.

        `now` is what the layer before gives float32[K, D], and bool[K], where an episode begins.
        """
        hidden, begins = now
        kept = jnp.where(begins[:, None], 0.0, memory)
        memory, known = nn.GRUCell(self.width, name="cell")(kept, hidden)
        return memory, known


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
    form = RecurrentNetwork if config.kind == "recurrent" else Network
    return form(
        num_actions=env.num_actions,
        kind=config.kind,
        widths=config.widths,
        channels=config.channels,
    )
