"""Where every run ends: one exit status and, if it failed, one sentence on standard error."""

from __future__ import annotations

import _thread
import contextlib
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType

import typer

from thinshell.cli.command import remember_command
from thinshell.errors import InputError, InputTypeError

__all__ = [
    "DEPARTURE",
    "DONE",
    "UNFINISHED",
    "Interrupted",
    "raise_if_interrupted",
    "run",
    "telling_interrupts",
    "was_interrupted",
]

DONE = 0
DEPARTURE = 1
BAD_INPUT = 2
INTERNAL_ERROR = 70  # EX_SOFTWARE of BSD's sysexits.h
UNFINISHED = 75  # EX_TEMPFAIL of BSD's sysexits.h: run it again
INTERRUPTED = 128 + 2  # what a shell reports for SIGINT
BROKEN_PIPE = 128 + 13  # what a shell reports for SIGPIPE

# Packages that work under locks of their own: compilers, and whatever imports modules.
_DELICATE = frozenset({"numba", "llvmlite", "importlib", "_frozen_importlib", "_frozen_importlib_external"})
_ASK_AGAIN_AFTER = 0.05

_asked_to_stop = threading.Event()
# Set once the exception was raised: what cleans up after it is not to be disturbed by one that was put off.
_raised = threading.Event()


def raise_if_interrupted() -> None:
    """Raise KeyboardInterrupt if Ctrl-C came and was lost.

    The exception that a signal raises is swallowed when it arrives inside a destructor or a callback from C,
    such as those of a compiler; long work asks here after every block.
    """
    if _asked_to_stop.is_set():
        _raised.set()
        raise KeyboardInterrupt


def _is_delicate(frame: FrameType | None) -> bool:
    """Tell whether the main thread is where an exception out of nowhere leaves a lock held for ever.

    LLVM's lock, held by nobody who is left, made the threads that compile wait without end, and the end of the
    process wait for them.
    """
    while frame is not None:
        if str(frame.f_globals.get("__name__")).partition(".")[0] in _DELICATE:
            return True
        frame = frame.f_back
    return False


def _ask_again() -> None:
    def ask() -> None:
        if _raised.is_set() or not _asked_to_stop.is_set():
            return
        if hasattr(signal, "pthread_kill"):  # wakes the main thread, whatever it waits for
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)  # type: ignore[arg-type]
        else:
            _thread.interrupt_main()

    timer = threading.Timer(_ASK_AGAIN_AFTER, ask)
    timer.daemon = True
    timer.start()


def was_interrupted(error: BaseException | None) -> bool:
    """Tell whether an exception is Ctrl-C, or what code that was in the middle of something made of it.

    An import, a compiler or an extension that the signal comes upon may answer with an error of its own.
    """
    return isinstance(error, KeyboardInterrupt) or (isinstance(error, Exception) and _asked_to_stop.is_set())


@contextlib.contextmanager
def telling_interrupts(told: Callable[[], Interrupted]) -> Iterator[None]:
    """Raise what `told` makes for every interruption: a command's own words for what is kept."""
    try:
        yield
    except BaseException as stop:
        if was_interrupted(stop):
            raise told() from stop
        raise


@contextlib.contextmanager
def _remembering_interrupts() -> Iterator[None]:
    """Keep in mind that Ctrl-C was pressed, and raise KeyboardInterrupt as soon as it does no harm."""
    _asked_to_stop.clear()
    _raised.clear()
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def remember(_: int, frame: FrameType | None) -> None:
        _asked_to_stop.set()
        if _is_delicate(frame):
            _ask_again()
        else:
            _raised.set()
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, remember)
    try:
        yield
    except Exception as error:
        if was_interrupted(error):
            raise Interrupted from error
        raise
    finally:
        _asked_to_stop.clear()
        signal.signal(signal.SIGINT, before if before is not None else signal.default_int_handler)


class _Speaker(logging.Handler):
    """Warnings of the library, said as everything else is."""

    def emit(self, record: logging.LogRecord) -> None:
        _say(record.getMessage())


@contextlib.contextmanager
def _saying_warnings() -> Iterator[None]:
    logger, speaker = logging.getLogger("thinshell"), _Speaker(logging.WARNING)
    logger.addHandler(speaker)
    try:
        yield
    finally:
        logger.removeHandler(speaker)


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, with the files that were already complete by then."""

    def __init__(self, written: Sequence[Path] = ()) -> None:
        super().__init__()
        self.written = tuple(written)

    def __str__(self) -> str:
        if not self.written:
            return "interrupted; nothing was written"
        return f"interrupted; already complete: {', '.join(map(str, self.written))}"


def run(app: typer.Typer, words: Sequence[str]) -> int:
    """Parse `words`, do what they ask for and return the exit status; no exception leaves.

    Typer only parses: a command returns the work as a callable, which is done here, beyond the reach of
    Typer's own treatment of Ctrl-C and of closed pipes.
    """
    remember_command(words)
    try:
        work = app(args=list(words), prog_name="thinshell", standalone_mode=False)
        with _remembering_interrupts(), _saying_warnings():
            status = work() if callable(work) else work
        if status == INTERRUPTED:  # during parsing and importing, where Typer takes the exception for itself
            raise KeyboardInterrupt
        sys.stdout.flush()
        return status if isinstance(status, int) else DONE
    except BrokenPipeError:
        _silence_stdout()
        return BROKEN_PIPE
    except (KeyboardInterrupt, typer.Abort) as stop:
        _say(str(stop if isinstance(stop, Interrupted) else Interrupted()))
        return INTERRUPTED
    except Exception as error:
        return _failed(error)


def _failed(error: Exception) -> int:
    if isinstance(error, InputError | InputTypeError):
        _say(f"error: {error}")
        return BAD_INPUT
    # Usage errors of Typer and Click, told by what they can do: newer versions of Typer carry a copy of
    # Click of their own, so that the classes' home differs between versions.
    if (format_message := getattr(error, "format_message", None)) is not None:
        # Of the command that was typed; a mistyped command has only the whole.
        command = getattr(getattr(error, "ctx", None), "command_path", "thinshell")
        _say(f"error: {format_message().replace('Value error, ', '').rstrip('.')} (see {command} --help)")
        return BAD_INPUT
    if os.environ.get("THINSHELL_TRACEBACK"):
        traceback.print_exception(error)
    _say(
        f"error: unexpected {type(error).__name__}: {error}; this is a fault of thinshell, not of your data: "
        "set THINSHELL_TRACEBACK=1, run again and report what it prints"
    )
    return INTERNAL_ERROR


def _say(sentence: str) -> None:
    # One line whatever the message holds, and escaped: a file's name must not drive the terminal.
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in " ".join(sentence.split()))
    with contextlib.suppress(BrokenPipeError, ValueError):  # nobody reads, or standard error is closed
        print(f"thinshell: {line}", file=sys.stderr, flush=True)


def _silence_stdout() -> None:
    """Point standard output at nothing, so that Python's own flush at exit does not complain."""
    with contextlib.suppress(OSError, ValueError):  # standard output is not a real file: nothing to flush
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
