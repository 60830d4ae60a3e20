"""The vocabulary of `training.nc`: every variable, dim and coordinate, once.

`checkpoint` counts those of a run from 0, the untrained network; `update` and `steps` say when.
Means over training are of the updates since the checkpoint before; there are none at the first.
"""

from __future__ import annotations

from shardsim.base.schema import Schema, Variable

REWARD = "units of reward"

_MEAN = ("seed", "checkpoint")
_EXACT = ("split", "seed", "checkpoint")

MOMENTS = {
    "checkpoint": Variable(("checkpoint",), "number of the checkpoint, from 0, the untrained one"),
    "update": Variable(("checkpoint",), "updates of the learner so far"),
    "steps": Variable(("checkpoint",), "env steps of one seed so far"),
}
SEED = Variable(("seed",), "training seed")

TRAINING = Schema(
    {
        "achieved": Variable(_EXACT, "exact discounted return from the levels' starts", REWARD),
        "optimum": Variable(_EXACT, "the same of the best policy", REWARD),
        "worst": Variable(_EXACT, "the same of the policy that earns least", REWARD),
        "achieved_error": Variable(
            _EXACT, "standard error of `achieved`, of agents with a memory, from episodes", REWARD
        ),
        "return": Variable(_MEAN, "undiscounted return of finished episodes, mean", REWARD),
        "length": Variable(_MEAN, "steps of finished episodes, mean"),
        "gradient_norm": Variable(_MEAN, "norm of the gradient before it is clipped, mean"),
        "policy_loss": Variable(_MEAN, "policy loss, mean; none of a learner of values"),
        "value_loss": Variable(_MEAN, "squared error of the values learnt, mean", f"({REWARD})2"),
        "entropy": Variable(_MEAN, "entropy of the policy, mean", "nats per decision"),
        "divergence": Variable(
            _MEAN,
            "estimated divergence from the rollout's policy, mean; none of a learner of values",
            "nats per decision",
        ),
    },
    {"seed": SEED, "split": Variable(("split",), "split of the levels"), **MOMENTS},
)
