"""The decision-square regression of a run's agents beside Grietzer & Turner's (2023).

Their figures are of one network, on 10,000 mazes, 5,239 of them with a decision square. Axis
letter: K seeds.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import numpy as np

from shardsim.base.statistics import SHARE
from shardsim.env.levels import sample_levels
from shardsim.plot.findings import Row
from shardsim.runs.run import Run
from shardsim.studies import square_regression as regressions
from shardsim.studies.decision_squares import decision_squares, pair_of
from shardsim.studies.rows import (
    beside,
    beyond,
    close,
    logits_fn_of,
    null,
    same_sign,
    untrained,
)

LEVEL_SEED = 20230420
THREE = {"apart": -1.405, "steps": -0.577, "straight": -0.516}
FOUR = {"apart": -2.786, "steps": -1.084, "straight": -0.623, "straight_rival": 1.326}
RATE, BASE, ACCURACY = 0.714, 0.714, 0.824
ALONE = {"apart": 0.773, "straight": 0.761, "steps": 0.754}
WITHOUT = {"apart": 0.759, "steps": 0.819, "straight": 0.817}
CORRELATION, INFLATION = 0.886, {"apart": 1.05, "steps": 4.64, "straight": 4.66}


class DecisionSquare(NamedTuple):
    """Everything that the figure shows."""

    names: dict[str, str]  # predictor -> in words
    outcome: dict[str, np.ndarray]  # see `square_regression.outcome`
    network: dict[str, np.ndarray]  # see `square_regression.log_odds`
    discounter: dict[str, np.ndarray]  # the same on the nearest fixed-value discounter
    untrained: dict[str, np.ndarray]  # the same on untrained networks with a scaled head
    rows: list[Row]


def decision_square(
    run: Run, levels: int, split: str, toward: str = "", against: str = ""
) -> DecisionSquare:
    """Measure all seeds of a run on `levels` levels of a split.

    Raises UserError for an unknown split or concept, or where there is no decision square.
    """
    env, logits_fn = run.env, logits_fn_of(run)
    pair = pair_of(env, toward, against)
    bank = sample_levels(env, jax.random.key(LEVEL_SEED), levels, split)
    squares = decision_squares(env, bank, logits_fn, pair)
    blank = decision_squares(env, bank, untrained(run, bank), pair)
    one, other = (env.concept_names[number] for number in pair)
    names = {
        "apart": f"straight {one}–{other}",
        "steps": f"steps to {one}",
        "straight": f"straight to {one}",
        "straight_rival": f"straight to {other}",
    }
    outcome = regressions.outcome(squares)
    network = regressions.log_odds(squares, squares.log_odds)
    discounter = regressions.log_odds(squares, regressions.discounter(squares))
    blank_odds = regressions.log_odds(blank, blank.log_odds)
    rows = [
        *_outcome_rows(outcome, names, one),
        *_collinearity_rows(regressions.collinearity(squares), names),
        *_log_odds_rows(network, discounter, blank_odds, names),
    ]
    return DecisionSquare(names, outcome, network, discounter, blank_odds, rows)


def _outcome_rows(found: dict[str, np.ndarray], names: dict[str, str], one: str) -> list[Row]:
    base, three = found["accuracy base"], found["accuracy three"]
    rows = [beside(f"{one} reached first", RATE, found["rate"], "different mazes", SHARE)]
    for label, paper, word in (("three", THREE, "3"), ("four", FOUR, "4")):
        rows += [
            same_sign(
                f"outcome, {word} factors: {names[name]} (log-odds / SD)",
                value,
                found[f"{label} {name}"],
            )
            for name, value in paper.items()
        ]
    rows.append(same_sign("accuracy above base rate, 3 factors", ACCURACY - BASE, three - base))
    rows += [
        same_sign(
            f"… {names[name]} alone", round(value - BASE, 3), found[f"accuracy {name} alone"] - base
        )
        for name, value in ALONE.items()
    ]
    return rows + [
        same_sign(
            f"accuracy lost without {names[name]}",
            round(ACCURACY - value, 3),
            three - found[f"accuracy without {name}"],
        )
        for name, value in WITHOUT.items()
    ]


def _collinearity_rows(found: dict[str, float], names: dict[str, str]) -> list[Row]:
    pair = f"correlation, {names['steps']} and {names['straight']}"
    rows = [close(pair, CORRELATION, found["correlation"])]
    return rows + [
        close(f"variance inflation, {names[name]}", value, found[f"inflation {name}"])
        for name, value in INFLATION.items()
    ]


def _log_odds_rows(network, discounter, untrained, names: dict[str, str]) -> list[Row]:
    straight = names["straight"]
    rows = []
    for kind, said in (
        ("joint", "3 factors"),
        ("residual", "given both step distances, linearly"),
        ("balanced", "contexts weighted to no correlation"),
        ("equal steps", "at equal steps"),
    ):
        key = f"{kind} straight"
        rows += [
            beyond(
                f"log-odds, {straight}: {said} (nats / SD)",
                "below null",
                network[key],
                discounter[key],
                -1.0,
            ),
            null("… of the nearest fixed-value discounter", discounter[key]),
            null("… of untrained networks, heads scaled", untrained[key]),
        ]
    key = "equal steps straight"
    said = f"{straight} at equal steps: not that of"
    rows.append(beyond(f"{said} a discounter", "≠ null", network[key], discounter[key]))
    rows.append(beyond(f"{said} untrained networks", "≠ null", network[key], untrained[key]))
    return rows
