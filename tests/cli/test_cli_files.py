"""Files that are written: whole or not at all, never over the data, and the mistake found before the work."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from thinshell.cli.boundary import Interrupted
from thinshell.cli.delivery import Delivery
from thinshell.errors import InputError


def never(*_, **__):
    raise AssertionError("the work began although a file could not be written")


@pytest.mark.parametrize("option", ["--json", "--save-sketch"])
def test_a_missing_folder_is_found_before_the_work(run, stand_in, tmp_path, option) -> None:
    stand_in(never)
    ended = run("diagnose", "x", option, tmp_path / "nowhere" / "x.json")
    assert ended.status == 2
    assert f"{option} {tmp_path}/nowhere/x.json: the folder {tmp_path}/nowhere does not exist" in ended.err
    ended = run("diagnose", "x", option, tmp_path)
    assert ended.status == 2
    assert f"{option} must name a file, got the folder {tmp_path}; add a file name" in ended.err


def test_data_are_never_overwritten(run, stand_in, tmp_path) -> None:
    stand_in(never)
    data, link = tmp_path / "emb.npy", tmp_path / "link.npy"
    data.write_bytes(b"precious")
    link.symlink_to(data)
    for words in (
        [data, "--json", data],
        [data, "--save-sketch", link],
        [f"{tmp_path}/*.npy", "--json", data],
    ):
        ended = run("diagnose", *words)
        assert ended.status == 2
        assert "is one of the files to read; write to another file" in ended.err
    assert data.read_bytes() == b"precious"


def test_two_options_cannot_share_a_file(run, stand_in, tmp_path) -> None:
    stand_in(never)
    ended = run("diagnose", "x", "--json", tmp_path / "a", "--save-sketch", tmp_path / "." / "a")
    assert ended.status == 2
    assert "--save-sketch and --json both name" in ended.err


def test_a_read_only_folder_is_found_before_the_work(run, stand_in, tmp_path, monkeypatch) -> None:
    stand_in(never)
    # Not by chmod: root, who runs the tests in many containers, may write anywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: not (Path(path) == tmp_path and mode == os.W_OK))
    ended = run("diagnose", "x", "--json", tmp_path / "x.json")
    assert ended.status == 2
    assert "is not writable; choose another" in ended.err


def test_both_files_are_written_and_named(run, stand_in, tmp_path) -> None:
    stand_in()
    ended = run("diagnose", "x", "--json", tmp_path / "x.json", "--save-sketch", tmp_path / "x.safetensors")
    assert ended.status == 0
    assert json.loads((tmp_path / "x.json").read_text())["cv"] is None
    assert (tmp_path / "x.safetensors").read_bytes() == b"sketch"
    assert ended.err == f"wrote {tmp_path}/x.json\nwrote {tmp_path}/x.safetensors\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.json", "x.safetensors"]


def test_json_dash_prints_json_and_nothing_else(run, stand_in) -> None:
    stand_in()
    ended = run("diagnose", "x", "--json", "-")
    printed = json.loads(ended.out)
    assert printed.pop("command") == "thinshell diagnose x --json -"
    assert printed == {"schema": "thinshell/diagnosis/1", "verdict": "consistent", "cv": None}
    assert ended.err == ""


def test_quiet_says_nothing(run, stand_in, tmp_path) -> None:
    stand_in()
    assert run("diagnose", "x", "--quiet", "--json", tmp_path / "x.json") == (0, "", "")
    assert json.loads((tmp_path / "x.json").read_text())["verdict"] == "consistent"


def test_a_full_disk_leaves_the_old_file(run, stand_in, tmp_path) -> None:
    class Full(stand_in.StandIn):
        def save(self, path: Path) -> None:
            Path(path).write_bytes(b"half")
            raise OSError(28, "No space left on device")

    stand_in(lambda *_, **__: Full())
    old = tmp_path / "x.safetensors"
    old.write_bytes(b"old")
    ended = run("diagnose", "x", "--save-sketch", old, "--json", tmp_path / "x.json")
    assert ended.status == 2
    assert f"--save-sketch {old} cannot be written: No space left on device" in ended.err
    assert old.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [old]


def test_a_symbolic_link_stays_a_link(tmp_path) -> None:
    target, link = tmp_path / "target.json", tmp_path / "link.json"
    target.write_text("old")
    link.symlink_to(target)
    with Delivery({"--json": str(link)}) as delivery:
        delivery.stage("--json", lambda path: path.write_text("new"))
        assert target.read_text() == "old"
        delivery.commit()
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_a_device_is_written_to_and_not_replaced() -> None:
    with Delivery({"--json": os.devnull}) as delivery:
        delivery.stage("--json", lambda path: path.write_text("gone"))
        delivery.commit()
    assert Path(os.devnull).is_char_device()


def test_an_error_on_the_way_removes_what_was_staged(tmp_path) -> None:
    def fails() -> None:
        with Delivery({"--json": str(tmp_path / "x.json")}) as delivery:
            delivery.stage("--json", lambda path: path.write_text("half"))
            raise InputError("bad data")

    with pytest.raises(InputError, match="bad data"):
        fails()
    assert list(tmp_path.iterdir()) == []


def test_interrupted_between_two_files_names_the_first(tmp_path, monkeypatch) -> None:
    replace, done = os.replace, []

    def once(source, target):
        if done:
            raise KeyboardInterrupt
        done.append(target)
        replace(source, target)

    monkeypatch.setattr(os, "replace", once)
    targets = {"--json": str(tmp_path / "a"), "--save-sketch": str(tmp_path / "b")}

    def write_both() -> None:
        with Delivery(targets) as delivery:
            for option in targets:
                delivery.stage(option, lambda path: path.write_text("new"))
            delivery.commit()

    with pytest.raises(Interrupted, match=r"already complete: .*a$"):
        write_both()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
