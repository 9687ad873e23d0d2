"""What a URL is made of, and how it may be shown."""

from __future__ import annotations

import re
from urllib.parse import unquote

__all__ = ["is_url", "scheme_of", "without_password"]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?=://)")
# Parameters of a query that nobody else should see.
_SECRET = re.compile(r"password|passwd|secret|token|signature|credential|api_?key", re.IGNORECASE)
_PORTS = re.compile(r"\d*(?:,[^/]*)?(?:/.*)?")
HIDDEN = "***"


def is_url(path: object) -> bool:
    """Tell whether a path is a URL.

    Examples
    --------
    >>> is_url("s3://bucket/a.npy"), is_url("C:/a.npy"), is_url("a.npy")
    (True, False, False)
    """
    return isinstance(path, str) and _SCHEME.match(path) is not None


def scheme_of(url: str) -> str:
    """Return what stands before ``://``, in lower case; empty for a path.

    Examples
    --------
    >>> scheme_of("S3://bucket/a.npy"), scheme_of("a.npy")
    ('s3', '')
    """
    found = _SCHEME.match(url)
    return found.group().lower() if found else ""


def without_password(url: str) -> str:
    """Return the URL as it may be printed: its password, and every secret of its query, become ``***``.

    A password whose ``@``, ``/``, ``?`` or ``#`` is not percent-encoded is hidden, too, though no database would
    take it; everything else stays as it was typed.

    Parameters
    ----------
    url : str
        A URL; text that is none is returned as it is.

    Returns
    -------
    str

    Examples
    --------
    >>> without_password("postgresql://me:secret@host:5432/db?table=items")
    'postgresql://me:***@host:5432/db?table=items'
    >>> without_password("postgresql://host/db?user=me&password=secret&table=items")
    'postgresql://host/db?user=me&password=***&table=items'
    >>> without_password("postgresql://me:se/cr?et@host/db")
    'postgresql://me:***@host/db'
    >>> without_password("https://host/a.npy?X-Amz-Signature=abc&part=1")
    'https://host/a.npy?X-Amz-Signature=***&part=1'
    """
    scheme, mark, rest = url.partition("://")
    if not mark:
        return url
    end = _end_of_user(rest)
    user, colon, _ = rest[:end].partition(":")
    place = f"{user}:{HIDDEN}{rest[end:]}" if colon else rest
    head, mark, query = place.partition("?")
    return f"{scheme}://{head}{mark}{'&'.join(map(_hidden, query.split('&')))}"


def _end_of_user(rest: str) -> int:
    """Return where the @ after ``user:password`` stands, 0 where there is none."""
    head = rest.partition("?")[0]
    if "@" in head:
        return head.rindex("@")
    # An @ in the query belongs to the password if what follows the colon is no port: me:se?cret@host.
    _, colon, port = head.partition(":")
    if colon and not head.startswith("[") and not _PORTS.fullmatch(port) and "@" in rest:
        return rest.rindex("@")
    return 0


def _hidden(pair: str) -> str:
    name, mark, value = pair.partition("=")
    return f"{name}={HIDDEN}" if mark and value and _SECRET.search(unquote(name)) else pair
