"""JSON out of a plain result."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thinshell.errors import InputTypeError
from thinshell.report import to_json

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
TREES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4))


def refuse_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def without_nonfinite(value: object) -> object:
    if isinstance(value, dict):
        return {key: without_nonfinite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_nonfinite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@given(tree=st.dictionaries(st.text(), TREES, max_size=4))
@settings(deadline=None, max_examples=100)
def test_reads_back_as_what_went_in_with_null_for_nonfinite(tree: dict[str, object]) -> None:
    text = to_json(tree)
    assert json.loads(text, parse_constant=refuse_constant) == without_nonfinite(tree)
    assert text.isascii()


def test_whole_diagnosis_survives(diagnosis: dict) -> None:
    diagnosis["norms"]["cv"] = float("nan")
    diagnosis["source"]["name"] = "\udcff [red]ümlaut\x1b"
    back = json.loads(to_json(diagnosis), parse_constant=refuse_constant)
    assert back["norms"]["cv"] is None
    assert back["source"]["name"] == diagnosis["source"]["name"]
    assert back["checks"] == diagnosis["checks"]


def test_plain_lists_stay_on_one_line(diagnosis: dict) -> None:
    lines = to_json(diagnosis).splitlines()
    assert '      "counts": [5, 60, 400, 1500, 2600, 2500, 1600, 800, 350, 130, 45, 10]' in lines


def test_same_result_same_bytes_with_keys_in_order(diagnosis: dict) -> None:
    assert to_json(diagnosis) == to_json(json.loads(to_json(diagnosis)))
    assert list(json.loads(to_json(diagnosis))) == list(diagnosis)


def test_numpy_scalars_become_numbers() -> None:
    assert to_json({"a": np.float32(0.5), "b": np.int64(3), "c": np.bool_(True), "d": np.float64("inf")}) == (
        '{\n  "a": 0.5,\n  "b": 3,\n  "c": true,\n  "d": null\n}\n'
    )


def test_refuses_what_json_has_no_word_for() -> None:
    with pytest.raises(InputTypeError, match=r"holds only mappings, .* got set; give what to_dict\(\)"):
        to_json({"names": {1, 2}})
