"""Where a result comes from, as the end of every page tells it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from thinshell.report.numbers import count
from thinshell.report.origins import origin_words

__all__ = ["file_stem", "provenance"]


def provenance(result: Mapping[str, Any], name: str, *, csv: bool = False) -> dict[str, Any]:
    """Return the facts at the end of a page: command, files, seed, versions, fingerprint.

    Examples
    --------
    >>> [fact["words"] for fact in provenance({"seed": 0, "thinshell_version": "1.0"}, "emb.npy")["facts"]]
    ['Seed', 'Versions']
    """
    source, origin = result.get("source") or {}, result.get("provenance") or {}
    facts = [
        ("Command", origin.get("command") or result.get("command"), True),
        ("Files", ", ".join(map(str, source.get("paths") or [])), True),
        ("Rows", _rows(result), False),
        ("Seed", result.get("seed"), False),
        ("Fingerprint of the rows", source.get("fingerprint"), True),
        ("Commit", origin.get("commit"), True),
        ("Versions", _versions(result, origin), False),
        *(
            (f"Part {name}, where it differs", origin_words(part), False)
            for name, part in (origin.get("parts") or {}).items()
        ),
    ]
    kept = [
        {"words": words, "value": str(value), "code": code} for words, value, code in facts if value not in (None, "")
    ]
    return {"facts": kept, "stem": file_stem(name), "csv": csv}


def _rows(result: Mapping[str, Any]) -> str:
    if result.get("n_samples") is None:
        return ""
    return f"{count(result['n_samples'])} × {count(result.get('n_features'))}"


def _versions(result: Mapping[str, Any], origin: Mapping[str, Any]) -> str:
    versions = {"thinshell": result.get("thinshell_version"), **(origin.get("versions") or {})}
    return ", ".join(f"{name} {version}" for name, version in versions.items() if version)


def file_stem(name: str) -> str:
    """Return a harmless file name for downloads.

    Examples
    --------
    >>> file_stem("runs/<b>emb.npy")
    'b-emb'
    """
    last = re.split(r"[\\/]", name)[-1] if not name.endswith(("/", "\\")) else ""
    words = re.sub(r"[^A-Za-z0-9._-]+", "-", last.rsplit(".", 1)[0] if "." in last else last).strip("-.")
    return words or re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-") or "thinshell"
