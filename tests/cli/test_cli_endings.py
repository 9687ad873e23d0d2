"""How a run ends: exit status, one sentence, nothing half-written, nothing heavy loaded too early."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from thinshell import __version__

COMMANDS = ["diagnose", "compare", "fit", "score", "whiten", "embed", "train", "reproduce", "report", "sketch"]


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["-h"], [], ["diagnose", "--help"]])
def test_asking_for_help_or_version_is_done_with_0(run, words) -> None:
    ended = run(*words)
    assert (ended.status, ended.err) == (0, "")
    assert (f"thinshell {__version__}\n" == ended.out) if words == ["--version"] else ("Usage:" in ended.out)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["diagnose"], "Missing argument"),
        (["diagnse", "x"], "No such command 'diagnse'"),
        (["diagnose", "x", "--protocol", "fast"], "'fast' is not one of 'both', 'paper', 'full'"),
        (["diagnose", "x", "--normalize", "L3"], "'L3' is not one of 'none', 'l2', 'zscore', 'whiten'"),
        (["diagnose", "x", "--fail-on", "doubt"], "'doubt' is not"),
        (["diagnose", "x", "--seed", "one"], "'--seed'"),
        (["diagnose", "x", "--sed", "1"], "No such option: --sed"),
        (
            ["compare", "x"],
            "compare needs at least two data sets, got 1; for a single one use thinshell diagnose",
        ),
    ],
)
def test_bad_usage_is_one_sentence_and_2(run, words, sentence) -> None:
    ended = run(*words)
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith("thinshell: error: ")
    assert ended.err.count("\n") == 1
    assert sentence in ended.err


def test_nothing_heavy_is_loaded_before_the_work_begins() -> None:
    code = (
        "import sys; from thinshell.cli import main; main(['--help']); main(['compare', 'x', '--seed', 'y']);"
        "heavy = {'numpy', 'scipy', 'numba', 'pyarrow', 'safetensors'} & set(sys.modules);"
        "sys.exit(f'loaded: {sorted(heavy)}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_unexpected_error_is_one_sentence_and_70(run, stand_in, monkeypatch) -> None:
    def broken(*_, **__):
        raise ZeroDivisionError("division\nby zero")

    stand_in(broken)
    ended = run("diagnose", "x")
    assert ended.status == 70
    assert ended.err.count("\n") == 1
    assert "unexpected ZeroDivisionError: division by zero" in ended.err
    assert "THINSHELL_TRACEBACK=1" in ended.err
    monkeypatch.setenv("THINSHELL_TRACEBACK", "1")
    assert "Traceback (most recent call last)" in run("diagnose", "x").err


def test_an_error_text_cannot_drive_the_terminal(run) -> None:
    ended = run("diagnose", "\x1b[31mno-such-file\n.npy")
    assert ended.status == 2
    assert r"\x1b[31mno-such-file" in ended.err
    assert "\x1b" not in ended.err
    assert ended.err.count("\n") == 1


def test_a_warning_of_the_library_is_said_as_everything_else(run, stand_in, gaussian) -> None:
    def work(*_, **__):
        logging.getLogger("thinshell.monitoring").warning("watching takes %d %%", 9)
        logging.getLogger("thinshell.monitoring").info("not for everybody")
        return stand_in.StandIn()

    stand_in(work)
    ended = run("diagnose", gaussian, "--quiet")
    assert (ended.status, ended.err) == (0, "thinshell: watching takes 9 %\n")
    assert not logging.getLogger("thinshell").handlers


def test_fail_on_departure(run, stand_in) -> None:
    for verdict, status in [("departure", 1), ("consistent", 0), ("inconclusive", 0), ("not_applicable", 0)]:
        stand_in(lambda *_, verdict=verdict, **__: stand_in.StandIn(verdict))
        assert run("diagnose", "x", "--fail-on", "departure").status == status
        assert run("diagnose", "x").status == 0


def test_interrupted_leaves_nothing_behind(run, stand_in, tmp_path) -> None:
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    stand_in(interrupted)
    ended = run("diagnose", "x", "--json", tmp_path / "x.json", "--save-sketch", tmp_path / "x.safetensors")
    assert (ended.status, ended.out) == (130, "")
    assert ended.err == "thinshell: interrupted; nothing was written\n"
    assert list(tmp_path.iterdir()) == []


def test_interrupted_while_words_are_parsed_is_said_too(run, monkeypatch) -> None:
    # Typer takes the exception there and returns 130 without a word.
    monkeypatch.setattr("thinshell.cli.app.app", lambda *_, **__: 130)
    ended = run("diagnose", "x")
    assert (ended.status, ended.err) == (130, "thinshell: interrupted; nothing was written\n")


def test_interrupted_while_writing_leaves_nothing_behind(run, stand_in, tmp_path) -> None:
    class Slow(stand_in.StandIn):
        def save(self, path: Path) -> None:
            Path(path).write_bytes(b"half")
            raise KeyboardInterrupt

    stand_in(lambda *_, **__: Slow())
    ended = run("diagnose", "x", "--json", tmp_path / "x.json", "--save-sketch", tmp_path / "x.safetensors")
    assert (ended.status, ended.err) == (130, "thinshell: interrupted; nothing was written\n")
    assert list(tmp_path.iterdir()) == []


def test_interrupted_after_writing_names_what_is_complete(run, stand_in, monkeypatch, tmp_path) -> None:
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    stand_in()
    monkeypatch.setattr("thinshell.report.print_diagnosis", interrupted)
    ended = run("diagnose", "x", "--json", tmp_path / "x.json")
    assert ended.status == 130
    assert ended.err == f"thinshell: interrupted; already complete: {tmp_path / 'x.json'}\n"


def test_a_ctrl_c_that_was_swallowed_is_heard_after_the_next_block(run, stand_in, tmp_path) -> None:
    before = signal.getsignal(signal.SIGINT)

    def deaf(*_, progress, **__):
        # As a destructor or a callback from C does with the exception of a signal.
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        progress(1, 2)
        raise AssertionError("went on after Ctrl-C")

    stand_in(deaf)
    ended = run("diagnose", "x", "--json", tmp_path / "x.json")
    assert (ended.status, ended.err) == (130, "thinshell: interrupted; nothing was written\n")
    assert signal.getsignal(signal.SIGINT) is before


def _turned_into_an_error(*_, **__):
    # As Numba does with a Ctrl-C that comes while LLVM compiles: RuntimeError("no compiled object yet").
    with contextlib.suppress(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
    raise RuntimeError("no compiled object yet")


def test_a_ctrl_c_that_a_library_made_an_error_of_its_own_is_an_interruption(run, stand_in, tmp_path) -> None:
    stand_in(_turned_into_an_error)
    ended = run("diagnose", "x", "--json", tmp_path / "x.json")
    assert (ended.status, ended.err) == (130, "thinshell: interrupted; nothing was written\n")
    stand_in()  # and the next run in the same process has forgotten it
    assert run("diagnose", "x", "--json", tmp_path / "x.json").status == 0


def test_such_a_ctrl_c_after_writing_names_what_is_complete(run, stand_in, monkeypatch, tmp_path) -> None:
    stand_in()
    monkeypatch.setattr("thinshell.report.print_diagnosis", _turned_into_an_error)
    ended = run("diagnose", "x", "--json", tmp_path / "x.json")
    assert (ended.status, ended.err) == (130, f"thinshell: interrupted; already complete: {tmp_path / 'x.json'}\n")


def test_an_error_without_ctrl_c_stays_an_error(run, stand_in) -> None:
    def broken(*_, **__):
        raise RuntimeError("no compiled object yet")

    stand_in(broken)
    assert run("diagnose", "x").status == 70


def test_ctrl_c_waits_until_a_compiler_has_let_go_of_its_locks(run, stand_in, tmp_path) -> None:
    compiler = {"__name__": "numba.core.compiler", "os": os, "signal": signal, "time": time, "done": []}
    code = "def compile():\n  os.kill(os.getpid(), signal.SIGINT)\n  time.sleep(0.2)\n  done.append(True)"
    exec(code, compiler)

    def compiling(*_, **__):
        compiler["compile"]()
        time.sleep(30)

    stand_in(compiling)
    began = time.monotonic()
    ended = run("diagnose", "x", "--json", tmp_path / "x.json")
    assert (ended.status, ended.err) == (130, "thinshell: interrupted; nothing was written\n")
    assert compiler["done"] == [True]
    assert time.monotonic() - began < 20


def test_a_ctrl_c_that_was_put_off_does_not_come_again_while_cleaning_up(run, stand_in, tmp_path) -> None:
    compiler = {"__name__": "numba.core.compiler", "os": os, "signal": signal}
    exec("def compile():\n  os.kill(os.getpid(), signal.SIGINT)", compiler)
    cleaned = []

    def compiling(*_, progress, **__):
        compiler["compile"]()
        try:
            progress(1, 2)  # hears it before it is asked again
        finally:
            time.sleep(0.3)
            cleaned.append(True)

    stand_in(compiling)
    ended = run("diagnose", "x", "--json", tmp_path / "x.json")
    assert (ended.status, ended.err) == (130, "thinshell: interrupted; nothing was written\n")
    assert cleaned == [True]


def test_ctrl_c_in_the_middle_of_a_large_file(tmp_path) -> None:
    big = tmp_path / "big.npy"
    header = b"\x93NUMPY\x01\x00\x76\x00"
    words = "{'descr': '<f4', 'fortran_order': False, 'shape': (64000000, 128), }"
    big.write_bytes(header + words.ljust(117).encode() + b"\n")
    os.truncate(big, 128 + 64000000 * 128 * 4)  # 32 GB of zeros that take no room on the disk
    command = [sys.executable, "-m", "thinshell", "diagnose", str(big), "--json", str(tmp_path / "x.json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            process.wait(timeout=4)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err == "thinshell: interrupted; nothing was written\n"
    assert list(tmp_path.iterdir()) == [big]


def test_after_ctrl_c_the_process_waits_for_no_thread() -> None:
    code = (
        "import threading, thinshell.cli as cli\n"
        "threading.Thread(target=threading.Event().wait).start()\n"
        "cli.main = lambda: print('said') or 130\n"
        "raise SystemExit(cli.entry())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "said\n", "")


def test_a_reader_that_goes_away_is_no_error(gaussian) -> None:
    code = "import sys, thinshell.cli; sys.exit(thinshell.cli.main(['diagnose', sys.argv[1], '--json', '-']))"
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as nobody:
        done = subprocess.run(
            [sys.executable, "-c", code, str(gaussian)], stdout=nobody, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (141, b"")


def test_shell_completion_offers_commands_and_options() -> None:
    def complete(words: str, place: int) -> list[str]:
        variables = {"_THINSHELL_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(place)}
        command = [sys.executable, "-m", "thinshell"]
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | variables, check=True)
        return done.stdout.split()

    assert complete("thinshell ", 1) == COMMANDS
    assert "--normalize" in complete("thinshell diagnose --no", 2)
    assert complete("thinshell diagnose --protocol ", 3) == ["both", "paper", "full"]
