"""Which settings each learner reads, and with which defaults: plain tables, which `config` applies.

The defaults of A2C and PQN were chosen on the return in training of agents that no study uses;
what was tried is in docs/learners.md.
"""

from __future__ import annotations

from typing import Any, Literal

LearnerName = Literal["ppo", "a2c", "pqn"]

# Where a learner's default is not the one that `TrainConfig` shows, which is PPO's.
DEFAULTS: dict[str, dict[str, Any]] = {
    "ppo": {},
    "a2c": {
        "num_envs": 16,
        "rollout_steps": 8,
        "epochs": 1,
        "minibatches": 1,
        "learning_rate": 4e-3,
    },
    "pqn": {"rollout_steps": 16, "epochs": 2, "gae_lambda": 0.65},
}

# What a learner does not read; `network.temperature` is a key of the section below.
_OF_Q = ("exploration", "exploration_end", "exploration_until", "network.temperature")
UNREAD: dict[str, tuple[str, ...]] = {
    "ppo": _OF_Q,
    "a2c": ("clip", *_OF_Q),
    "pqn": ("clip", "entropy", "entropy_end", "value_coefficient"),
}

# Of these the learner follows the gradient of its own policy's return, by advantages.
POLICY_GRADIENT: tuple[LearnerName, ...] = ("ppo", "a2c")
