"""The vocabulary of `reflection.nc`: every variable, dim and coordinate, once.

Shards are numbered and named as in `shards.nc`. Step 0 is before reflection.
"""

from __future__ import annotations

from shardsim.base.schema import Schema, Variable
from shardsim.shards.schema import COORDINATES as OF_SHARDS
from shardsim.shards.schema import SHARE

PREFERENCE = "discounted preference"  # of a return J: what is wanted, less for each move until then

_PATH = ("onset", "model", "step", "seed")
_PLACE = ("onset", "seed", "place", "shard")
_AFTER = ("onset", "model", "seed", "place", "shard")

REFLECTION = Schema(
    {
        "hit": Variable((*_PATH, "outcome"), "probability that this is reached first, from onset"),
        "target_hit": Variable(
            (*_PATH, "outcome"), "probability that this is reached first, from target starts"
        ),
        "influence": Variable(
            (*_PATH, "object"), "removal moves the policy away by, near the object", "moves"
        ),
        "competence": Variable(
            _PATH,
            "return on training levels over the optimum; where that is not positive, the part of "
            "the range to it from the worst",
        ),
        "judge": Variable(("onset", "seed", "shard"), "share of the shard in judging at onset"),
        "judge_identified": Variable(
            ("onset", "seed"), "part of the onset whose like the battery of the shards holds"
        ),
        "contexts": Variable(("onset", "seed"), "number of contexts of the onset"),
        "value_before": Variable(_PLACE, "return J of the shard before reflection", PREFERENCE),
        "value_low": Variable(_PLACE, "least J that any policy gives the shard", PREFERENCE),
        "value_high": Variable(_PLACE, "greatest J that any policy gives the shard", PREFERENCE),
        "value_after": Variable(_AFTER, "return J of the shard after reflection", PREFERENCE),
        "value_change": Variable(_AFTER, "change of J over the range that policies can reach"),
        "verdict": Variable(("onset", "model"), "constant, drifted, undecided or undefined"),
        "share_before": Variable(("seed", "shard"), f"{SHARE} before reflection, fitted alike"),
        "share_after": Variable(
            ("onset", "model", "seed", "shard"),
            f"{SHARE} after reflection; missing for models that are not fitted again",
        ),
        "carry_over": Variable(
            ("onset", "model", "seed"),
            "κ: what shards of before predict of the decisions after, of what those of after do",
        ),
        "drift": Variable(
            ("onset", "model", "quantity"), "change from first to last step, mean over seeds"
        ),
        "drift_interval": Variable(
            ("onset", "model", "quantity", "end"),
            "change from first to last step: 90 % interval over seeds",
        ),
    },
    {
        **{name: OF_SHARDS[name] for name in ("seed", "shard", "shard_name", "end")},
        "onset": Variable(("onset",), "where reflection starts"),
        "model": Variable(("model",), "model of reflection"),
        "step": Variable(("step",), "reflection steps so far"),
        "outcome": Variable(("outcome",), "what is reached first"),
        "object": Variable(("object",), "object that can be removed"),
        "place": Variable(("place",), "where the shards' returns are measured from"),
        "quantity": Variable(("quantity",), "what changed, in units of its own variable"),
    },
)
