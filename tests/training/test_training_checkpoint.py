"""Checkpoints come back as they were, whole or not at all."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

from thinshell.errors import InputError, InputTypeError
from thinshell.training import create_encoder, latest_checkpoint, load_checkpoint, load_encoder, save_checkpoint
from thinshell.training.portable import save_encoder

STATE = {
    "weights": {"a": torch.randn(3, 2), "b": torch.tensor(7, dtype=torch.int64), "empty": torch.zeros(0)},
    "groups": [{"betas": (0.9, 0.999), "params": [0, 1], "foreach": None, "amsgrad": False}],
    "state": {0: {"step": torch.tensor(3.0)}, 1: {"step": torch.tensor(4.0)}},
    "words": "größe",
    "nan": math.nan,
    "infinite": -math.inf,
    "numpy": np.float64(0.1),
    "$strange": [1, [2, (3,)]],
}


def same(first: object, second: object) -> bool:
    if isinstance(first, torch.Tensor):
        return isinstance(second, torch.Tensor) and first.dtype == second.dtype and first.equal(second)
    if isinstance(first, dict):
        return (
            isinstance(second, dict) and first.keys() == second.keys() and all(same(first[k], second[k]) for k in first)
        )
    if isinstance(first, list | tuple):
        alike = type(first) is type(second) and len(first) == len(second)  # type: ignore[arg-type]
        return alike and all(same(a, b) for a, b in zip(first, second, strict=True))  # type: ignore[call-overload]
    return first == second or (first != first and second != second)


def test_everything_comes_back(tmp_path) -> None:
    assert same(STATE, load_checkpoint(save_checkpoint(tmp_path, 5, STATE)))


def test_a_sliced_tensor_does_not_bring_its_storage(tmp_path) -> None:
    whole = torch.zeros(1000, 1000)
    path = save_checkpoint(tmp_path, 1, {"part": whole[:2, :2], "transposed": whole[:2, :3].T, "same": whole[:2, :2]})
    assert (path / "tensors.safetensors").stat().st_size < 2000
    assert load_checkpoint(path)["transposed"].shape == (3, 2)


def test_the_newest_stays(tmp_path) -> None:
    for step in (2, 10, 9):
        save_checkpoint(tmp_path, step, {"step": step}, keep_last=2)
    assert sorted(entry.name for entry in (tmp_path / "checkpoints").iterdir()) == ["step-000000009", "step-000000010"]
    assert load_checkpoint(latest_checkpoint(tmp_path))["step"] == 10  # type: ignore[arg-type]


def test_what_a_killed_run_left_is_not_taken_for_a_checkpoint(tmp_path) -> None:
    good = save_checkpoint(tmp_path, 1, STATE)
    half = good.parent / ".step-000000002.1234.tmp"
    half.mkdir()
    (half / "tensors.safetensors").write_bytes(b"half")
    assert latest_checkpoint(tmp_path) == good
    save_checkpoint(tmp_path, 3, STATE)
    assert [entry.name for entry in good.parent.iterdir()] == ["step-000000003"]


def test_an_error_while_writing_leaves_the_old_one(tmp_path) -> None:
    good = save_checkpoint(tmp_path, 1, STATE)
    with pytest.raises(InputTypeError, match=r"got object at 'deep\.0\.thing'"):
        save_checkpoint(tmp_path, 2, {"deep": [{"thing": object()}]})
    assert list(good.parent.iterdir()) == [good]


@pytest.mark.parametrize("damage", ["tensors", "state", "schema", "missing"])
def test_a_damaged_checkpoint_is_one_sentence(tmp_path, damage: str) -> None:
    path = save_checkpoint(tmp_path, 1, STATE)
    if damage == "tensors":
        content = (path / "tensors.safetensors").read_bytes()
        (path / "tensors.safetensors").write_bytes(content[:-1])
    elif damage == "state":
        (path / "state.json").write_text("{")
    elif damage == "schema":
        plain = json.loads((path / "state.json").read_text()) | {"schema": "thinshell/checkpoint/9"}
        (path / "state.json").write_text(json.dumps(plain))
    else:
        (path / "tensors.safetensors").unlink()
    with pytest.raises(InputError, match=r"step-000000001 (is not a whole checkpoint|has the schema)"):
        load_checkpoint(path)


def test_no_place_to_write_is_one_sentence(tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="could not be written"):
        save_checkpoint(tmp_path / "file", 1, STATE)


def test_an_encoder_in_one_file(tmp_path) -> None:
    recipe = {"name": "mlp", "n_inputs": 6, "n_features": 3, "n_hidden": 5}
    encoder = create_encoder(**recipe, seed=4)
    save_encoder(encoder, tmp_path / "encoder.safetensors", recipe)
    loaded = load_encoder(tmp_path / "encoder.safetensors")
    x = torch.randn(2, 6)
    assert loaded(x).equal(encoder(x))
    assert not loaded.training


def test_other_files_are_not_encoders(tmp_path) -> None:
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="holds no encoder"):
        load_encoder(tmp_path / "other.safetensors")
    recipe = {"name": "linear", "n_inputs": 6, "n_features": 3}
    save_encoder(torch.nn.Linear(2, 2), tmp_path / "wrong.safetensors", recipe)
    with pytest.raises(InputError, match=r"cannot be read as an encoder .*Missing key"):
        load_encoder(tmp_path / "wrong.safetensors")
