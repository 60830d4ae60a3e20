"""`ShardSet`: everything that was found out about the shards of one policy.

Axis letters: C contexts · K shards · O concepts · A actions.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import xarray as xr

from shardsim.shards.contexts.battery import Battery
from shardsim.shards.contexts.sampling import DISTANCE_BINS
from shardsim.shards.evidence.activation_gates import ActivationFit
from shardsim.shards.evidence.components import (
    Directions,
    direction_coordinates,
    direction_summary,
)
from shardsim.shards.fit.alternatives import Alternative
from shardsim.shards.fit.fit import ModelFit


@dataclasses.dataclass(frozen=True, eq=False)
class ShardSet:
    """The shards of one policy over one battery; gates are in logits a move."""

    gates: np.ndarray  # float64[C, K] >= 0
    preferences: np.ndarray  # float64[K, O], unit norm
    shares: np.ndarray  # float64[K]; with habit, affordance and residual they sum to 1
    interval: np.ndarray  # float64[K, 2], of the shares, widened by the equal fits
    margin: np.ndarray  # float64[K], 0..1: how much dearer the cheapest equal fit is
    alternatives: tuple[Alternative, ...]  # the equal fits, cheapest first
    habit_share: float
    affordance_share: float
    residual: float
    confirmed: np.ndarray  # bool[K]: behaviour, activations and an intervention agree
    shardness: float  # bits a decision, best rival minus shards, held-out levels
    shardness_interval: tuple[float, float]  # over levels
    rivals: dict[str, float]  # model -> held-out bits a decision
    rivals_conflict: dict[str, float]  # the same over contexts in conflict
    explained: float  # 0 habits and affordances, 1 the ceiling
    agreement: dict[str, float]  # layer or control -> adjusted mutual information
    verdict: str  # "shards" | "one utility" | "cannot tell" | "no structure"
    words: list[str]  # one line a shard
    concepts: tuple[str, ...]
    influence: dict[str, np.ndarray]  # name -> float64[O, distance bin]
    habit: np.ndarray  # float64[A], logits
    affordance: np.ndarray  # float64[C], logits of an action that changes nothing
    logits: np.ndarray  # float64[C, A], the policy's own, centred
    battery: Battery
    fit: ModelFit
    activation_fit: ActivationFit | None = None  # None: behaviour only, or no shard
    directions: Directions | None = None  # single components; None where activation_fit is
    refined: dict[str, Any] | None = None  # what was found before contexts were added, and why

    @property
    def num_shards(self) -> int:
        """Number of shards, K."""
        return len(self.preferences)

    @property
    def followed(self) -> list[dict[str, Any]]:
        """Which component of which layer follows each gate, an entry a shard; none without."""
        return direction_summary(self.directions)

    def to_dataset(self) -> xr.Dataset:
        """Return everything as a labelled Dataset, with dims shard, concept, context, action."""
        part = ["habit", "affordance", "residual"]
        rest = np.array([self.habit_share, self.affordance_share, self.residual])
        variables: dict[str, Any] = {
            "gates": (("context", "shard"), self.gates),
            "preferences": (("shard", "concept"), self.preferences),
            "share": (("shard",), self.shares),
            "share_low": (("shard",), self.interval[:, 0]),
            "share_high": (("shard",), self.interval[:, 1]),
            "rest_share": (("rest",), rest),
            "margin": (("shard",), self.margin),
            "confirmed": (("shard",), self.confirmed),
            "words": (("shard",), np.array(self.words, dtype=object)),
            "bits": (("model",), np.array(list(self.rivals.values()))),
            "bits_conflict": (("model",), np.array(list(self.rivals_conflict.values()))),
            "agreement": (("layer",), np.array(list(self.agreement.values()))),
            "habit": (("action",), self.habit),
            "affordance": (("context",), self.affordance),
            "logits": (("context", "action"), self.logits),
            "weight": (("context",), self.battery.weight),
            "level_index": (("context",), self.battery.level_index),
            "distance": (("context", "concept"), self.battery.distance),
        }
        gates = self.activation_fit
        if gates is not None:
            variables["explained_by_view"] = (("view",), gates.explained[0])
            variables["gate_likeness"] = (("view", "shard"), gates.likeness[0])
        if self.directions is not None:
            dims = ("network_layer", "direction_method", "shard")
            variables["direction_score"] = (dims, self.directions.score[0])
            variables["direction_null"] = ((*dims, "direction_control"), self.directions.null[0])
        for name, values in self.influence.items():
            variables[f"influence_{name}"] = (("concept", "distance_bin"), values)
        coords: dict[str, Any] = {
            "concept": list(self.concepts),
            "rest": part,
            "model": list(self.rivals),
            "action": list(self.battery.env.action_names),
            "distance_bin": list(DISTANCE_BINS),
            "layer": list(self.agreement),
        }
        if gates is not None:
            coords["view"] = list(gates.views)
        if self.directions is not None:
            coords |= direction_coordinates(self.directions)
            coords |= {"network_layer": list(self.directions.layers)}
        attributes = {
            "verdict": self.verdict,
            "shardness": self.shardness,
            "shardness_low": self.shardness_interval[0],
            "shardness_high": self.shardness_interval[1],
            "explained": self.explained,
        }
        return xr.Dataset(variables, coords, attributes)
