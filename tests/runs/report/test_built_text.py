"""What built each shard, as a sentence."""

from __future__ import annotations

from shardsim.runs.report.built_text import built_by
from shardsim.runs.report.text import headlines


def push(shard: int, event: str, p_value: float, **other) -> dict:
    """A row of a summary's `built`."""
    row = {"shard": shard, "name": "corner", "event": event, "p_value": p_value}
    row |= {"push": {"mean": 0.8, "low": 0.6, "high": 1.0}, "chance": {"low": -0.1, "high": 0.3}}
    return row | {"selective": False, "frequent": True} | other


def test_what_built_each_shard_is_one_sentence():
    rows = [
        push(1, "cheese", 0.004, selective=True),
        push(1, "none", 0.001, frequent=False),
        push(2, "cheese", 0.9),
        push(2, "key", 0.3, chance=None),
        push(3, "none", 0.2, frequent=False),
    ]
    one, two, three = built_by({"built": rows})
    assert one.startswith(
        "What built shard 1 (corner): cheese (push 0.80 [0.60, 1.00], by chance −0.10 to 0.30, "
        "p = 0.004). "
    )
    assert two.endswith("by more than chance (key: push 0.80 [0.60, 1.00], p = 0.3).")
    assert three.startswith("What built shard 3 (corner) is not known")
    assert built_by({}) == []
    assert [line for line in headlines({"built": rows}) if "built" in line] == [one, two, three]
