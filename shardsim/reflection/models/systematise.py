"""Value systematisation as reflective equilibrium: commitments and a simple theory of them adjust.

Axis letters: N contexts · R theories · B branches.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from shardsim.base.errors import UserError
from shardsim.reflection.models.problem import best

MOST_TIED = 12  # commitments that may go either way at once: 4,096 branches


class Aims(NamedTuple):
    """How much each aim counts in Z; the defaults are those of the authors' software."""

    account: float = 0.35
    systematicity: float = 0.55
    faithfulness: float = 0.10


class Equilibrium(NamedTuple):
    """One place where neither theory nor commitments can be bettered alone."""

    theory: int
    commitments: np.ndarray  # int64[N]


def achievement(
    theories: np.ndarray,
    simplicity: np.ndarray,
    aims: Aims,
    commitments: np.ndarray,
    initial: np.ndarray,
) -> np.ndarray:
    """Return Z float64[R] of every theory: a weighted sum, each part in 0..1.

    Account: the share of commitments that the theory gives. Systematicity: its simplicity.
    Faithfulness: the share of initial commitments that are kept.
    """
    account = (theories == commitments).mean(1)
    kept = (commitments == initial).mean()
    return aims.account * account + aims.systematicity * simplicity + aims.faithfulness * kept


def systematise(
    commitments: ArrayLike, theories: ArrayLike, simplicity: ArrayLike, aims: Aims | None = None
) -> list[Equilibrium]:
    """Choose the best theory, then the best commitments, and so on; return where all branches end.

    Beisbart, Betz & Brun 2021, "Making reflective equilibrium precise: a formal model", with the
    linear Z; of values, Ngo 2023, "Value systematization". The search is global over the theories
    and over the commitments, one after the other, so its ends need not be global optima.

    Args:
        commitments: int[N], the move preferred in each context before reflection.
        theories: int[R, N], the move that each theory gives in each context.
        simplicity: float[R] in 0..1, 1 the simplest.
        aims: the weights of Z.

    Raises:
        UserError: more than 12 commitments tie at once.
    """
    aims = Aims() if aims is None else aims
    initial, theories = np.asarray(commitments), np.asarray(theories)
    simplicity = np.asarray(simplicity, np.float64)
    ends: dict[tuple[int, ...], Equilibrium] = {}
    ahead, seen = [initial], set()
    while ahead:
        now = ahead.pop()
        if tuple(now) in seen:
            continue
        seen.add(tuple(now))
        for theory in best(achievement(theories, simplicity, aims, now, initial)):
            for after in _adjusted(theories[theory], initial, aims):
                if (after == now).all():
                    ends[(int(theory), *now.tolist())] = Equilibrium(int(theory), now)
                else:
                    ahead.append(after)
    return [ends[key] for key in sorted(ends)]


def _adjusted(theory: np.ndarray, initial: np.ndarray, aims: Aims) -> list[np.ndarray]:
    """Return the best commitments int64[N] under a theory; at equal aims each may go either way."""
    disputed = np.flatnonzero(theory != initial)
    if aims.account > aims.faithfulness or not len(disputed):
        return [theory]
    if aims.account < aims.faithfulness:
        return [initial]
    if len(disputed) > MOST_TIED:
        raise UserError(
            f"{len(disputed)} commitments may go either way; let the aims account and "
            "faithfulness differ"
        )
    found = []
    for sides in product((False, True), repeat=len(disputed)):
        after = initial.copy()
        after[disputed] = np.where(sides, theory[disputed], initial[disputed])
        found.append(after)
    return found
