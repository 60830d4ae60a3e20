"""World and training of tiny runs: seconds, for tests that ask nothing of what is learnt.

All tests of runs train this, in the same compiled programs. Its network is that of
`tests.shards.built`, so that what was trained can be replaced by what was built by hand.
"""

from __future__ import annotations

from typing import Any

TINY: dict[str, Any] = {
    "env": {"params": {"height": 5, "width": 5, "max_steps": 16}},
    "train": {
        "seeds": 2,
        "total_steps": 1024,
        "num_envs": 16,
        "rollout_steps": 8,
        "epochs": 1,
        "minibatches": 2,
        "bank_levels": 32,
        "evaluation_levels": 8,
        "checkpoints": 4,
        "network": {"kind": "egocentric", "widths": [12], "channels": 1},
    },
}
