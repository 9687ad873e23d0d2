"""Vega-Lite charts as static pictures, and the Vega runtime as one piece of JavaScript; both without a network."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

__all__ = ["runtime", "static_picture"]

# Tells a whole file from one that lost its end.
_END = "\n/* end of the Vega bundle */\n"


def static_picture(specification: Mapping[str, Any], key: str = "picture") -> str:
    """Return a Vega-Lite chart drawn as an SVG element, its colours still CSS variables.

    Parameters
    ----------
    specification : mapping
    key : str
        Begins the names of the parts that the picture refers to; different pictures of a page need different ones.

    Examples
    --------
    >>> picture = static_picture({"data": {"values": [{"x": 1}]}, "mark": {"type": "point", "color": "var(--measured)"},
    ...                           "encoding": {"x": {"field": "x", "type": "quantitative"}}})
    >>> picture[:4], "var(--measured)" in picture
    ('<svg', True)
    """
    import vl_convert

    picture = vl_convert.vegalite_to_svg(dict(specification))
    # Vega numbers them through the life of the process: the second page would have other names than the first.
    numbers: dict[str, int] = {}
    return re.sub(
        r'(id="|url\(#)(clip|gradient_)(\d+)',
        lambda found: f"{found[1]}{key}-{found[2]}{numbers.setdefault(found[2] + found[3], len(numbers))}",
        picture,
    )


@functools.cache
def runtime() -> str:
    """Return vega-embed with Vega and Vega-Lite as one classic script that sets ``window.vegaEmbed``.

    Bundling takes seconds, so the script is kept in the user's cache folder, where there is one, under the version of
    vl-convert that made it.
    """
    kept = _cache_folder() / f"vega-{version('vl-convert-python')}.js"
    with contextlib.suppress(OSError, UnicodeDecodeError):
        text = kept.read_text(encoding="utf-8")
        if text.endswith(_END):
            return text
    import vl_convert

    # In a function of its own: the bundle's thousand top-level names would be the page's otherwise.
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").replace("</script", "<\\/script").strip()
    text = f"(() => {{{bundle}\n}})();{_END}"
    with contextlib.suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        temporary = kept.with_name(f".{os.getpid()}-{kept.name}")
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, kept)
    return text


def _cache_folder() -> Path:
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "thinshell"
