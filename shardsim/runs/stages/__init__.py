"""The stages, one a file: each reads what earlier ones wrote and writes its own results.

A stage is a function of a run (its store locked for writing) and a progress; it is called again
after a kill, and then goes on or begins anew, with the same bytes in the end.
"""

from __future__ import annotations

from collections.abc import Callable

from shardsim.runs.progress import Progress
from shardsim.runs.run import Run
from shardsim.runs.stages.diagnose import diagnose_stage
from shardsim.runs.stages.identify import identify_stage
from shardsim.runs.stages.reflect import reflect_stage
from shardsim.runs.stages.report import report_stage
from shardsim.runs.stages.track import track_stage
from shardsim.runs.stages.train import train_stage

StageFunction = Callable[[Run, Progress], None]

STAGES: dict[str, StageFunction] = {
    "train": train_stage,
    "identify": identify_stage,
    "track": track_stage,
    "reflect": reflect_stage,
    "diagnose": diagnose_stage,
    "report": report_stage,
}

# What a stage reads, where that is less than all stages before it: a run that went wrong can be
# diagnosed, and reported on, before anything else is found out about it.
NEEDS: dict[str, tuple[str, ...]] = {
    "reflect": ("train", "identify"),
    "diagnose": ("train",),
    "report": ("train",),
}
