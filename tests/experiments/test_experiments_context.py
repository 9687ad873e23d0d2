"""Parts of an experiment: computed once, kept, resumed, refused when the settings are others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from thinshell.errors import InputError
from thinshell.experiments.context import Context, Part, Unfinished
from thinshell.experiments.provenance import other_origins


def never(part: Part) -> dict[str, Any]:
    raise AssertionError("a part that is kept was computed again")


def test_a_part_is_computed_once_and_read_back(tmp_path: Path) -> None:
    first = Context(tmp_path, seed=3).part("a", {"epochs": 2, "sizes": (1, 2)}, lambda part: {"value": 0.1, "n": (1,)})
    assert first["value"] == 0.1
    assert first["n"] == [1]  # as read back from JSON, so that a resumed run sees the same
    again = Context(tmp_path, seed=3)
    assert again.part("a", {"epochs": 2, "sizes": (1, 2)}, never) == first
    assert again.seconds == first["seconds"]
    assert json.loads((tmp_path / "runs" / "a.json").read_text())["seed"] == 3


def test_a_part_remembers_where_it_was_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"commit": "a" * 40, "uncommitted_changes": False, "versions": {"torch": "2.11.0"}, "machine": {"gpu": "H"}}
    monkeypatch.setattr("thinshell.experiments.context.origin", lambda device: there)
    Context(tmp_path).part("a", {}, lambda part: {})
    monkeypatch.setattr("thinshell.experiments.context.origin", lambda device: {**there, "commit": "b" * 40})
    here = Context(tmp_path)
    here.part("a", {}, never)
    here.part("b", {}, lambda part: {})
    assert here.origins == {"a": there, "b": {**there, "commit": "b" * 40}}
    assert other_origins(here.origins, here.origin) == {"a": {"commit": "a" * 40}}


def test_a_part_kept_by_an_earlier_version_has_no_origin(tmp_path: Path) -> None:
    Context(tmp_path).part("a", {}, lambda part: {"value": 1})
    path = tmp_path / "runs" / "a.json"
    kept = json.loads(path.read_text())
    del kept["about"]
    path.write_text(json.dumps(kept))
    later = Context(tmp_path)
    assert later.part("a", {}, never)["value"] == 1
    assert other_origins(later.origins, later.origin) == {}


@pytest.mark.parametrize(
    ("settings", "seed", "sentence"),
    [
        ({"epochs": 3}, 0, r"a\.json was made with settings\.epochs = 2, now it is 3; set it back"),
        ({"epochs": 2}, 1, r"a\.json was made with seed = 0, now it is 1"),
        ({"epochs": 2, "more": 1}, 0, r"settings\.more = None, now it is 1"),
    ],
)
def test_other_settings_are_refused(tmp_path: Path, settings, seed, sentence) -> None:
    Context(tmp_path).part("a", {"epochs": 2}, lambda part: {})
    with pytest.raises(InputError, match=sentence):
        Context(tmp_path, seed=seed).part("a", settings, never)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"settings": {}, "seed": 0}'])
def test_a_damaged_part_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "a.json").write_text(text)
    with pytest.raises(InputError, match=r"a\.json cannot be read as a part of this run .*; delete it and run again"):
        Context(tmp_path).part("a", {}, never)


def test_a_part_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def fails(part: Part) -> dict[str, Any]:
        raise InputError("no")

    with pytest.raises(InputError, match="no"):
        Context(tmp_path).part("a", {}, fails)
    assert not list(tmp_path.rglob("*.json"))


def test_the_time_limit_stops_before_the_next_part(tmp_path: Path) -> None:
    context = Context(tmp_path, time_limit=1e-9)
    context.plan({"a": 1, "b": 1})
    with pytest.raises(Unfinished, match=r"0 of 2 parts are complete and kept in .*runs; run .* with --resume"):
        context.part("a", {}, never)


def test_kept_parts_cost_no_time(tmp_path: Path) -> None:
    Context(tmp_path).part("a", {}, lambda part: {})
    late = Context(tmp_path, time_limit=1e-9)
    late.plan({"a": 1, "b": 1})
    late.part("a", {}, never)
    with pytest.raises(Unfinished, match="1 of 2 parts"):
        late.part("b", {}, never)


def test_progress_counts_units_and_names_the_part(tmp_path: Path) -> None:
    told: list[tuple[float, float, str]] = []
    context = Context(tmp_path, progress=lambda *what: told.append(what))
    context.plan({"a": 3.0, "b": 1.0})
    context.part("a", {}, lambda part: context.tell("a", 0.5) or {})
    context.part("b", {}, lambda part: {})
    assert told == [
        (0.0, 4.0, "a (1 of 2)"),
        (1.5, 4.0, "a (1 of 2)"),
        (3.0, 4.0, "a (1 of 2)"),
        (3.0, 4.0, "b (2 of 2)"),
        (4.0, 4.0, "b (2 of 2)"),
    ]
