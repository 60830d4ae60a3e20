"""What a result can depend on: the sections of a config that the stages up to its own read.

It is what decides, too, which stages count as out of date when one is done again
(`shardsim.runs.stages.READS`). A key of a later section leaves a result as it is, so runs that
differ in such keys alone hold the same agents, and these count once.
"""

from __future__ import annotations

import json

from shardsim.runs.comparison.design import LEFT_OUT, Axis, Point
from shardsim.runs.stages import READS


def sections_of(stage: str) -> frozenset[str]:
    """Return the sections of a config that results of a stage depend on."""
    return frozenset({"env", stage, *READS[stage]})


def bears_on(axis: Axis, stage: str) -> bool:
    """Whether results of a stage can depend on a varied key, or on one that goes along with it."""
    known = sections_of(stage)
    return any(key.partition(".")[0] in known for key in (axis.key, *axis.along))


def identity(point: Point, stage: str) -> str:
    """Return what a seed's results of a stage depend on beside its number, as text."""
    known = sections_of(stage)
    told = {
        key: value
        for key, value in point.settings.items()
        if key not in LEFT_OUT and key.partition(".")[0] in known
    }
    return json.dumps(told, sort_keys=True, default=str)
