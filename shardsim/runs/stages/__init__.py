"""The stages, one a file: each reads what earlier ones wrote and writes its own results.

A stage is a function of a run (its store locked for writing) and a progress; it is called again
after a kill, and then goes on or begins anew, with the same bytes in the end.
"""

from __future__ import annotations

from collections.abc import Callable

from shardsim.runs.stages.diagnose import diagnose_stage
from shardsim.runs.stages.identify import identify_stage
from shardsim.runs.stages.reflect import reflect_stage
from shardsim.runs.stages.report import report_stage
from shardsim.runs.stages.track import track_stage
from shardsim.runs.stages.train import train_stage

StageFunction = Callable[..., None]  # of a Run, a Progress, and what its own command may ask

STAGES: dict[str, StageFunction] = {
    "train": train_stage,
    "identify": identify_stage,
    "track": track_stage,
    "reflect": reflect_stage,
    "diagnose": diagnose_stage,
    "report": report_stage,
}

# What a stage reads where it is there; it is done again after any of these.
READS: dict[str, tuple[str, ...]] = {
    "train": (),
    "identify": ("train",),
    "track": ("train", "identify"),
    "reflect": ("train", "identify"),
    "diagnose": ("train", "identify"),
    "report": ("train", "identify", "track", "reflect", "diagnose"),
}

# What must be there, where that is less: a run that went wrong can be diagnosed, and reported on,
# before anything else is found out about it.
NEEDS: dict[str, tuple[str, ...]] = {"diagnose": ("train",), "report": ("train",)}


def resting_on(name: str) -> list[str]:
    """The stages that read what one writes, in order."""
    return [stage for stage, read in READS.items() if name in read]
