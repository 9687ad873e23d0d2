"""Reading one picture, whatever is wrong with it."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from thinshell.pretrained.data.items import ItemError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["MOST_PIXELS", "SUFFIXES", "load_picture"]

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".avif")
# Twice what Pillow warns at, where it refuses itself: some 540 MB as RGB.
MOST_PIXELS = 178_956_970
# A processor scales the shorter side to some 224 pixels: 200 times that is 45,000 by 224.
_MOST_ASPECT = 200


def load_picture(source: str | Path | bytes, name: str) -> Image:
    """Return a picture as RGB, turned as its EXIF data say; the first frame of several.

    Parameters
    ----------
    source : str, Path or bytes
        A file, or its content.
    name : str
        For the sentence when it cannot be read.

    Raises
    ------
    ItemError
        If it is missing, empty, damaged or too large.
    """
    from PIL import Image, ImageOps

    try:
        content = source if isinstance(source, bytes) else Path(source).read_bytes()
        if not content:
            raise ItemError(f"{name} is empty (0 bytes)")
        with warnings.catch_warnings():
            # Large pictures are refused below by a bound of our own; notes on odd metadata are nobody's concern here.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content)) as picture:
                _check_size(picture.size, name)
                return ImageOps.exif_transpose(picture).convert("RGB")
    except Image.DecompressionBombError as error:
        raise ItemError(f"{name} has more than {MOST_PIXELS:,} pixels, more than is read; scale it down") from error
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, MemoryError) as error:
        if isinstance(error, ItemError):
            raise
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        # Pillow names the buffer in memory, which says nothing.
        reason = "no format that Pillow knows" if "cannot identify" in reason else reason
        raise ItemError(f"{name} cannot be read as a picture ({reason})") from error


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width * height > MOST_PIXELS:
        raise ItemError(
            f"{name} has {width:,} x {height:,} pixels, more than the {MOST_PIXELS:,} that are read; scale it down"
        )
    if max(size) > _MOST_ASPECT * min(size):
        raise ItemError(
            f"{name} has {width:,} x {height:,} pixels: one side is more than {_MOST_ASPECT} times the other, and "
            "scaled to a model's size it would not fit into memory; cut it"
        )
