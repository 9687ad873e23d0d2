"""The paper's numbers: the ones that are printed, in one file, with their place."""

from __future__ import annotations

import re
from typing import Any

import pytest

from thinshell.errors import InputError
from thinshell.experiments import paper_values
from thinshell.experiments.published import TABLE1_NUMBERS, table1_column

# Typed from the paper's Table 1 a second time, in the order of TABLE1_NUMBERS.
TABLE1 = {
    "laplace": (0.08, 0.38, 1.0, 0.49, 1.0),
    "gmm": (0.08, 0.39, 1.0, 0.46, 1.0),
    "binary-e0": (0.36, 1.64, 0.30, 0.02, 0.15),
    "binary-e50": (0.12, 0.41, 0.93, 0.44, 0.89),
    "binary-e100": (0.09, 0.42, 0.97, 0.46, 0.98),
    "cifar-supervised": (0.5, 3.3, 0.062, 0.041, 0.039),
    "cifar-contrastive": (0.09, 0.43, 0.961, 0.39, 0.945),
}


@pytest.mark.parametrize("name", TABLE1)
def test_table1(name: str) -> None:
    column = table1_column(name)
    assert tuple(column[number] for number in TABLE1_NUMBERS) == TABLE1[name]
    assert column["gaussian"] is (name not in ("binary-e0", "cifar-supervised"))


def test_every_column_of_table1_is_there() -> None:
    assert set(paper_values()["table1"]["columns"]) == set(TABLE1)


def test_cifar_shares_are_multiples_of_an_eighth_of_sixteen() -> None:
    # Every percentage that the paper prints for CIFAR-10 is a multiple of 1/128: a slip of typing would not be.
    for name in ("cifar-supervised", "cifar-contrastive"):
        column = table1_column(name)
        for number in ("ad_normal_share", "dp_normal_share"):
            nearest = round(column[number] * 128) / 128
            assert column[number] == pytest.approx(nearest, abs=6e-4)


def test_table2_has_both_normalisations_of_seven_models() -> None:
    columns = paper_values()["table2"]["columns"]
    assert len(columns) == 7
    for column in columns.values():
        assert set(column["raw"]) == set(column["l2"]) == {"ad_avg", "ad_normal_share", "dp_avg", "dp_normal_share"}
    assert columns["resnet34-supervised-coco"]["raw"]["dp_avg"] == 2.2e-6
    assert columns["clip-image-painting"]["l2"]["dp_normal_share"] == 0.939


def test_every_block_says_where_it_stands() -> None:
    blocks = {name: block for name, block in paper_values().items() if name != "source"}
    for name, block in blocks.items():
        assert re.match(r"(Table|Figure|Section) \d", block["place"]), name
        assert block["says"], name


def test_shares_are_shares() -> None:
    def check(value: Any, name: str = "") -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                check(item, key)
        elif name.endswith("_share"):
            assert 0 <= value <= 1

    check(paper_values())


def test_what_is_returned_may_be_changed() -> None:
    paper_values()["table1"]["columns"].clear()
    assert paper_values()["table1"]["columns"]


def test_unknown_column() -> None:
    with pytest.raises(InputError, match="did you mean 'binary-e50'"):
        table1_column("binary-e5")
