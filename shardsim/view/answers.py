"""What an agent does on a level that someone has changed: its policy, its shards, and both without.

A question names a seed, a checkpoint and an edit; the answer covers every cell at once, so that
moving the agent asks nothing. One compiled program serves all edits, seeds and checkpoints.
Axis letters: N cells (H·W, row by row) · A actions · K shards · V variants of what is switched off.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.agent.network import Network
from shardsim.env.core import Env
from shardsim.env.levels import take
from shardsim.env.types import Level
from shardsim.runs.agents import check_memoryless
from shardsim.runs.figure_data.level import cell_states, observations_of
from shardsim.runs.run import Run
from shardsim.shards.contexts.sampling import Survey, survey
from shardsim.shards.evidence.causal import Displacement
from shardsim.shards.fit.data import DecisionData, decision_data, probabilities
from shardsim.view.edit import Edit, edited
from shardsim.view.fitted import Contribution, FittedRun, contribution

CHECKPOINTS = 64  # whose parameters are kept in memory


class Scene(NamedTuple):
    """A level after an edit, as every agent sees it."""

    observations: jax.Array  # float32[N, H, W, planes]
    data: DecisionData  # over the N cells; its logits are no policy's
    decision: np.ndarray  # bool[N], whether an agent can come to decide there


class Answer(NamedTuple):
    """What one agent does in each cell. Variant 0 of V has everything switched on."""

    network: np.ndarray  # float64[V, N, A], probabilities, with shards erased from activations
    model: np.ndarray  # float64[V, N, A], of the fitted model, with gates at 0; V = 0 without one
    gates: np.ndarray  # float64[N, K], logits a move


class Answers:
    """Answers about one run; what is fitted or read is remembered."""

    def __init__(self, run: Run) -> None:
        """Hold a run that is at least partly trained.

        Raises UserError where agents have a memory: a cell does not say what they do there.
        """
        check_memoryless(run, "live view")
        self.run = run
        self.fitted = FittedRun(run)
        self.parameters = lru_cache(maxsize=CHECKPOINTS)(self._parameters)

    def _parameters(self, checkpoint: int) -> Any:
        return jax.tree.map(np.asarray, self.run.checkpoint(checkpoint).parameters)

    def scenes(self, level: Level, base: Edit, edits: Sequence[Edit]) -> list[Scene]:
        """Survey a level, as `base` has it, after each of several edits."""
        env = self.run.env
        states = [_state(env, level, base, edit) for edit in edits]
        levels = [jax.tree.map(np.asarray, state.level) for state in states]
        found = survey(env, jax.tree.map(lambda *leaves: np.stack(leaves), *levels))
        found = jax.tree.map(np.asarray, found)
        scenes = []
        for number, state in enumerate(states):
            cells = cell_states(env, state).reshape(-1)
            seen = observations_of(env, state.level, jnp.asarray(cells, jnp.int32))
            scenes.append(_scene(env, seen, take(found, number), cells))
        return scenes

    def answer(
        self, scene: Scene, seed: int, checkpoint: int, variants: Sequence[Sequence[int]] = ((),)
    ) -> Answer:
        """Answer for one agent.

        Args:
            scene: the level.
            seed: position of the agent.
            checkpoint: its number.
            variants: V lists of shards, numbered from 0, to switch off; the first is empty.
        """
        count = self.fitted.count
        off = np.zeros((len(variants), count), bool)
        for row, shards in zip(off, variants, strict=True):
            row[list(shards)] = True
        logits = self._network(scene, seed, checkpoint, off)
        if not count:
            none = np.zeros((len(scene.decision), 0))
            model = np.zeros((0, *logits.shape[1:]))
            return Answer(probabilities(logits), model, none)
        data = scene.data._replace(logits=logits[0] - logits[0].mean(-1, keepdims=True))
        told = contribution(self.fitted.model(seed, checkpoint), data)
        model = probabilities(_without(told, off))
        return Answer(probabilities(logits), model, told.gates)

    def _network(self, scene: Scene, seed: int, checkpoint: int, off: np.ndarray) -> np.ndarray:
        """float64[V, N, A]: the network's logits."""
        own = take(self.parameters(checkpoint), seed)
        network, seen = self.run.learner.network, scene.observations
        plain = _erased(network, (), own, seen, (), jnp.zeros(0, bool))
        found = [plain] * len(off)
        for number in np.flatnonzero(off.any(1)):
            moved, layers = self.fitted.erasure(seed, checkpoint), tuple(self.fitted.layers())
            found[number] = _erased(network, layers, own, seen, moved, jnp.asarray(off[number]))
        return np.asarray(np.stack(found), np.float64)


def _without(told: Contribution, off: np.ndarray) -> np.ndarray:
    """float64[V, N, A]: the model's logits without what some shards add."""
    return told.logits - np.einsum("nak,vk->vna", told.pulls, off.astype(np.float64))


def _state(env: Env, level: Level, base: Edit, edit: Edit) -> Any:
    fields = {name: jnp.int32(value) for name, value in edit.fields.items()}
    return edited(env, level, *map(jnp.asarray, (edit.walls, edit.cells, base.cells)), fields)


def _scene(env: Env, observations: jax.Array, found: Survey, cells: np.ndarray) -> Scene:
    there: Any = take(found, cells)
    blank = np.zeros((len(cells), env.num_actions))
    data = decision_data(
        there.covariates,
        env.concept_names,
        there.advantage,
        there.blocked,
        there.reachable,
        blank,
        np.zeros(len(cells), np.int64),
    )
    return Scene(observations, data, np.asarray(there.decision))


@partial(jax.jit, static_argnums=(0, 1))
def _erased(
    network: Network,
    layers: tuple[str, ...],
    parameters: Any,
    observations: jax.Array,
    moved: tuple[Displacement, ...],
    off: jax.Array,
) -> jax.Array:
    """Return float32[N, A]: logits with some shards, bool[K] `off`, erased from their layers.

    One after the other where a layer holds several, so that nothing is taken away twice.
    """

    def patch(layer: str, hidden: jax.Array) -> jax.Array:
        for number, (own, move) in enumerate(zip(layers, moved, strict=True)):
            if own == layer:
                read = move.offset[0] + (hidden - move.centre) @ move.reader[0]
                weight = off[number].astype(hidden.dtype)
                hidden = hidden - weight * (read @ move.patterns[0, 0])
        return hidden

    patches = {layer: partial(patch, layer) for layer in dict.fromkeys(layers)}
    return network.run(parameters, observations, patches).logits
