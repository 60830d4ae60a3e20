"""The vocabulary of `shards.nc` and `track.nc`: every variable, dim and coordinate, once.

A shard is counted from 1 in the dictionary's order, and named by what it pushes for.
`checkpoint` counts those of a run from 0, the untrained network; `update` and `steps` say when.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from shardsim.agent.schema import MOMENTS, SEED
from shardsim.base.errors import UserError, did_you_mean
from shardsim.base.schema import Schema, Variable
from shardsim.shards.object_schema import OBJECT_COORDINATES, OBJECTS, TOWARD

BITS = "bits per decision"
MOVES = "moves"
SHARE = "share of decision influence"

_BY_LAYER = ("seed", "layer", "shard")
_COMPONENT = ("seed", "layer", "component_method", "shard")

COORDINATES = {
    "seed": SEED,
    "shard": Variable(("shard",), "number of the shard, from 1"),
    "shard_name": Variable(("shard",), "what the shard mostly pushes for"),
    "concept": Variable(("concept",), "object or place that an agent could value"),
    "action": Variable(("action",), "action of the env"),
    "battery": Variable(("battery",), "split of the levels that the contexts are from"),
    "rest": Variable(("rest",), "part of the influence that belongs to no shard"),
    "end": Variable(("end",), "end of an interval"),
    "model": Variable(("model",), "fitted model of the decisions"),
    "distance_bin": Variable(("distance_bin",), "distance to the concept", MOVES),
    "null": Variable(("null",), "policy without shards to find"),
    "layer": Variable(("layer",), "layer of the network"),
    "label": Variable(("label",), "labels of contexts that clusters are compared with"),
    "view": Variable(("view",), "what of a layer, or which control, is cut into clusters"),
    "gate_source": Variable(("gate_source",), "what the gates are read from"),
    "dose": Variable(("dose",), "c: the reading of the shard in a layer is multiplied by 1 + c"),
    "component_method": Variable(("component_method",), "method that finds single components"),
    "component_control": Variable(("component_control",), "null of the components"),
    "feature": Variable(("feature",), "covariate that a gate's conditions may use"),
    **OBJECT_COORDINATES,
    "event_kind": Variable(("event_kind",), "reward component that paid first in an episode"),
    **MOMENTS,
    "event_checkpoint": Variable(("event_checkpoint",), "checkpoint that episodes start from"),
}

SHARDS = Schema(
    {
        "preferences": Variable(("shard", "concept"), "preference of a shard, unit norm"),
        "gates": Variable(("seed", "context", "shard"), "gate: how active a shard is", TOWARD),
        "share": Variable(("battery", "seed", "shard"), SHARE),
        "share_interval": Variable(
            ("battery", "shard", "end"), f"{SHARE}: interval over levels, seeds and equal fits"
        ),
        "share_interval_by_seed": Variable(
            ("battery", "seed", "shard", "end"), f"{SHARE}: interval over levels and equal fits"
        ),
        "rest_share": Variable(("battery", "seed", "rest"), SHARE),
        "rest_share_interval": Variable(
            ("battery", "rest", "end"), f"{SHARE}: interval over levels, seeds and equal fits"
        ),
        "rest_share_interval_by_seed": Variable(
            ("battery", "seed", "rest", "end"), f"{SHARE}: interval over levels and equal fits"
        ),
        "words": Variable(("shard",), "description of the shard, gates averaged over seeds"),
        "words_by_seed": Variable(("seed", "shard"), "description of the shard in one seed"),
        "margin": Variable(
            ("seed", "shard"), "relative extra strength of the next equally good fit"
        ),
        "equal_fit_margin": Variable(
            ("seed", "equal_fit"), "relative extra strength of an equally good fit"
        ),
        "equal_fit_shard": Variable(
            ("seed", "equal_fit"), "number of the shard whose preference that fit changes"
        ),
        "equal_fit_preference": Variable(
            ("seed", "equal_fit", "concept"), "preference of that shard in that fit, unit norm"
        ),
        "held": Variable(
            ("seed", "shard"), "whether the seed has the shard when it is fitted alone"
        ),
        "own_verdict": Variable(("seed",), "verdict on the seed when it is fitted alone"),
        "status": Variable(("shard",), "confirmed, unconfirmed or conflicting"),
        "bits": Variable(("model", "seed"), "held-out cross-entropy", BITS),
        "bits_conflict": Variable(
            ("model", "seed"), "held-out cross-entropy where concepts conflict", BITS
        ),
        "bits_by_distance": Variable(
            ("model", "seed", "distance_bin"),
            "held-out cross-entropy by distance to the nearest concept",
            BITS,
        ),
        "shardness_by_level": Variable(("seed", "level"), "best rival minus shards", BITS),
        "explained": Variable(
            ("seed",), "where the shards lie between habits and affordance (0) and the ceiling (1)"
        ),
        "null_shardness": Variable(("null", "seed"), "best rival minus shards in a null", BITS),
        "null_shards": Variable(("null", "seed"), "number of shards found in a null"),
        "influence_signed": Variable(
            ("seed", "concept", "distance_bin"), "signed influence of removing the concept", MOVES
        ),
        "influence_mirror": Variable(
            ("seed", "concept", "distance_bin"),
            "signed influence of mirroring the observation",
            MOVES,
        ),
        "influence_untrained": Variable(
            ("seed", "concept", "distance_bin"),
            "signed influence of removal on an untrained network of equal entropy",
            MOVES,
        ),
        "influence_in_model": Variable(
            ("seed", "concept", "distance_bin"),
            "in-model influence: of removing the concept from the fitted model",
            MOVES,
        ),
        "agreement": Variable(
            ("seed", "label", "view", "layer"),
            "adjusted mutual information of clusters of a view of a layer and of labels",
        ),
        "activity_auc": Variable(
            _BY_LAYER, "area under the ROC curve: size of its object's effect, shard active or not"
        ),
        "activity_auc_untrained": Variable(_BY_LAYER, "the same with effects before training"),
        "activity_auc_shuffled": Variable(_BY_LAYER, "the same with effects of other contexts"),
        "group_size": Variable(_BY_LAYER, "units whose effect is mostly that of its object"),
        "group_lost": Variable(
            _BY_LAYER, "part of the shard's strength lost when those units are ablated"
        ),
        "group_lost_other": Variable(_BY_LAYER, "the same of the other shard that changes most"),
        "group_lost_random": Variable(
            (*_BY_LAYER, "random_group"), "part lost with as many random units ablated"
        ),
        "group_lost_other_random": Variable(
            (*_BY_LAYER, "random_group"),
            "the same of the other shard that changes most",
        ),
        "readable": Variable(
            ("seed", "shard"),
            "whether the gate can be read from some layer better than shuffled labels",
        ),
        "specific": Variable(
            ("seed", "shard"), "whether in some layer erasing the shard removes it and no other"
        ),
        "erases_another": Variable(
            ("seed", "shard"), "whether in every layer erasing the shard removes another one more"
        ),
        "explained_by_source": Variable(
            ("seed", "gate_source"), "explained, with gates read from activations"
        ),
        "selectivity": Variable(_BY_LAYER, "own slope over the largest other one"),
        "slope_own": Variable(_BY_LAYER, "change of the shard's strength per unit of its own dose"),
        "slope_other": Variable(_BY_LAYER, "the same of the other shard that moves most"),
        "slope_random": Variable((*_BY_LAYER, "rotation"), "own slope under a random rotation"),
        "dose_own": Variable(
            ("seed", "layer", "dose", "shard"), "strength of the shard, relative to dose 0"
        ),
        "dose_other": Variable(
            ("seed", "layer", "dose", "shard"), "the same of the other shard that moves most"
        ),
        "dose_random": Variable(
            (*_BY_LAYER, "rotation", "dose"), "strength of the shard under a random rotation"
        ),
        "component_score": Variable(
            _COMPONENT, "correlation of the best component with the gate, held-out levels"
        ),
        "component_chosen": Variable(
            _COMPONENT, "correlation of that component where it was chosen"
        ),
        "component": Variable(_COMPONENT, "index of that component in its pool, from 0"),
        "component_null": Variable(
            (*_COMPONENT, "component_control"), "the same correlation in a null"
        ),
        "event_counts": Variable(
            ("event_checkpoint", "seed", "event_kind"), "episodes in which this paid first"
        ),
        "event_reached": Variable(
            ("event_kind", "concept"), "fraction of those episodes that end on the concept"
        ),
        "update_push": Variable(
            ("event_checkpoint", "seed", "event_kind", "shard"),
            "what the mean update of those episodes does to the shard's strength, in root mean "
            "squares over single episodes",
        ),
        "update_push_chance": Variable(
            ("event_kind", "shard", "end"),
            "middle 90 % of such pushes, means over checkpoints and seeds, when kinds are dealt "
            "out over other episodes, in root mean squares over single episodes",
        ),
        "update_p_value": Variable(
            ("event_kind", "shard"), "p-value: it strengthens the shard selectively"
        ),
        "update_p_value_by_seed": Variable(
            ("seed", "event_kind", "shard"), "p-value: it strengthens the shard selectively"
        ),
        **OBJECTS,
        "memory_gap": Variable(
            ("seed",),
            "what agents with a memory do, missed by their policy with an empty one",
            BITS,
        ),
        "memory_told": Variable(
            ("seed",), "what their past tells of their choices beyond the state", BITS
        ),
        "memory_saved": Variable(
            ("seed",), "what models of the past save beyond those of the state and a twin", BITS
        ),
        "memory_saved_interval": Variable(("seed", "end"), "its interval over levels", BITS),
        "memory_saved_twin": Variable(
            ("seed",), "what they save in a twin that remembers nothing: a null", BITS
        ),
        "remembers": Variable(("seed",), "whether memory saves more than chance"),
        "lived_verdict": Variable(
            ("seed",), "verdict on how the agent acts on average over its pasts"
        ),
        "lived_shards": Variable(("seed",), "number of shards found in that"),
        "lived_names": Variable(("seed",), "what they mostly push for"),
        "lived_explained": Variable(
            ("seed",), "where they lie between habits and affordance (0) and the ceiling (1)"
        ),
        "weight": Variable(
            ("context",), "weight back to the levels' own distribution of decisions"
        ),
        "level_index": Variable(("context",), "level that the context is from"),
        "distance": Variable(("context", "concept"), "shortest distance to the concept", MOVES),
        "habit": Variable(("seed", "action"), "habit: bias of an action", "logits"),
        "gate_coefficient": Variable(("seed", "atom", "shard"), "weight of an atom", TOWARD),
        "affordance_coefficient": Variable(
            ("seed", "atom"), "weight of an atom in what a blocked action costs", "logits"
        ),
        "atom_feature": Variable(
            ("seed", "atom", "condition"), "index of the condition's feature; -1 for none"
        ),
        "atom_threshold": Variable(("seed", "atom", "condition"), "threshold of the feature"),
        "atom_above": Variable(
            ("seed", "atom", "condition"), "whether the feature must exceed the threshold"
        ),
        "atom_soft": Variable(
            ("seed", "atom"), "index of the feature that the atom is proportional to; -1 for none"
        ),
        "atom_scale": Variable(("seed", "atom"), "factor on that feature, capped at 1"),
    },
    COORDINATES,
)

TRACK = Schema(
    {
        "preferences": Variable(("shard", "concept"), "preference of a shard, unit norm"),
        "share": Variable(("checkpoint", "seed", "shard"), SHARE),
        "share_interval": Variable(
            ("checkpoint", "shard", "end"), f"{SHARE}: interval over levels and seeds"
        ),
        "rest_share": Variable(("checkpoint", "seed", "rest"), SHARE),
        "rest_share_interval": Variable(
            ("checkpoint", "rest", "end"), f"{SHARE}: interval over levels and seeds"
        ),
        "separate_shards": Variable(
            ("checkpoint", "seed"),
            "number of shards where the checkpoint is fitted alone; missing where it is not",
        ),
        "match_cosine": Variable(
            ("checkpoint", "seed", "shard"),
            "cosine of a shard's pull with that of its best match among those fitted alone",
        ),
    },
    COORDINATES,
)


def by_seed(data: xr.Dataset, name: str) -> np.ndarray:
    """Return a variable with the agents first, [S, ...], also of one agent's table."""
    values = data[name]
    if "seed" not in values.dims:
        values = values.expand_dims("seed")
    return values.transpose("seed", ...).values


def numbers_called(data: xr.Dataset, shard: str | int) -> set[int]:
    """Return the numbers of the shards that have a number or a name.

    Raises:
      UserError: none has.
    """
    pairs = zip(data["shard"].values.tolist(), data["shard_name"].values.tolist(), strict=True)
    names, word = {str(number): str(name) for number, name in pairs}, str(shard)
    found = {int(number) for number, name in names.items() if word in (number, name)}
    if not found:
        raise UserError(
            f"no shard is called {word!r}; {did_you_mean(word, [*names.values(), *names])}"
        )
    return found
