"""Nulls that every claim about shards stands beside.

The decoy, a concept that never had reward, is one of the concepts and needs no code.
Axis letters: K policies · C contexts · A actions.
"""

from __future__ import annotations

import numpy as np

from shardsim.shards.fit.data import probabilities

STEPS = 60
LARGEST = 1e6


def entropy_bits(logits: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return float64[...]: weighted mean entropy in bits per decision of logits [..., C, A]."""
    chance = probabilities(logits)
    each = -(chance * np.log2(np.maximum(chance, 1e-300))).sum(-1)
    return np.asarray(each @ weight / weight.sum())


def head_scale(untrained: np.ndarray, target: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return float64[K]: the factor on untrained logits that gives them a trained agent's entropy.

    An ordinary untrained network is all but uniform and would be an empty null; scaling its head
    keeps what it computes and gives it decisions as sharp as the trained agent's.

    Args:
      untrained: float[K, C, A] logits.
      target: float[K], bits per decision.
      weight: float[C].

    Returns:
      Found by bisection in the logarithm; capped at `LARGEST` times the logits' own scale where no
      factor is enough.
    """
    centred = untrained - untrained.mean(-1, keepdims=True)
    unit = np.maximum(centred.std((-2, -1)), 1e-30)
    low, high = np.full(unit.shape, np.log(1e-6)), np.full(unit.shape, np.log(LARGEST))
    for _ in range(STEPS):
        middle = (low + high) / 2
        factor = np.exp(middle) / unit
        sharper = entropy_bits(centred * factor[:, None, None], weight) < target
        low, high = np.where(sharper, low, middle), np.where(sharper, middle, high)
    return np.exp((low + high) / 2) / unit


def shuffled(logits: np.ndarray, seed: int) -> np.ndarray:
    """Return logits [..., C, A] dealt out over other contexts: the same policy, no structure."""
    order = np.random.default_rng(seed).permutation(logits.shape[-2])
    return logits[..., order, :]
