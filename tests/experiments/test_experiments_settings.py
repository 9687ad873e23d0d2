"""Settings are changed by dotted names, and a mistyped one is told."""

from __future__ import annotations

import pytest

from thinshell.errors import InputError, InputTypeError
from thinshell.experiments.settings import as_plain, changed, value_at
from thinshell.experiments.synthetic import GmmSettings
from thinshell.experiments.table1 import TABLE1
from thinshell.experiments.table1_choices import ChoicesSettings


def test_a_field_of_a_group_is_changed_and_nothing_else() -> None:
    before = ChoicesSettings()
    after = changed(before, {"gmm.mean_std": 0.3, "densities": [0.1]})
    assert after.gmm == GmmSettings(epochs=20, every_n_epochs=20, mean_std=0.3)
    assert after.densities == (0.1,)
    assert (after.binary, after.mean_stds) == (before.binary, before.mean_stds)
    assert before == ChoicesSettings()


def test_dictionaries_of_groups() -> None:
    after = changed(TABLE1.settings, {"gmm.epochs": 3})
    assert value_at(after, "gmm.epochs") == 3
    assert TABLE1.settings["gmm"].epochs == 100


def test_a_whole_number_is_taken_for_a_real_one() -> None:
    assert changed(GmmSettings(), {"mean_std": 1}).mean_std == 1.0
    assert isinstance(changed(GmmSettings(), {"mean_std": 1}).mean_std, float)


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"gmm.mean_sdt": 1.0}, InputError, "did you mean 'mean_std'"),
        ({"gnm.mean_std": 1.0}, InputError, "did you mean 'gmm'"),
        ({"gmm": 1.0}, InputError, "gmm is a group of settings; name one of them, such as gmm.n_train"),
        ({"gmm.epochs": 1.5}, InputTypeError, "gmm.epochs must be a whole number, got 1.5"),
        ({"gmm.epochs": True}, InputTypeError, "gmm.epochs must be a whole number, got True"),
        ({"gmm.bias": 1}, InputTypeError, "gmm.bias must be true or false, got 1"),
        ({"densities": 0.1}, InputTypeError, r"densities must be a list such as \[.*\], got 0.1"),
        ({"densities": ["0.1"]}, InputTypeError, r"densities\[0\] must be a number, got '0.1'"),
    ],
)
def test_mistakes(changes, error, sentence) -> None:
    with pytest.raises(error, match=sentence):
        changed(ChoicesSettings(), changes)


def test_plain_data_is_fit_for_json() -> None:
    plain = as_plain({"run": GmmSettings(), "sizes": (1, 2)})
    assert plain["run"]["n_components"] == 25
    assert plain["sizes"] == [1, 2]
