"""The user's own rows and pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from thinshell.errors import InputError
from thinshell.training import array_file, create_samples, image_folder


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).standard_normal((50, 4)))
    np.save(tmp_path / "labels.npy", np.arange(50) % 3)
    return tmp_path / "rows.npy"


def test_rows_are_split_by_the_seed_and_keep_their_labels(rows) -> None:
    first, again, other = (array_file(rows, labels=rows.with_name("labels.npy"), seed=seed) for seed in (0, 0, 1))
    assert (len(first.train), len(first.test)) == (40, 10)
    assert first.test.equal(again.test)
    assert not first.test.equal(other.test)
    stored = torch.from_numpy(np.load(rows)).float()
    assert first.train_labels is not None
    for row, label in zip(first.train, first.train_labels, strict=True):
        assert (stored == row).all(1).nonzero().item() % 3 == label
    assert first.n_classes == 3
    assert first.facts["files"] == ["rows.npy"]


def test_a_test_file_of_its_own(rows) -> None:
    np.save(rows.with_name("test.npy"), np.zeros((7, 4), dtype=np.float16))
    np.save(rows.with_name("test_labels.npy"), np.zeros(7, dtype=np.uint8))
    samples = array_file(
        rows,
        test_path=rows.with_name("test.npy"),
        labels=rows.with_name("labels.npy"),
        test_labels=rows.with_name("test_labels.npy"),
    )
    assert (len(samples.train), len(samples.test)) == (50, 7)
    assert samples.test.dtype == torch.float32
    assert samples.test_labels is not None
    assert samples.test_labels.tolist() == [0] * 7


def test_several_files_and_a_key(rows, tmp_path) -> None:
    np.savez(tmp_path / "both.npz", a=np.ones((6, 4)), b=np.zeros((6, 4)))
    assert create_samples("array", path=str(tmp_path / "both.npz"), key="a").train.sum() == 5 * 4
    assert len(array_file([rows, rows]).train) == 80


def test_bad_rows_are_told(rows, tmp_path) -> None:
    bad = np.load(rows)
    bad[17, 2] = np.nan
    np.save(tmp_path / "bad.npy", bad)
    with pytest.raises(InputError, match=r"bad\.npy has NaN or infinity in row 17"):
        array_file(tmp_path / "bad.npy")
    with pytest.raises(InputError, match=r"nothing\.npy"):
        array_file(tmp_path / "nothing.npy")
    with pytest.raises(InputError, match="test_share must be a number between 0 and 1, got 1"):
        array_file(rows, test_share=1)
    np.save(tmp_path / "one.npy", np.ones((1, 4)))
    with pytest.raises(InputError, match="has 1 rows, too few to split"):
        array_file(tmp_path / "one.npy")
    with pytest.raises(InputError, match="test_labels goes with test_path"):
        array_file(rows, test_labels=rows.with_name("labels.npy"))


@pytest.mark.parametrize("labels", [np.zeros(49, dtype=int), np.zeros(50), np.zeros((50, 1), dtype=int)])
def test_labels_that_do_not_fit_are_told(rows, labels) -> None:
    np.save(rows.with_name("wrong.npy"), labels)
    with pytest.raises(InputError, match=r"wrong\.npy must be whole numbers of shape \(50,\), one a row, got"):
        array_file(rows, labels=rows.with_name("wrong.npy"))


def test_labels_that_cannot_be_read_are_told(rows) -> None:
    np.save(rows.with_name("objects.npy"), np.array([{}] * 50, dtype=object), allow_pickle=True)
    for name in ("objects.npy", "nowhere.npy"):
        with pytest.raises(InputError, match=rf"the labels .*{name} cannot be read"):
            array_file(rows, labels=rows.with_name(name))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    for name, colour in (("apple", (200, 0, 0)), ("pear", (0, 200, 0))):
        (folder / name).mkdir(parents=True)
        for number in range(10):
            Image.new("RGB", (30 + number, 40), colour).save(folder / name / f"{number}.png")
    (folder / "apple" / "notes.txt").write_text("not a picture")
    return folder


def test_class_folders_give_labels(pictures) -> None:
    samples = image_folder(pictures, size=16, test_share=0.25)
    assert samples.train.shape == (15, 3, 16, 16)
    assert samples.test.shape == (5, 3, 16, 16)
    assert samples.facts["classes"] == ["apple", "pear"]
    assert samples.train_labels is not None
    for picture, label in zip(samples.train, samples.train_labels, strict=True):
        assert picture[label].float().mean() == 200


def test_train_and_test_folders(pictures, tmp_path) -> None:
    for split in ("train", "test"):
        (tmp_path / "split" / split).mkdir(parents=True)
    (pictures / "apple").rename(tmp_path / "split" / "train" / "apple")
    (pictures / "pear").rename(tmp_path / "split" / "train" / "pear")
    (tmp_path / "split" / "test" / "pear").mkdir()
    Image.new("L", (20, 20), 7).save(tmp_path / "split" / "test" / "pear" / "grey.png")
    samples = create_samples("images", path=str(tmp_path / "split"), size=8)
    assert samples.test_labels is not None
    assert (len(samples.train), len(samples.test), samples.test_labels.tolist()) == (20, 1, [1])
    assert samples.test.unique().tolist() == [7]
    (tmp_path / "split" / "test" / "plum").mkdir()
    with pytest.raises(InputError, match="has the class 'plum', which is not among those trained on"):
        image_folder(tmp_path / "split")


def test_pictures_without_classes(pictures) -> None:
    samples = image_folder(pictures / "apple", size=8)
    assert samples.train_labels is None
    assert len(samples.train) + len(samples.test) == 10


def test_broken_pictures_are_named(pictures) -> None:
    (pictures / "pear" / "5.png").write_bytes((pictures / "pear" / "5.png").read_bytes()[:40])
    with pytest.raises(InputError, match=r"5\.png is not a picture that can be read"):
        image_folder(pictures)


def test_folders_that_do_not_do_are_told(pictures, tmp_path) -> None:
    with pytest.raises(InputError, match="is not a folder; name a folder of pictures"):
        image_folder(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no pictures"):
        image_folder(tmp_path / "empty")
    with pytest.raises(InputError, match="size must be at least 8 pixels, got 4"):
        image_folder(pictures, size=4)
    Image.new("RGB", (20, 20)).save(pictures / "lost.png")
    with pytest.raises(InputError, match="holds both class folders and pictures"):
        image_folder(pictures)
