"""What predicts the choice at decision squares, with predictors that go together told apart.

After Grietzer & Turner (2023, "Behavioural statistics for a maze-solving agent"): their logistic
regression of the outcome, and the same on the network's own log-odds. An agent whose goals have
fixed values that it discounts over the way chooses by steps alone, so among squares with the same
steps to both goals the straight distance must say nothing (`equal steps straight`); an influence
that fades with straight distance, as a shard's may, says something there.

Axis letters: K policies (seeds) · N squares · P predictors.
"""

from __future__ import annotations

import numpy as np

from shardsim.studies import regression
from shardsim.studies.decision_squares import Squares

THREE = ("apart", "steps", "straight")
FOUR = (*THREE, "straight_rival")
STRAIGHT = (0, 2, 3)  # of the four, those in a straight line
FOLDS = 5
DISCOUNTS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.99)


def predictors(squares: Squares, names: tuple[str, ...]) -> np.ndarray:
    """Return float64[N, P]."""
    return np.stack([getattr(squares, name) for name in names], 1)


def outcome(squares: Squares) -> dict[str, np.ndarray]:
    """Logistic regressions of the object being reached first; name -> float64[K].

    `three …` and `four …` are coefficients in log-odds per standard deviation, as in the paper;
    `accuracy …` are expected accuracies on levels that a fit did not see.
    """
    found: dict[str, np.ndarray] = {}
    for label, names in (("three", THREE), ("four", FOUR)):
        z = regression.standardise(predictors(squares, names), squares.weight)
        fits = [regression.logistic(z, one, squares.weight) for one in squares.first]
        table = np.array([fit.coefficient for fit in fits])
        found |= {f"{label} {name}": table[:, n] for n, name in enumerate(names)}
    sets = {"base": (), "three": THREE, "four": FOUR}
    sets |= {f"{name} alone": (name,) for name in FOUR}
    sets |= {f"without {name}": tuple(n for n in THREE if n != name) for name in THREE}
    for label, names in sets.items():
        found[f"accuracy {label}"] = _accuracy(squares, names)
    found["rate"] = squares.first @ squares.weight / squares.weight.sum()
    return found


def _accuracy(squares: Squares, names: tuple[str, ...]) -> np.ndarray:
    values = predictors(squares, names) if names else np.zeros((len(squares.level), 0))
    fold = squares.level % FOLDS
    return np.array(
        [regression.held_out_accuracy(values, p, squares.weight, fold) for p in squares.first]
    )


def collinearity(squares: Squares) -> dict[str, float]:
    """How much the three predictors go together: a correlation and inflation factors."""
    values = predictors(squares, THREE)
    factors = regression.inflation(values, squares.weight)
    together = regression.correlation(values, squares.weight)
    found = {f"inflation {name}": float(f) for name, f in zip(THREE, factors, strict=True)}
    return {"correlation": float(together[1, 2]), **found}


def log_odds(squares: Squares, response: np.ndarray) -> dict[str, np.ndarray]:
    """Regressions of log-odds [K, N] in nats per standard deviation; name -> float64[K].

    `joint …` are coefficients of the three predictors together; `residual straight` is that of the
    straight distance given both step distances, linearly; `equal steps …` are those of the
    straight distances among squares with the same steps to both and the same numbers of best
    actions, whatever the steps do;
    `balanced …` are under weights that make the four predictors uncorrelated, NaN where there are
    none.
    """
    weight = squares.weight
    z = regression.standardise(predictors(squares, FOUR), weight)
    found = _coefficients("joint", THREE, z[:, :3], response, weight)
    given = regression.standardise(
        predictors(squares, ("straight", "steps", "steps_rival")), weight
    )
    found |= _coefficients("residual", ("straight",), given, response, weight)
    equal = regression.within_cells(z[:, list(STRAIGHT)], response, weight, cells(squares))
    found |= {f"equal steps {FOUR[n]}": equal[:, at] for at, n in enumerate(STRAIGHT)}
    balanced = balanced_weight(squares)
    if balanced is None:
        return found | {f"balanced {name}": np.full(len(response), np.nan) for name in FOUR}
    return found | _coefficients("balanced", FOUR, z, response, balanced)


def _coefficients(label, names, z, response, weight) -> dict[str, np.ndarray]:
    fits = np.array([regression.linear(z, one, weight).coefficient for one in response])
    return {f"{label} {name}": fits[:, n] for n, name in enumerate(names)}


def cells(squares: Squares) -> np.ndarray:
    """Return int64[N]: equal where everything is that a fixed-value discounter goes by."""
    return np.unique(
        np.stack([squares.steps, squares.steps_rival, *squares.ways.T], 1),
        axis=0,
        return_inverse=True,
    )[1].reshape(-1)


def balanced_weight(squares: Squares) -> np.ndarray | None:
    """Weights float64[N] under which the four predictors are uncorrelated; None where none are."""
    z = regression.standardise(predictors(squares, FOUR), squares.weight)
    try:
        return regression.balance(z, squares.weight)
    except ValueError:
        return None


def discounter(squares: Squares) -> np.ndarray:
    """Log-odds float64[K, N] of the fixed-value discounter nearest to each policy: a null.

    Its odds are those of a soft choice between value · discount^steps of the object and of its
    rival, with a bias; values, bias and discount are fitted by least squares.
    """
    offset = np.log(squares.ways[:, 0] / squares.ways[:, 1])
    root = np.sqrt(squares.weight)[:, None]
    nearest = np.full(squares.log_odds.shape, np.nan)
    least = np.full(len(nearest), np.inf)
    for rate in DISCOUNTS:
        design = np.stack(
            [rate**squares.steps, rate**squares.steps_rival, np.ones_like(squares.steps)], 1
        )
        target = (squares.log_odds - offset).T
        solution = np.linalg.lstsq(design * root, target * root, rcond=None)[0]
        said = (design @ solution).T + offset
        loss = (squares.weight * (said - squares.log_odds) ** 2).sum(1)
        nearest = np.where((loss < least)[:, None], said, nearest)
        least = np.minimum(loss, least)
    return nearest
