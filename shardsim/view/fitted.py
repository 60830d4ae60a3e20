"""A run's fitted shards at every checkpoint, and what each of them is read from in the network.

At the last checkpoint these are the models of `shards.nc`. Before it the gates are fitted under the
same preferences, on the contexts and with the seed of stage `track`, so shares are those of
`track.nc`. Nothing is kept on disk.
Axis letters: N cells · C contexts · J atoms · K shards · A actions · Y layers · D units.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import jax
import numpy as np

from shardsim.agent.policy import Agent
from shardsim.runs.run import Run
from shardsim.shards.contexts.battery import Battery
from shardsim.shards.contexts.policies import respond
from shardsim.shards.evidence.activations import sample
from shardsim.shards.evidence.causal import Displacement, displacement
from shardsim.shards.evidence.dose_response import best_layers
from shardsim.shards.fit.data import DecisionData, decisions_on
from shardsim.shards.fit.joint import fit_gates
from shardsim.shards.fit.mle import Fitted
from shardsim.shards.fit.shard_model import ShardModel, shard_model
from shardsim.shards.influence.shares import parts_of
from shardsim.shards.schema import by_seed

KEPT = 512  # agents at checkpoints whose fit is remembered


class Contribution(NamedTuple):
    """What a fitted model says of cells."""

    gates: np.ndarray  # float64[N, K], logits a move
    logits: np.ndarray  # float64[N, A]
    pulls: np.ndarray  # float64[N, A, K], what each shard adds to the logits


class FittedRun:
    """The fitted models of a run; `count` is 0 where no shard was identified."""

    def __init__(self, run: Run) -> None:
        """Hold a run; nothing is computed yet."""
        self.run = run
        self.found = run.shards if run.store.has("shards.nc") else None
        self.count = self.found.num_shards if self.found else 0
        self.model = lru_cache(maxsize=KEPT)(self._model)
        self.erasure = lru_cache(maxsize=KEPT)(self._erasure)

    @property
    def preferences(self) -> np.ndarray:
        """float64[K, O], unit norm."""
        assert self.found is not None
        return self.found.dataset["preferences"].transpose("shard", "concept").values

    def layers(self) -> list[str]:
        """The layer in which each shard is erased, K of them.

        That of the dose curves of the evidence (largest selectivity), or the network's last.
        """
        assert self.found is not None
        data = self.found.dataset
        if "selectivity" not in data:
            return [self.run.learner.network.layers[-1]] * self.count
        chosen = best_layers(by_seed(data, "selectivity"), by_seed(data, "slope_own"))
        return [str(data["layer"].values[number]) for number in chosen]

    def _model(self, seed: int, checkpoint: int) -> ShardModel:
        assert self.found is not None
        if checkpoint == len(self.run.updates) - 1:
            return self.found.models[seed]
        few = self._contexts(self.run.config.identify.track_contexts)
        data = _asked(self.run.agent(seed, checkpoint), few)
        return fit_gates(self.preferences, data, seed=self.run.config.identify.seed)

    def _erasure(self, seed: int, checkpoint: int) -> tuple[Displacement, ...]:
        """One for each shard, in its layer; a leading axis of 1 for the agent is cut off."""
        few = self._contexts(self.run.config.identify.view_contexts)
        agent = self.run.agent(seed, checkpoint)
        data = _asked(agent, few)
        pulls = parts_of(on(self.model(seed, checkpoint), data), data).shards
        hidden = respond(agent, agent.env, None, few.observations).activations
        rng = np.random.default_rng(self.run.config.identify.seed)  # draws no direction
        found = []
        for number, layer in enumerate(self.layers()):
            own = pulls[None, :, :, number : number + 1]
            moved = displacement(hidden[layer][None], own, 0, rng)
            found.append(jax.tree.map(lambda leaf: leaf[0], moved))
        return tuple(found)

    def _contexts(self, most: int) -> Battery:
        whole = self.run.shards.battery
        return whole.take(sample(whole.size, self.run.config.identify.seed, most))


def _asked(agent: Agent, few: Battery) -> DecisionData:
    return decisions_on(few, respond(agent, agent.env, None, few.observations).logits)


def on(model: ShardModel, data: DecisionData) -> ShardModel:
    """The same model with its gates in other contexts of the env."""
    fitted = Fitted(model.coefficients, model.affordance_coefficients, model.habit)
    return shard_model(model.atoms, fitted, model.preferences, data)


def contribution(model: ShardModel, data: DecisionData) -> Contribution:
    """What a model says of the cells whose decisions are given; see `Contribution`."""
    here = on(model, data)
    return Contribution(here.gates, here.predicted, parts_of(here, data).shards)
