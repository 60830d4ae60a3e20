"""What an episode tells of its hidden states: the exact recursions, scaled.

Baum, Petrie, Soules & Weiss 1970, "A maximization technique occurring in the statistical analysis
of probabilistic functions of Markov chains"; scaled as Rabiner 1989, "A tutorial on hidden Markov
models and selected applications in speech recognition".
Axis letters: E episodes · T steps · K hidden states.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Posterior(NamedTuple):
    """What is known of the hidden states of E episodes."""

    state: np.ndarray  # float64[E, T, K], given the whole episode
    pair: np.ndarray  # float64[E, T-1, K, K], of one step and the next, given the whole episode
    evidence: np.ndarray  # float64[E, T], log-probability of each choice given those before


def filtered(begin: np.ndarray, change: np.ndarray, logs: np.ndarray):
    """Run forward.

    Args:
      begin: [E, K], chance of each state at the first step.
      change: [E, T-1, K, K], rows sum to 1.
      logs: [E, T, K], log-probability of what was chosen; 0 after an episode's end.

    Returns:
      What is known after each choice [E, T, K], the chances of the choices, scaled [E, T, K], their
      scales [E, T], and the evidence [E, T].
    """
    peak = logs.max(-1)
    likely = np.exp(logs - peak[..., None])
    known, scale = np.empty_like(logs), np.empty_like(peak)
    now = begin
    for step in range(logs.shape[1]):
        if step:
            now = np.einsum("ek,ekj->ej", known[:, step - 1], change[:, step - 1])
        joint = now * likely[:, step]
        scale[:, step] = joint.sum(-1)
        known[:, step] = joint / scale[:, step, None]
    return known, likely, scale, np.log(scale) + peak


def forward_backward(begin: np.ndarray, change: np.ndarray, logs: np.ndarray) -> Posterior:
    """Return the posterior; arguments as of `filtered`."""
    known, likely, scale, evidence = filtered(begin, change, logs)
    later = np.ones_like(known)
    pair = np.empty_like(change)
    for step in range(logs.shape[1] - 2, -1, -1):
        ahead = likely[:, step + 1] * later[:, step + 1] / scale[:, step + 1, None]
        pair[:, step] = known[:, step, :, None] * change[:, step] * ahead[:, None, :]
        later[:, step] = np.einsum("ekj,ej->ek", change[:, step], ahead)
    return Posterior(known * later, pair, evidence)
