"""The vocabulary of `reflection.nc`: every variable, dim and coordinate, once.

Shards are numbered and named as in `shards.nc`. Step 0 is before reflection.
"""

from __future__ import annotations

from shardsim.base.schema import Schema, Variable
from shardsim.shards.schema import COORDINATES as OF_SHARDS
from shardsim.shards.schema import SHARE

PREFERENCE = "discounted preference"  # of a return J: what is wanted, discounted per move

_PATH = ("onset", "model", "step", "seed")
_PLACE = ("onset", "seed", "place", "shard")
_OF_KIND = ("kind", "model", "place", "shard")
_REPEATED = ("onset", "model", "seed", "repeat", "outcome")
_AFTER = ("onset", "model", "seed", "place", "shard")

REFLECTION = Schema(
    {
        "hit": Variable((*_PATH, "outcome"), "probability that this is reached first, from onset"),
        "target_hit": Variable(
            (*_PATH, "outcome"), "probability that this is reached first, from target starts"
        ),
        "influence": Variable(
            (*_PATH, "object"), "signed influence of removing the object, near it", "moves"
        ),
        "competence": Variable(
            _PATH,
            "return on training levels over the optimum; where that is not positive, as a part "
            "of the range from the worst return to it",
        ),
        "judge": Variable(
            ("onset", "seed", "shard"), "share of the shard among the judges at onset"
        ),
        "judge_identified": Variable(
            ("onset", "seed"), "part of the onset that is similar to contexts of the battery"
        ),
        "contexts": Variable(("onset", "seed"), "number of contexts of the onset"),
        "value_before": Variable(_PLACE, "value J of the shard before reflection", PREFERENCE),
        "value_low": Variable(_PLACE, "least value J that any policy gives the shard", PREFERENCE),
        "value_high": Variable(
            _PLACE, "greatest value J that any policy gives the shard", PREFERENCE
        ),
        "value_after": Variable(_AFTER, "value J of the shard after reflection", PREFERENCE),
        "value_change": Variable(
            _AFTER, "change of J over the range of values that policies can give"
        ),
        "verdict": Variable(("onset", "model"), "constant, drifted, undecided or undefined"),
        "share_before": Variable(
            ("seed", "shard"), f"{SHARE} before reflection, fitted in the same way"
        ),
        "share_after": Variable(
            ("onset", "model", "seed", "shard"),
            f"{SHARE} after reflection; missing for models that are not refitted",
        ),
        "carry_over": Variable(
            ("onset", "model", "seed"),
            "κ: how much of the decisions after reflection the earlier shards predict, relative to "
            "shards identified again",
        ),
        "saturated": Variable(
            ("onset", "seed"), "part of the onset where one goal is as good as never reached first"
        ),
        "shared_contexts": Variable(("onset",), "whether all seeds begin in the same contexts"),
        "level_change": Variable(
            ("onset", "model", "seed", "level", "shard"),
            "change of J from the starts of one target level, over the same range",
        ),
        "kind_verdict": Variable(
            ("kind", "model"), "constant, drifted, undecided or undefined, of all onsets of a class"
        ),
        "kind_change": Variable(
            _OF_KIND, "change of J over its range, mean over seeds and the class's onsets"
        ),
        "kind_interval": Variable(
            (*_OF_KIND, "end"),
            "change of J over its range: 90 % interval over seeds, onsets and target levels",
        ),
        "kind_says": Variable(_OF_KIND, "verdict on this value alone"),
        "beyond": Variable(
            ("kind", "model"),
            "part of single reflections (one seed, one onset) that change some value by more than "
            "the margin",
        ),
        "beyond_interval": Variable(
            ("kind", "model", "end"),
            "part of single reflections beyond the margin: 90 % interval over seeds and onsets",
        ),
        "detectable": Variable(
            _OF_KIND, "least change that would be found to be drift with probability 0.8"
        ),
        "seeds_needed": Variable(
            ("kind", "model"),
            "seeds that would decide with probability 0.8 if the means are true; infinite: none do",
        ),
        "onsets_needed": Variable(
            ("kind", "model"), "onsets of the class that would, with the seeds that there are"
        ),
        "kind_drift": Variable(
            ("kind", "model", "quantity"),
            "change from first to last step, mean over seeds and the class's onsets",
        ),
        "kind_drift_interval": Variable(
            ("kind", "model", "quantity", "end"),
            "change from first to last step: 90 % interval over seeds and onsets",
        ),
        "repeat_hit": Variable(
            _REPEATED, "probability that this is reached first, from onset, afterwards"
        ),
        "repeat_target_hit": Variable(
            _REPEATED,
            "probability that this is reached first, from target starts, afterwards",
        ),
        "drift": Variable(
            ("onset", "model", "quantity"), "change from first to last step, mean over seeds"
        ),
        "drift_interval": Variable(
            ("onset", "model", "quantity", "end"),
            "change from first to last step: 90 % interval over seeds",
        ),
        "value_path": Variable(
            (*_PATH, "place", "shard"),
            "value J of the shard of before after so many steps; missing where it is not asked for",
            PREFERENCE,
        ),
        "share_path": Variable(
            (*_PATH, "shard"),
            f"{SHARE} after so many steps, fitted in the same way; missing where shards are not "
            "found again",
        ),
        "carry_over_path": Variable(
            _PATH, "κ after so many steps; missing where shards are not found again"
        ),
        "critic_gap": Variable(
            ("onset", "seed"),
            "distance (total variation) of the policy from the one that the agent's critic "
            "implies, where it goes from the onset; missing where no model asks the critic",
        ),
    },
    {
        **{name: OF_SHARDS[name] for name in ("seed", "shard", "shard_name", "end")},
        "onset": Variable(("onset",), "where reflection starts"),
        "onset_class": Variable(("onset",), "class of the onset, as `kind`"),
        "kind": Variable(("kind",), "class of onsets: near either goal, or contested"),
        "model": Variable(("model",), "model of reflection"),
        "step": Variable(("step",), "reflection steps so far"),
        "outcome": Variable(("outcome",), "what is reached first"),
        "object": Variable(("object",), "object that can be removed"),
        "level": Variable(("level",), "number of the target level"),
        "repeat": Variable(("repeat",), "draw of plans"),
        "place": Variable(("place",), "where the shards' values are measured from"),
        "quantity": Variable(("quantity",), "what changed, in units of its own variable"),
    },
)
