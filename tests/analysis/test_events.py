"""`shardsim events` and `Run.events`: the table by seed, over seeds, in words, and refusals."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from shardsim.base.errors import UserError

pytestmark = pytest.mark.slow

# The cheese's share grows evenly from 0 to 0.4 and more, so it passes 10 % in the first step.


def test_by_seed_an_event_lies_between_two_checkpoints(finished):
    steps = finished.track["steps"].values.tolist()
    table = finished.events("cheese", [0.1])
    rows = table[table["kind"] == "first exceeds"]
    assert rows["shard"].tolist() == [1, 1] and rows["seed"].tolist() == finished.seeds
    share = finished.track["share"].sel(shard=1).transpose("seed", "checkpoint").values
    after = [int(np.argmax(own > 0.1)) for own in share]
    assert rows["to_steps"].tolist() == [steps[t] for t in after]
    assert rows["from_steps"].tolist() == [steps[t - 1] for t in after]
    assert table.attrs["checkpoints"] == steps
    assert set(table["shard_name"]) == {"cheese"}


def test_over_seeds_a_row_an_event(finished):
    table = finished.events(1, ["10%"], over_seeds=True)
    (row,) = table[table["kind"] == "first exceeds"].to_dict("records")
    by_seed = finished.events(1, ["10%"])
    first = by_seed[by_seed["kind"] == "first exceeds"]
    assert (row["seeds_with"], row["seeds"], row["coverage"]) == (2, 2, 0.5)
    assert (row["low"], row["high"]) == (first["from_steps"].min(), first["to_steps"].max())


def test_the_command_says_it_in_words_and_names_the_checkpoints(finished, shardsim):
    code, out, err = shardsim("events", str(finished.path), "--shard", "1", "--threshold", "10%")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith(f"{finished.track.sizes['checkpoint']} checkpoints at 0, ")
    assert "over 2 seeds, which holds it in 50\N{NO-BREAK SPACE}%" in lines[1]
    assert lines[3] == "1 cheese" and "first exceeds 10 %" in lines[4]
    assert "in 2 of 2 seeds" in lines[4]
    assert lines[5].strip() == "0–128 in seed 0; 128–256 in seed 1"
    assert "2 corner" not in out


def test_json_and_csv_hold_the_same_rows(finished, shardsim, tmp_path):
    path = tmp_path / "events.csv"
    code, out, _ = shardsim("events", str(finished.path), "--json", "--csv", str(path))
    said = json.loads(out)
    assert code == 0 and set(said) == {"run", "checkpoints", "csv", "events", "over_seeds"}
    table = pd.read_csv(path)
    assert len(table) == len(said["events"]) == len(finished.events())
    assert table["kind"].tolist() == [row["kind"] for row in said["events"]]
    assert table["to_steps"].tolist() == [row["to_steps"] for row in said["events"]]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--shard", "chese"], "did you mean 'cheese'"),
        (["--threshold", "10"], "'10' is no threshold of a share; give a number between 0 and 1"),
        (["--confidence", "2"], "a confidence lies between 0 and 1, not at 2.0"),
        (["--csv", "/dev/null/a.csv"], "cannot write /dev/null/a.csv"),
    ],
)
def test_what_is_wrong_is_one_line(words, said, finished, shardsim):
    code, out, err = shardsim("events", str(finished.path), *words)
    assert (code, out) == (2, "") and said in err and err.count("\n") == 1


def test_without_a_track_it_says_what_is_missing(trained):
    with pytest.raises(UserError, match=r"has no track\.nc yet"):
        trained.events()
