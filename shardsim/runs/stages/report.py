"""Stage `report`: draws every figure and writes `figures/` and the self-contained `report.html`."""

from __future__ import annotations

from itertools import count

from shardsim.runs.progress import Progress
from shardsim.runs.report.build import FIGURES, PARTS, build_report
from shardsim.runs.run import Run


def report_stage(run: Run, progress: Progress) -> None:
    """Draw everything from what the earlier stages wrote."""
    total = len({name for part in PARTS for name in part.figures})
    drawn = count()
    files = build_report(run, lambda name: progress.update(next(drawn), total, name))
    stale = [name for name in run.store.names(FIGURES) if name not in files]
    run.store.write_all(files)
    run.store.drop(*stale)
