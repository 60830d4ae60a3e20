"""Stage `report`: draws every figure and writes `figures/` and the self-contained `report.html`."""

from __future__ import annotations

from shardsim.base.progress import Progress
from shardsim.runs.files import FIGURES
from shardsim.runs.report.build import build_report
from shardsim.runs.run import Run


def report_stage(run: Run, progress: Progress) -> None:
    """Draw everything from what the earlier stages wrote."""
    files = build_report(run, progress)
    stale = [name for name in run.store.names(FIGURES) if name not in files]
    run.store.write_all(files)
    run.store.drop(*stale)
