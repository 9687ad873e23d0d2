"""What went wrong with a file, in one sentence that starts with its path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches

from thinshell.errors import InputError

__all__ = ["explained", "listed_names", "one_line", "unknown_name"]

# Ten names fit two lines of a terminal; a 768-column table would not.
MAX_LISTED = 10


@contextmanager
def explained(path: str, what: str | None = None) -> Iterator[None]:
    """Turn any failure to read `path` into an InputError.

    `what` names the format; with it, errors of the format's own library mean a damaged file. Without it only
    operating-system errors are turned.
    """
    try:
        yield
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; check the path") from error
    except PermissionError as error:
        raise InputError(f"{path} cannot be read: permission denied; check its owner and mode") from error
    except MemoryError as error:  # one compressed batch may be larger than memory, or a header may lie
        raise InputError(
            f"{path} could not be read: a part of it does not fit in memory ({one_line(error)}); "
            "save it again in smaller parts"
        ) from error
    except OSError as error:
        if what is not None and error.errno is None:  # how Arrow reports a damaged file
            raise InputError(_damaged(path, what, error)) from error
        raise InputError(f"{path} could not be read ({error.strerror or one_line(error)})") from error
    except Exception as error:
        # Libraries raise many types on damaged bytes (zlib.error, struct.error, ArrowInvalid,
        # SafetensorError, KeyError, ...); to the reader of the sentence they all mean the same.
        if what is None:
            raise
        raise InputError(_damaged(path, what, error)) from error


def _damaged(path: str, what: str, error: BaseException) -> str:
    return f"{path} is not a readable {what} file ({one_line(error)}): copy or save it again"


def one_line(error: BaseException, limit: int = 160) -> str:
    """Return the first line of an error's text, or its type if it has none."""
    lines = str(error).strip().splitlines()
    text = lines[0].strip().rstrip(".") if lines else type(error).__name__
    return text if len(text) <= limit else text[: limit - 3] + "..."


def unknown_name(path: str, what: str, name: str, available: Iterable[str]) -> InputError:
    """Return the error for a name that is not there, with the nearest one and what there is."""
    names = list(available)
    near = get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}? Available" if near else "available"
    return InputError(f"{path} has no {what} {name!r}; {hint}: {listed_names(names) or 'none'}")


def listed_names(names: Sequence[str]) -> str:
    """Return the names joined by commas, the first few of many."""
    more = f" and {len(names) - MAX_LISTED:,} more" if len(names) > MAX_LISTED else ""
    return ", ".join(names[:MAX_LISTED]) + more
