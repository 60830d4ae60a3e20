"""decision-square: what predicts the choice between two goals, compared with the paper."""

from __future__ import annotations

from matplotlib.figure import FigureBase

from shardsim.plot.decision_square import decision_square_figure
from shardsim.runs.run import Run
from shardsim.studies import decision_square as finding


def draw(
    run: Run, *, levels: int = 400, split: str = "target", toward: str = "", against: str = ""
) -> FigureBase:
    """Draw Grietzer & Turner's (2023) regression, its nulls, and a verdict a row."""
    found = finding.decision_square(run, levels, split, toward, against)
    outcome, paper = {}, {}
    for word, label, values in (("3", "three", finding.THREE), ("4", "four", finding.FOUR)):
        for name, value in values.items():
            line = f"{found.names[name]} ({word} factors)"
            outcome[line], paper[line] = found.outcome[f"{label} {name}"], value
    ways = {
        "joint": "3 factors",
        "residual": "given both steps,\nlinearly",
        "balanced": "contexts weighted to\nno correlation",
        "equal steps": "at equal steps",
    }
    sides = (found.network, found.discounter, found.untrained)
    contrasts = {
        said: (
            sides[0][f"{way} straight"],
            sides[1][f"{way} straight"],
            sides[2][f"{way} straight"],
        )
        for way, said in ways.items()
    }
    return decision_square_figure(found.rows, outcome, paper, contrasts)
