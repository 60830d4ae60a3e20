"""Stage `diagnose`: what is wrong with the run, from what it kept; writes `diagnosis.json`."""

from __future__ import annotations

from shardsim.base.progress import Progress
from shardsim.diagnosis.diagnose import diagnose, undiagnosed
from shardsim.diagnosis.evidence import NOT_DIAGNOSED, Diagnosis
from shardsim.runs.io import json_to_bytes
from shardsim.runs.run import Run


def diagnose_stage(run: Run, progress: Progress) -> None:
    """Diagnose from checkpoints, kept updates and logged returns; say so where that cannot be."""
    if reason := undiagnosed(run.config.train):
        blank = Diagnosis(NOT_DIAGNOSED, None, None, {}, (), tier="none", notes=(reason,)).to_dict()
        run.store.write("diagnosis.json", json_to_bytes(blank | {"world": None}))
        return
    found = diagnose(run, run.config.diagnose, shares=concept_shares(run), progress=progress)
    run.store.write("diagnosis.json", json_to_bytes(found.to_dict()))


def concept_shares(run: Run) -> dict[str, float] | None:
    """Share of decision influence by concept on target levels, once shards are known."""
    if not run.store.has("shards.nc"):
        return None
    by_concept = run.shards.concept_shares("target").mean(0)
    return dict(zip(run.shards.concepts, map(float, by_concept), strict=True))
