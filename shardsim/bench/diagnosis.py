"""Benchmark of diagnosis: faults × seeds × tiers, the diagnosis compared with the truth.

The seven faults are injected into agents with cheese anywhere, where a healthy run generalises;
beside them a healthy run, shorter ones without a fault, and one with the cheese near the corner.
The seeds are fresh: no threshold was set on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import numpy as np

from shardsim.agent.components import DEFAULT_COMPONENTS, Components
from shardsim.agent.config import TrainConfig
from shardsim.agent.train import train
from shardsim.base.columns import aligned
from shardsim.diagnosis.artefacts import Artefacts, of_chunks
from shardsim.diagnosis.config import DiagnoseConfig
from shardsim.diagnosis.diagnose import diagnose
from shardsim.diagnosis.evidence import label_of
from shardsim.diagnosis.faults import FAULTS
from shardsim.env.core import Env
from shardsim.env.registry import make

HEALTHY_STEPS = 1_000_000  # of each seed: cheese anywhere reaches .9 of the optimum
CORNER_STEPS = 400_000
FAULT_STEPS = 200_000
FIRST_SEED = 1000


class Case(NamedTuple):
    """One kind of run and its truth."""

    name: str
    truth: str  # label, as in `Diagnosis.label`
    steps: int  # of each seed
    anywhere: bool
    components: Components = DEFAULT_COMPONENTS


class Line(NamedTuple):
    """One run of one seed at one tier."""

    case: str
    truth: str
    tier: str
    seed: int
    diagnosed: str
    training: float  # return on training levels over the optimum
    target: float

    @property
    def right(self) -> bool:
        """Whether world and section, or concept, are right."""
        return self.diagnosed == self.truth

    @property
    def right_world(self) -> bool:
        """Whether the world is right."""
        return self.diagnosed.split("(")[0] == self.truth.split("(")[0]


def cases(scale: float = 1.0) -> list[Case]:
    """Return all cases, with their budgets times `scale`."""
    broken = [
        Case(
            fault.name,
            label_of(fault.world, fault.section, None),
            int(FAULT_STEPS * scale),
            True,
            fault.inject(DEFAULT_COMPONENTS),
        )
        for fault in FAULTS.values()
    ]
    whole = int(HEALTHY_STEPS * scale)
    return [
        *broken,
        Case("healthy", "healthy", whole, True),
        Case("a tenth of the budget", "undertrained", whole // 10, True),
        # Beside it one sees which faults do any harm.
        Case("no fault, the faults' budget", "undertrained", int(FAULT_STEPS * scale), True),
        Case("cheese near the corner", "representation(corner)", int(CORNER_STEPS * scale), False),
    ]


def run_case(case: Case, seeds: int, size: int = 7, first_seed: int = FIRST_SEED) -> Artefacts:
    """Train one case, all seeds at once, and keep what a run keeps."""
    env: Env = make("cheese-corner", height=size, width=size, cheese_anywhere=case.anywhere)
    config = TrainConfig(seeds=seeds, first_seed=first_seed, total_steps=case.steps, checkpoints=12)
    key = jax.random.key(0)
    return of_chunks(env, config, train(config, key, case.components, env=env))


def lines(
    seeds: int = 3, *, scale: float = 1.0, size: int = 7, config: DiagnoseConfig | None = None
) -> Iterator[Line]:
    """Train and diagnose every case at both tiers; yield a line for each seed and tier."""
    for case in cases(scale):
        artefacts = run_case(case, seeds, size)
        last = artefacts.returns[max(artefacts.returns)]
        ratio = {
            split: np.asarray(achieved) / np.asarray(optimum)
            for split, (achieved, optimum) in last.items()
        }
        for kept in (artefacts, artefacts.behaviour_only()):
            found = diagnose(kept, config)
            for seed, label in enumerate(found.seeds):
                yield Line(
                    case.name,
                    case.truth,
                    kept.tier,
                    FIRST_SEED + seed,
                    label,
                    float(ratio["train"][seed]),
                    float(ratio["target"][seed]),
                )


def benchmark(seeds: int = 3, *, say: Callable[[str], None] = print, **options) -> list[Line]:
    """Run the benchmark, saying each line as it comes; `table` sums it up.

    Args:
        seeds: fresh seeds for each case.
        say: where text goes.
        options: as `lines` takes them.
    """
    found = []
    for line in lines(seeds, **options):
        found.append(line)
        say(_said(line))
    return found


def table(found: list[Line]) -> str:
    """Return one row a case: its truth, what each tier said of how many seeds, and the returns."""
    tiers = list(dict.fromkeys(line.tier for line in found))
    head = ["run", "truth", "training", "target", *(f"tier {tier}" for tier in tiers)]
    rows = [head]
    for case in dict.fromkeys(line.case for line in found):
        mine = [line for line in found if line.case == case]
        training, target = (
            np.mean([getattr(line, name) for line in mine]) for name in ("training", "target")
        )
        said = [_counted([line for line in mine if line.tier == tier]) for tier in tiers]
        rows.append([case, mine[0].truth, f"{training:.2f}", f"{target:.2f}", *said])
    return "\n".join([*aligned(rows), "", *_totals(found, tiers)])


def _totals(found: list[Line], tiers: list[str]) -> list[str]:
    totals = []
    for tier in tiers:
        mine = [line for line in found if line.tier == tier]
        faulty = [line for line in mine if line.truth.startswith(("no-update", "wrong-code"))]
        sound = [line for line in mine if line not in faulty]
        alarms = sum(line.diagnosed.startswith(("no-update", "wrong-code")) for line in sound)
        totals.append(
            f"tier {tier}: category right {sum(line.right_world for line in mine)} of {len(mine)}, "
            f"also section or concept right {sum(line.right for line in mine)} of {len(mine)}; "
            f"faults with the right section {sum(line.right for line in faulty)} of {len(faulty)}; "
            f"false alarms {alarms} of {len(sound)}"
        )
    return totals


def _counted(mine: list[Line]) -> str:
    labels = [line.diagnosed for line in mine]
    return ", ".join(f"{labels.count(label)} {label}" for label in dict.fromkeys(labels))


def _said(line: Line) -> str:
    mark = "right" if line.right else "wrong"
    return f"{line.case}, seed {line.seed}, tier {line.tier}: {line.diagnosed} ({mark})"
