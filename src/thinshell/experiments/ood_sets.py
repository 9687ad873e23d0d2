"""Pictures that are not CIFAR-10: another data set, noise, and blurred test pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from thinshell.errors import InputError

__all__ = ["OutSet", "blurred", "cifar100_pictures", "noise_pictures", "out_sets", "set_names"]

SIZE, COLOURS = 32, 3
# A sheet of `cifar100_ood` holds 50 x 50 pictures.
TILES = 50
# A record of CIFAR-100's binary version is two labels, then the pixels colour by colour.
LABELS, PIXELS = 2, COLOURS * SIZE * SIZE
SHEETS, BINARY = "cifar100_ood", "cifar-100-binary"


@dataclass(frozen=True)
class OutSet:
    """A set of pictures to be told from CIFAR-10's test set.

    Attributes
    ----------
    name : str
        Of the column.
    words : str
        What it is, for the protocol.
    pictures : ndarray of uint8 of shape (n, 3, 32, 32)
    """

    name: str
    words: str
    pictures: np.ndarray


def set_names(blur_sigmas: tuple[float, ...]) -> list[str]:
    """Return the names of all sets, in the order of the tables.

    Examples
    --------
    >>> set_names((1.0,))
    ['CIFAR-100', 'uniform noise', 'Gaussian noise', 'blur 1']
    """
    return ["CIFAR-100", "uniform noise", "Gaussian noise", *(f"blur {sigma:g}" for sigma in blur_sigmas)]


def out_sets(
    test: np.ndarray, *, data_dir: Path | None, cifar100_dir: str, n: int, blur_sigmas: tuple[float, ...], seed: int
) -> tuple[list[OutSet], list[str]]:
    """Return the sets there are, and a sentence about each that is missing.

    Parameters
    ----------
    test : ndarray of uint8 of shape (n_test, 3, 32, 32)
        The pictures that count as known: blurred, and their mean and spread taken for the Gaussian noise.
    data_dir : Path or None
        Searched for CIFAR-100 where `cifar100_dir` is empty.
    cifar100_dir : str
        A folder of CIFAR-100, see `cifar100_pictures`.
    n : int
        Pictures of each set, at most.
    blur_sigmas : tuple of float
        Standard deviations of the blur, in pixels.
    seed : int

    Returns
    -------
    sets : list of OutSet
    missing : list of str
    """
    sets, missing = [], []
    folder = Path(cifar100_dir) if cifar100_dir else _below(data_dir)
    if folder is None:
        missing.append(
            "CIFAR-100 is left out: no folder cifar100_ood or cifar-100-binary in the data folder; "
            "name it by --set cifar100_dir=DIR"
        )
    else:
        pictures = cifar100_pictures(folder)[:n]
        sets.append(OutSet("CIFAR-100", f"the first {len(pictures):,} pictures of {folder.name}", pictures))
    for kind in ("uniform", "Gaussian"):
        sets.append(OutSet(f"{kind} noise", NOISES[kind], noise_pictures(kind.lower(), n, test, seed)))
    for sigma in blur_sigmas:
        pictures = blurred(test[:n], sigma)
        words = f"the first {len(pictures):,} test pictures after a Gaussian blur of {sigma:g} pixels"
        sets.append(OutSet(f"blur {sigma:g}", words, pictures))
    return sets, missing


NOISES = {
    "uniform": "each byte drawn alone, uniform from 0 to 255",
    "Gaussian": "each byte drawn alone, with the test pictures' mean and standard deviation of its colour",
}


def noise_pictures(kind: str, n: int, like: np.ndarray, seed: int) -> np.ndarray:
    """Draw pictures of noise, uint8 of shape (n, 3, 32, 32).

    Parameters
    ----------
    kind : {"uniform", "gaussian"}
    n : int
    like : ndarray of uint8 of shape (m, 3, 32, 32)
        Gives mean and spread of each colour to Gaussian noise.
    seed : int

    Examples
    --------
    >>> like = np.full((2, 3, 32, 32), 100, dtype=np.uint8)
    >>> int(noise_pictures("gaussian", 1, like, seed=0).max())
    100
    """
    rng = np.random.default_rng([seed, {"uniform": 1, "gaussian": 2}[kind]])
    shape = (n, COLOURS, SIZE, SIZE)
    if kind == "uniform":
        return rng.integers(0, 256, size=shape, dtype=np.uint8)
    mean, std = (part(like, axis=(0, 2, 3))[:, None, None] for part in (np.mean, np.std))
    drawn = rng.standard_normal(shape, dtype=np.float32) * std.astype(np.float32) + mean.astype(np.float32)
    return np.clip(np.rint(drawn), 0, 255).astype(np.uint8)


def blurred(pictures: np.ndarray, sigma: float) -> np.ndarray:
    """Blur pictures by a Gaussian of `sigma` pixels, mirrored at the border, rounded to bytes.

    Examples
    --------
    >>> dot = np.zeros((1, 3, 32, 32), dtype=np.uint8)
    >>> dot[:, :, 16, 16] = 255
    >>> int(blurred(dot, 1.0)[0, 0, 16, 16])  # 255 / (2 pi), a little more: pixels are squares
    41
    """
    from scipy.ndimage import gaussian_filter

    soft = gaussian_filter(pictures.astype(np.float32), (0, 0, sigma, sigma), mode="reflect")
    return np.clip(np.rint(soft), 0, 255).astype(np.uint8)


def cifar100_pictures(folder: Path) -> np.ndarray:
    """Read CIFAR-100: the test set of the official binary version, or sheets of 50 x 50 pictures.

    Parameters
    ----------
    folder : Path
        Holds ``test.bin``, or ``ood_*.avif``.

    Returns
    -------
    ndarray of uint8 of shape (n, 3, 32, 32)

    Raises
    ------
    InputError
        If neither is there, a file is damaged, or this Pillow reads no AVIF.

    References
    ----------
    Krizhevsky (2009), Learning multiple layers of features from tiny images.
    """
    binary, sheets = folder / "test.bin", sorted(folder.glob("ood_*.avif"))
    if binary.is_file():
        return _records(binary)
    if not sheets:
        raise InputError(f"cifar100_dir must hold test.bin or ood_*.avif, got {folder}; name another folder")
    return np.concatenate([_tiles(sheet) for sheet in sheets])


def _below(data_dir: Path | None) -> Path | None:
    names = [] if data_dir is None else [data_dir / SHEETS, data_dir / BINARY]
    return next((folder for folder in names if folder.is_dir()), None)


def _records(path: Path) -> np.ndarray:
    whole = np.fromfile(path, dtype=np.uint8)
    if whole.size == 0 or whole.size % (LABELS + PIXELS):
        raise InputError(f"{path} is not whole records of {LABELS + PIXELS:,} bytes; fetch it again")
    return whole.reshape(-1, LABELS + PIXELS)[:, LABELS:].reshape(-1, COLOURS, SIZE, SIZE)


def _tiles(sheet: Path) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(sheet) as image:
            grid = np.asarray(image.convert("RGB"))
        grid = grid.reshape(TILES, SIZE, TILES, SIZE, COLOURS)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{sheet} cannot be read as {TILES} x {TILES} pictures ({error}); it takes Pillow 11.3 or newer"
        ) from error
    return grid.transpose(0, 2, 4, 1, 3).reshape(-1, COLOURS, SIZE, SIZE)
