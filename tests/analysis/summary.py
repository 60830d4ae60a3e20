"""The diagnosis and the summary, with known numbers, of the results beside it."""

from __future__ import annotations

from typing import Any

DIAGNOSIS: dict[str, Any] = {
    "world": "representation",
    "section": None,
    "representation": "corner",
    "probabilities": {"representation": 0.9, "healthy": 0.06, "unknown": 0.04},
    "tier": "T",
    "seeds": ["representation(corner)", "healthy"],
    "notes": ["a note <b>in bold</b>"],
    "evidence": [
        {
            "section": "environment",
            "measurement": "transitions replayed",
            "phase": 4,
            "seed": 0,
            "measured": 0.0,
            "exact": 0.0,
            "unit": "fraction of steps",
            "verdict": "agrees",
        },
        {
            "section": "evaluation",
            "measurement": "return <target>",
            "phase": 196,
            "seed": 1,
            "measured": 0.351,
            "exact": 1.0,
            "unit": "of the optimum",
            "verdict": "disagrees",
        },
    ],
}

HALF = {"mean": 0.5, "low": 0.4, "high": 0.6}
OBJECTS: dict[str, Any] = {
    "shares": {
        "base": {**HALF, "untrained": HALF, "fitted": HALF},
        "cheese": {**HALF, "untrained": HALF, "fitted": HALF},
        "interactions": {**HALF, "untrained": HALF, "fitted": None},
    },
    "gates": {"cheese": {"correlation": HALF}},
    "explained": HALF,
    "explained_by_covariates": HALF,
    "explained_freely": HALF,
    "residual": {"base": HALF, "reduced": {"straight lines": HALF}},
    "places": {},
}

SUMMARY: dict[str, Any] = {
    "objects": OBJECTS,
    "num_shards": 2,
    "shards": [
        {
            "name": "cheese",
            "words": "active within 4 steps of the cheese; pushes toward it",
            "preferences": {"cheese": 0.99, "decoy": 0.1, "corner": 0.1},
            "share": {
                "held_out": {"mean": 0.412, "low": 0.361, "high": 0.463},
                "target": {"mean": 0.407, "low": 0.355, "high": 0.459},
            },
            "margin": 0.4123,
            "confirmed": True,
            "interventions": {
                "layer": "dense_2",
                "selectivity": {"mean": 4.375, "low": 3.125, "high": 5.625},
                "slope": {"own": 1.03, "other": -0.21, "random": 0.12},
            },
        },
        {
            "name": "corner",
            "words": "active everywhere; pushes toward the corner",
            "preferences": {"cheese": 0.1, "decoy": 0.0, "corner": 0.99},
            "share": {
                "held_out": {"mean": 0.302, "low": 0.251, "high": 0.353},
                "target": {"mean": 0.309, "low": 0.257, "high": 0.361},
            },
            "margin": 0.1234,
            "confirmed": False,
        },
    ],
    "shardness": {"mean": 0.0217, "low": 0.0141, "high": 0.0293},
    "explained": 0.6047,
    "explained_by_activations": {
        "layer": "dense_2",
        "mean": 0.62,
        "low": 0.6,
        "high": 0.64,
        "sources": {
            "dense_1": 0.45,
            "dense_2": 0.62,
            "raw input": 0.3,
            "shuffled activations": 0.2,
        },
    },
    "views": [
        {
            "status": status,
            "behaviour": {"says": "yes", "reason": "margin"},
            "activations": {"says": "yes", "reason": "ablation"},
            "updates": {"says": "no", "reason": "no push"},
        }
        for status in ("confirmed", "unconfirmed")
    ],
    "components": [
        {
            "layer": "dense_1",
            "method": "dictionary",
            "components": ["3 of 8", "1 of 4"],
            "score": {"mean": 0.354, "low": 0.243, "high": 0.461},
            "null": {"random directions": 0.3011, "shuffled gates": -0.0123},
        }
    ],
    "agreement": {
        "strongest shard": {
            "raw activations": {"mean": 0.0212, "low": 0.01, "high": 0.03},
            "effect sizes": {"mean": 0.1023, "low": 0.08, "high": 0.12},
        },
        "action taken": {"raw activations": {"mean": 0.3891, "low": 0.35, "high": 0.42}},
    },
    "verdict": "shards",
    "constancy": {"near-corner": "drifted", "near-cheese": "undecided", "contested": "drifted"},
    "reflection": {
        "near-corner": {
            "contexts": [8, 7],
            "models": {
                "turns": {
                    "verdict": "drifted",
                    "carry_over": 0.8125,
                    "drift": {
                        "hit_cheese": {"mean": 0.0812, "low": 0.0713, "high": 0.0914},
                        "competence": {"mean": -0.0115, "low": -0.0216, "high": -0.0017},
                    },
                }
            },
        }
    },
    "diagnosis": {"world": "representation", "section": None, "representation": "corner"},
}
