from pathlib import Path

import numpy as np
import pytest
import torch

from thinshell.errors import InputError
from thinshell.experiments.cifar_data import DIGITS, ORIGINAL_MEANS, cifar_samples, pictures_name

RECORD, RECORDS = 1 + 3 * 32 * 32, 10_000


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CIFAR-10's folder with made-up pictures: the right sizes, 100 different records."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("cifar") / "cifar-10-batches-bin"
    folder.mkdir()
    some = rng.integers(256, size=(100, RECORD), dtype=np.uint8)
    some[:, 0] = np.arange(100) % 10
    content = np.tile(some, (RECORDS // 100, 1)).tobytes()
    for name in [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]:
        (folder / f"{name}.bin").write_bytes(content)
    return folder.parent


def test_the_first_pictures_are_taken_and_named_after_what_they_are(layout: Path) -> None:
    samples = cifar_samples(layout, n_train=30, n_test=20)
    assert samples.train.shape == (30, 3, 32, 32)
    assert samples.test_labels is not None
    assert samples.test_labels.tolist() == [row % 10 for row in range(20)]
    assert samples.name == samples.facts["pictures"] == "CIFAR-10, re-encoded"
    assert (samples.facts["n_train"], samples.facts["n_test"]) == (30, 20)


@pytest.mark.parametrize(("name", "sizes"), [("n_train", (50_001, 10)), ("n_test", (10, 10_001)), ("n_train", (0, 10))])
def test_a_number_of_pictures_out_of_range_is_refused(layout: Path, name: str, sizes: tuple[int, int]) -> None:
    with pytest.raises(InputError, match=f"{name} must lie between 1 and the"):
        cifar_samples(layout, *sizes)


def test_missing_data_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"needs CIFAR-10, got no data_dir; .*--data-dir"):
        cifar_samples(None, 10, 10)
    with pytest.raises(InputError, match="no CIFAR-10 in"):
        cifar_samples(tmp_path, 10, 10)


def with_means(means: tuple[float, ...], n_pictures: int = 1_000) -> torch.Tensor:
    """Make pictures whose colours have these means, as nearly as whole numbers allow."""
    pixels = n_pictures * 1024
    pictures = torch.empty(n_pictures, 3, 1024, dtype=torch.uint8)
    for colour, mean in enumerate(means):
        total = round(mean * 255 * pixels)
        values = torch.full((pixels,), total // pixels, dtype=torch.uint8)
        values[: total % pixels] += 1
        pictures[:, colour] = values.view(n_pictures, 1024)
    return pictures.view(n_pictures, 3, 32, 32)


def test_the_original_pictures_are_known_by_the_eight_digits_of_their_means() -> None:
    assert pictures_name(with_means(ORIGINAL_MEANS)) == "CIFAR-10"
    moved = (ORIGINAL_MEANS[0], ORIGINAL_MEANS[1] + 10 * DIGITS, ORIGINAL_MEANS[2])
    assert pictures_name(with_means(moved)) == "CIFAR-10, re-encoded"


def test_the_eight_digits_round_to_the_four_that_pictures_are_normalised_with() -> None:
    from thinshell.training import CIFAR10_MEAN

    assert tuple(round(mean, 4) for mean in ORIGINAL_MEANS) == CIFAR10_MEAN
