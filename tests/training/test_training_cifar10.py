"""CIFAR-10: the official layout from folder and archive, damage told, the real pictures."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

from thinshell.errors import InputError
from thinshell.training import CIFAR10_MEAN, CIFAR10_STD, cifar10
from thinshell.training import cifar10 as cifar10_function  # the module of that name is reached through sys.modules

MODULE = sys.modules["thinshell.training.cifar10"]
NAMES = [*MODULE.TRAIN, *MODULE.TEST]  # type: ignore[attr-defined]
FEW = 20


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of 20 records instead of 10,000, so that a test writes kilobytes."""
    monkeypatch.setattr(MODULE, "RECORDS", FEW)


@pytest.fixture
def folder(few, tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    for name in NAMES:
        records = rng.integers(0, 256, (FEW, 3073), dtype=np.uint8)
        records[:, 0] = np.arange(FEW) % 10
        records.tofile(folder / name)
    return folder


def packed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    archive = folder.parent / "elsewhere" / "cifar-10-binary.tar.gz"
    archive.parent.mkdir()
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, arcname=folder.name)
    monkeypatch.setattr(MODULE, "ARCHIVE_MD5", hashlib.md5(archive.read_bytes(), usedforsecurity=False).hexdigest())
    return archive


def test_folder_parent_and_archive_give_the_same(folder, monkeypatch) -> None:
    archive = packed(folder, monkeypatch)
    read = [cifar10(place) for place in (folder, folder.parent, str(archive), archive.parent)]
    first = np.fromfile(folder / "data_batch_2.bin", dtype=np.uint8).reshape(FEW, 3073)[3]
    for samples in read:
        assert samples.train.shape == (100, 3, 32, 32)
        assert samples.test.shape == (20, 3, 32, 32)
        assert samples.train.dtype.is_floating_point is False
        assert np.array_equal(samples.train[23].numpy().ravel(), first[1:])
        assert samples.train_labels is not None
        assert samples.train_labels[23] == first[0]
        assert samples.facts == read[0].facts
    assert sorted(entry.name for entry in archive.parent.iterdir()) == [archive.name]  # nothing was unpacked


def test_damage_is_told_with_the_file(folder) -> None:
    path = folder / "data_batch_3.bin"
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    with pytest.raises(InputError, match=r"data_batch_3\.bin has 61,459 bytes, expected 61,460: it is damaged"):
        cifar10(folder)
    path.write_bytes(content[: 5 * 3073] + b"\x0a" + content[5 * 3073 + 1 :])
    with pytest.raises(InputError, match=r"data_batch_3\.bin has the label 10 in record 5, expected 0 to 9"):
        cifar10(folder)
    path.unlink()
    with pytest.raises(InputError, match=r"data_batch_3\.bin cannot be read \(No such file"):
        cifar10(folder)


def test_an_archive_that_is_not_the_official_one(folder, monkeypatch) -> None:
    archive = packed(folder, monkeypatch)
    good = archive.read_bytes()
    archive.write_bytes(good[:-100])
    with pytest.raises(InputError, match=r"is not the official archive \(MD5 .*, expected .*\); remove it"):
        cifar10(archive)
    # A checksum that fits something which is no archive: never a traceback.
    for content in (b"nothing of the kind", good[: len(good) // 2]):
        archive.write_bytes(content)
        monkeypatch.setattr(MODULE, "ARCHIVE_MD5", hashlib.md5(content, usedforsecurity=False).hexdigest())
        with pytest.raises(InputError, match=r"cifar-10-binary\.tar\.gz cannot be read"):
            cifar10(archive)


def test_a_missing_data_set_says_what_to_do(tmp_path) -> None:
    with pytest.raises(InputError, match=r"no CIFAR-10 in .*download=True, data\.download: true"):
        cifar10(tmp_path)


def test_the_download_is_asked_for_and_read(folder, monkeypatch, tmp_path) -> None:
    archive = packed(folder, monkeypatch)

    def fetch(url: str, path: Path, *, md5: str, progress: object) -> None:
        assert url == "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
        assert path == tmp_path / "fresh" / "cifar-10-binary.tar.gz"
        path.parent.mkdir()
        path.write_bytes(archive.read_bytes())

    monkeypatch.setattr(MODULE, "fetch", fetch)
    assert len(cifar10(tmp_path / "fresh", download=True).train) == 100
    monkeypatch.setattr(MODULE, "fetch", None)  # once is enough
    assert len(cifar10_function(tmp_path / "fresh", download=True).train) == 100


@pytest.mark.slow
def test_the_real_pictures(shared_data: Path, tmp_path: Path) -> None:
    """CIFAR-10, re-encoded: the official order and labels, means and deviations as published."""
    subprocess.run([sys.executable, shared_data / "unpack_cifar10.py", tmp_path], check=True, capture_output=True)
    samples = cifar10(tmp_path)
    assert samples.train.shape == (50_000, 3, 32, 32)
    assert samples.test.shape == (10_000, 3, 32, 32)
    for labels, count in ((samples.train_labels, 5000), (samples.test_labels, 1000)):
        assert labels is not None
        assert labels.bincount().tolist() == [count] * 10
    assert samples.train_labels is not None
    assert samples.train_labels[:5].tolist() == [6, 9, 9, 4, 1]  # frog, truck, truck, deer, automobile
    pixels = samples.train.numpy()
    for colour in range(3):
        values = pixels[:, colour] / np.float32(255)
        assert values.mean(dtype=np.float64) == pytest.approx(
            CIFAR10_MEAN[colour], abs=3e-3
        )  # re-encoding moved it by 2e-3
        assert values.std(dtype=np.float64) == pytest.approx(CIFAR10_STD[colour], abs=3e-3)
