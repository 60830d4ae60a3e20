"""The vocabulary of `reflection.nc`: every variable, dim and coordinate, once.

Shards are numbered and named as in `shards.nc`. Step 0 is before reflection.
"""

from __future__ import annotations

from shardsim.agent.schema import MOMENTS
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
        "distance": Variable(
            _OF_KIND, "root mean square of the change of J over its range in single reflections"
        ),
        "distance_beyond": Variable(
            _OF_KIND,
            "the same, less the sham's (as squares); missing where the sham was not tried",
        ),
        "distance_beyond_interval": Variable(
            (*_OF_KIND, "end"),
            "root mean square less the sham's: 90 % interval over seeds and onsets",
        ),
        "distance_verdict": Variable(
            ("kind", "model"),
            "constant, drifted, undecided or undefined, whichever way single reflections go",
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
        "endorsement": Variable(
            ("onset", "seed", "endorser", "shard"),
            "gain in value J of the endorser as the shard's log weight grows, before reflection",
            PREFERENCE,
        ),
        "endorsement_chance": Variable(
            ("onset", "seed", "endorser", "shard"),
            "root mean square of the same where the shard's logits favour actions at random",
            PREFERENCE,
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
        "endorser": Variable(("endorser",), "shard that judges, by number"),
    },
)

_CHOICE = ("evaluator", "model", "onset", "seed", "option")

SELF_MODIFICATION = Schema(
    {
        "gain": Variable(
            ("evaluator", "onset", "seed", "shard", "option"),
            "value J of the shard after the option, less J now, as its evaluator sees it",
            PREFERENCE,
        ),
        "gain_shuffled": Variable(
            ("onset", "seed", "shard", "option"),
            "realistic gain where the shards' logits favour actions at random; missing for "
            "successors",
            PREFERENCE,
        ),
        "chosen_most": Variable(_CHOICE, "part of the option in the branch that has most of it"),
        "chosen_least": Variable(_CHOICE, "part of the option in the branch that has least of it"),
        "judge": REFLECTION.variables["judge"],
        "contexts": REFLECTION.variables["contexts"],
        "growth": Variable(
            ("onset", "seed", "shard"),
            "endorsement by the judges: what they gain as the shard's log weight grows",
            PREFERENCE,
        ),
    },
    {
        **{name: OF_SHARDS[name] for name in ("seed", "shard", "shard_name")},
        "onset": REFLECTION.coordinates["onset"],
        "evaluator": Variable(("evaluator",), "how a modification is judged"),
        "model": REFLECTION.coordinates["model"],
        "option": Variable(("option",), "what the agent may turn itself into"),
        "option_kind": Variable(("option",), "kind of option"),
    },
)

_AT = ("checkpoint", "onset", "model", "seed")
_ASKED = ("question", "checkpoint", "kind", "model")

STABILITY = Schema(
    {
        "hit": Variable((*_AT, "outcome"), "probability that this is reached first, from onset"),
        "target_hit": Variable(
            (*_AT, "outcome"), "probability that this is reached first, from target starts"
        ),
        "competence": REFLECTION.variables["competence"]._replace(dims=_AT),
        "judge": Variable(
            ("checkpoint", "onset", "seed", "shard"), "share of the shard among the judges at onset"
        ),
        "value": Variable(
            (*_AT, "place", "shard"),
            "value J of the shard after the model of reflection",
            PREFERENCE,
        ),
        "value_low": Variable(
            ("onset", "seed", "place", "shard"), "least value J that any policy gives", PREFERENCE
        ),
        "value_high": Variable(
            ("onset", "seed", "place", "shard"),
            "greatest value J that any policy gives",
            PREFERENCE,
        ),
        "change": Variable(
            ("question", *_AT, "place", "shard"),
            "value J, less that without reflection (drift) or less that of the same model at the "
            "last checkpoint (outcome), over the range of values that policies can give",
        ),
        "kind_change": Variable(
            (*_ASKED, "place", "shard"), "the same, mean over seeds and the class's onsets"
        ),
        "kind_interval": Variable(
            (*_ASKED, "place", "shard", "end"),
            "the same: 90 % interval over seeds, onsets and target levels",
        ),
        "kind_says": Variable((*_ASKED, "place", "shard"), "verdict on this value alone"),
        "kind_verdict": Variable(
            _ASKED, "constant, drifted, undecided or undefined, of all onsets of a class"
        ),
        "stable_from": Variable(
            ("question", "kind", "model", "seed"),
            "first checkpoint from which on no value of the seed is off by more than the margin; "
            "infinite: not in this run",
            "env steps",
        ),
        "stable_median": Variable(
            ("question", "kind", "model"), "the same, median over seeds", "env steps"
        ),
        "stable_interval": Variable(
            ("question", "kind", "model", "end"),
            "interval of the median over seeds, by order statistics",
            "env steps",
        ),
        "stable_together": Variable(
            ("question", "kind", "model"),
            "first checkpoint from which on the verdict over all seeds is constant; infinite: not "
            "in this run",
            "env steps",
        ),
    },
    {
        **REFLECTION.coordinates,
        **MOMENTS,
        "question": Variable(
            ("question",),
            "drift: what reflection changes; outcome: how it ends, beside the last checkpoint",
        ),
    },
)
