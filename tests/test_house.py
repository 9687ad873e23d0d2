"""Rules of the house: which room may use which, what an import costs, what every public name owes its reader."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import thinshell

SRC = Path(thinshell.__file__).parent
FILES = sorted(SRC.rglob("*.py"))
# What a room may import, besides itself and the errors.
ROOMS = {
    "statistics": set(),
    "io": set(),
    "sketch": {"statistics"},
    "theory": {"statistics"},
    "diagnosis": {"statistics", "sketch", "io", "theory"},
    "scale": {"diagnosis", "sketch", "io"},
    "gaussian": {"statistics", "sketch", "io", "diagnosis", "theory"},
    "report": set(),
    "objectives": {"theory"},
    "monitoring": {"statistics", "sketch", "diagnosis"},
    "training": {"statistics", "io", "theory", "objectives", "monitoring"},
    "pretrained": {"io", "statistics", "training"},
    "experiments": {
        "statistics",
        "sketch",
        "io",
        "theory",
        "diagnosis",
        "report",
        "objectives",
        "monitoring",
        "training",
        "pretrained",
        "gaussian",
    },
    "cli": {"diagnosis", "report", "scale", "sketch", "io", "gaussian", "training", "pretrained", "experiments"},
}
PUBLIC = (
    "thinshell",
    "thinshell.statistics",
    "thinshell.sketch",
    "thinshell.diagnosis",
    "thinshell.io",
    "thinshell.report",
    "thinshell.theory",
)
if importlib.util.find_spec("distributed"):
    PUBLIC += ("thinshell.scale",)
# Names of `thinshell` itself that an extra brings.
OF_EXTRAS = {"GaussianModel", "Whitener"}
if importlib.util.find_spec("sklearn"):
    PUBLIC += ("thinshell.gaussian",)
    OF_EXTRAS = set()
# These need the train extra; without it their tests are left out.
if importlib.util.find_spec("torch"):
    PUBLIC += (
        "thinshell.objectives",
        "thinshell.monitoring",
        "thinshell.training",
        "thinshell.experiments",
        "thinshell.pretrained",
    )


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


def test_imports_run_one_way():
    wrong = []
    for path in FILES:
        room = path.relative_to(SRC).parts[0]
        if room not in ROOMS:
            continue
        for name in imports_of(path):
            parts = name.split(".")
            if (
                parts[0] == "thinshell"
                and len(parts) > 1
                and parts[1] not in {room, "errors", "_version", "_files", "_devices"} | ROOMS[room]
            ):
                wrong.append(f"{path.name} imports {name}")
    assert not wrong


def test_every_room_is_known():
    rooms = {path.relative_to(SRC).parts[0] for path in FILES if len(path.relative_to(SRC).parts) > 1}
    assert rooms <= set(ROOMS)


def loaded_after(code):
    program = f"import sys; {code}; print(' '.join(sys.modules))"
    return set(
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    )


def test_what_an_extra_brings_says_which_one():
    code = "import sys; sys.modules['sklearn'] = None\nimport thinshell\ntry: thinshell.GaussianModel"
    code += "\nexcept ModuleNotFoundError as error: print(error)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "thinshell.GaussianModel needs sklearn" in done.stdout
    assert done.stdout.strip().endswith("pip install 'thinshell[gaussian]'")


def test_import_is_light():
    loaded = loaded_after("import thinshell")
    assert not loaded & {"torch", "dask", "sklearn", "matplotlib", "numpy", "numba", "scipy", "pyarrow", "rich"}


def test_help_is_light():
    code = "from thinshell.cli import main; main(['--version'])"
    assert not loaded_after(code) & {"numpy", "numba", "scipy", "pyarrow"}


def test_a_diagnosis_needs_nothing_heavy():
    loaded = loaded_after("import thinshell, random; thinshell.diagnose([[random.random()] * 2 for _ in range(99)])")
    assert "numpy" in loaded
    assert not loaded & {"torch", "dask", "sklearn", "matplotlib", "pandas", "scipy.stats", "statsmodels", "pyarrow"}


def public_objects():
    for name in PUBLIC:
        module = importlib.import_module(name)
        assert module.__doc__, name
        for attribute in set(module.__all__) - (OF_EXTRAS if module is thinshell else set()):
            yield f"{name}.{attribute}", getattr(module, attribute)


def test_public_names_are_documented():
    lacking = []
    for name, thing in public_objects():
        if not callable(thing):
            continue
        text = inspect.getdoc(thing) or ""
        wanted = ["Examples"] if inspect.isfunction(thing) else []
        if inspect.isfunction(thing) and inspect.signature(thing).parameters:
            wanted.append("Parameters")
        lacking += [f"{name}: no {word}" for word in wanted if word not in text]
        if not text:
            lacking.append(f"{name}: no docstring")
    assert not lacking


def test_functions_and_files_stay_short():
    long = []
    for path in FILES:
        tree = ast.parse(path.read_text())
        if path.read_text().count("\n") > 400:
            long.append(str(path.relative_to(SRC)))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                text = ast.get_docstring(node, clean=False)
                lines = node.end_lineno - node.lineno + 1 - (text.count("\n") + 1 if text else 0)
                if lines > 60:
                    long.append(f"{path.name}:{node.name} {lines}")
    assert not long


def test_version_is_a_version():
    assert thinshell.__version__.count(".") == 2


def test_unknown_attributes_are_told_and_rooms_are_reached():
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        thinshell.nonsense  # noqa: B018
    assert thinshell.statistics.holm([0.5])[0] == 0.5
    assert "diagnose" in dir(thinshell)
