"""An economy of bidders over time: who acts in a state pays whoever acted before.

Axis letters: S states · A actions, each owned by one bidder.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shardsim.reflection.models.evaluators import Chain

SWEEPS = 100_000


class Economy(NamedTuple):
    """Honest bids, and what the right to act costs."""

    bids: np.ndarray  # float64[S, A], reward and the price of what follows
    prices: np.ndarray  # float64[S]


def economy(chain: Chain, discount: float, *, clones: bool = True) -> Economy:
    """Return the bids and prices at which nothing moves: b(s, a) = r + γ Σ_s' P price(s').

    The winner is paid the reward and sells the next state; it pays the second highest bid. With a
    clone of every bidder that is the highest bid, and prices are the optimal values, as values of
    one reward for all: Chang et al. 2020, "Decentralized reinforcement learning: global
    decision-making via local economic transactions". Without clones the winner keeps a gain.

    Args:
        chain: the world, its reward that of the env.
        discount: γ below 1.
        clones: whether every bidder has one.
    """
    prices, bids = np.zeros(len(chain.reward)), chain.reward
    for _ in range(SWEEPS):
        bids = chain.reward + discount * (chain.moves @ prices)
        new = np.sort(bids, axis=1)[:, -1 if clones or bids.shape[1] == 1 else -2]
        change, prices = np.abs(new - prices).max(), new
        if change < 1e-14 * max(1.0, np.abs(prices).max()):
            break
    return Economy(bids, prices)
