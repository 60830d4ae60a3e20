"""The benchmark of diagnosis: its cases and its table, without training anything."""

from __future__ import annotations

from shardsim.bench.diagnosis import Line, cases, table
from shardsim.diagnosis.faults import FAULTS


def test_every_fault_is_a_case_beside_runs_without_any():
    found = {case.name: case for case in cases(0.1)}
    assert set(FAULTS) < set(found)
    assert found["reward-sign-flipped"].truth == "wrong-code(reward)"
    assert found["clip-norm-zero"].truth == "no-update(update)"
    assert found["a tenth of the budget"].steps * 10 == found["healthy"].steps
    assert not found["cheese near the corner"].anywhere
    sound = [case for name, case in found.items() if name not in FAULTS]
    assert len({case.components for case in sound}) == 1


def test_the_table_counts_what_is_right_and_what_is_a_false_alarm():
    lines = [
        Line("fault", "wrong-code(loss)", "T", 0, "wrong-code(loss)", 0.5, 0.25),
        Line("fault", "wrong-code(loss)", "T", 1, "wrong-code(reward)", 0.7, 0.25),
        Line("none", "healthy", "T", 0, "healthy", 0.9, 0.9),
        Line("none", "healthy", "T", 1, "no-update(update)", 0.9, 0.9),
    ]
    text = table(lines)
    row = next(line for line in text.splitlines() if line.startswith("fault"))
    assert "0.60" in row and "1 wrong-code(loss), 1 wrong-code(reward)" in row
    assert "category right 3 of 4, also section or concept right 2 of 4" in text
    assert "faults with the right section 1 of 2; false alarms 1 of 2" in text
