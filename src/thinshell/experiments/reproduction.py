"""reproduce(): an experiment from its name to its files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from thinshell.errors import InputError, unknown_name
from thinshell.experiments.context import Context, Progress
from thinshell.experiments.experiment import Experiment
from thinshell.experiments.outputs import claim_output, write_outputs
from thinshell.experiments.provenance import other_origins, provenance
from thinshell.experiments.published import paper_values
from thinshell.experiments.registry import EXPERIMENTS
from thinshell.experiments.settings import as_plain, changed, value_at
from thinshell.experiments.tabulate import comparison_table
from thinshell.report.json import to_json

__all__ = ["SCHEMA", "reproduce"]

SCHEMA = "thinshell/reproduction/1"


@dataclass(frozen=True)
class _Asked:
    """What somebody asked for, checked."""

    experiment: Experiment
    settings: Any
    columns: tuple[str, ...]
    quick: bool
    seed: int
    device: str
    command: str
    changes: Mapping[str, Any] = field(default_factory=dict)


def reproduce(
    name: str,
    *,
    out: str | Path = "reproduced",
    quick: bool = False,
    columns: Sequence[str] | None = None,
    data_dir: str | Path | None = None,
    seed: int = 0,
    device: str = "auto",
    resume: bool = False,
    time_limit: float | None = None,
    settings: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    command: str | None = None,
) -> dict[str, Any]:
    """Run one experiment and write its numbers, tables and pictures.

    Parameters
    ----------
    name : str
        A key of ``EXPERIMENTS``.
    out : str or Path
        The files go to ``out/name``: ``result.json``, ``table.md``, pictures, and ``runs`` with the completed parts.
    quick : bool
        The settings for a first look instead of the full ones.
    columns : sequence of str, optional
        Which columns to run, for experiments that have any.
    data_dir : str or Path, optional
        Where data sets lie that are not drawn.
    seed : int
        Of everything random, at least 0.
    device : str
        As for ``thinshell.training.fit``.
    resume : bool
        Go on from the parts that ``out/name`` holds. Without it the folder must be new or empty.
    time_limit : float, optional
        Seconds after which the run saves itself and raises ``Unfinished``.
    settings : mapping, optional
        Changes by dotted name, such as ``{"gmm.mean_std": 0.2}``.
    progress : callable, optional
        Called as ``progress(done, total, words)``; units are about seconds.
    command : str, optional
        What to call the command in the result; the call itself when not given.

    Returns
    -------
    dict
        What ``result.json`` holds (schema "thinshell/reproduction/1").

    Raises
    ------
    InputError
        For an unknown experiment, column or setting (with the nearest name), an output folder that is not empty or
        cannot be written, a data folder that is missing, or a package that is not installed.
    Unfinished
        If the time limit came first.

    References
    ----------
    Betser et al. (ICLR 2026), "InfoNCE Induces Gaussian Distribution".

    Examples
    --------
    >>> reproduce("tabel1")
    Traceback (most recent call last):
        ...
    thinshell.errors.InputError: experiment must be one of ...; did you mean 'table1'?
    """
    asked = _checked(name, quick, columns, seed, device, settings, command)
    _check_packages()
    _check_device(device)
    data = _data_folder(data_dir)
    if time_limit is not None and not time_limit > 0:
        raise InputError(f"time_limit must be a positive number of seconds, got {time_limit}; leave it out for none")
    folder = claim_output(Path(out) / name, resume)
    context = Context(
        folder,
        seed=seed,
        device=device,
        data_dir=data,
        columns=asked.columns,
        time_limit=time_limit,
        **({} if progress is None else {"progress": progress}),
    )
    results = json.loads(to_json(asked.experiment.run(asked.settings, context)))
    result = _result(asked, results, context)
    write_outputs(folder, result, asked.experiment.pictures)
    return result


def _checked(
    name: str,
    quick: bool,
    columns: Sequence[str] | None,
    seed: int,
    device: str,
    changes: Mapping[str, Any] | None,
    command: str | None,
) -> _Asked:
    experiment = EXPERIMENTS[name]
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise InputError(f"seed must be a whole number of at least 0, got {seed!r}")
    chosen = _columns(experiment, columns)
    settings = changed(experiment.quick if quick else experiment.settings, changes or {})
    if isinstance(settings, Mapping) and chosen:
        settings = {column: settings[column] for column in chosen}
    words = command or f"thinshell.experiments.reproduce({name!r})"
    return _Asked(experiment, settings, chosen, quick, seed, device, words, dict(changes or {}))


def _columns(experiment: Experiment, columns: Sequence[str] | None) -> tuple[str, ...]:
    if columns is None:
        return experiment.default_columns
    if not experiment.columns:
        raise InputError(f"{experiment.name} has no columns to choose from; leave --columns out")
    if not columns:
        raise InputError(f"columns must name at least one of {', '.join(experiment.columns)}, got none")
    for column in columns:
        if column not in experiment.columns:
            raise unknown_name("column", column, experiment.columns)
    return tuple(dict.fromkeys(columns))


def _check_packages() -> None:
    for package in ("torch", "lightning", "torchmetrics"):
        if find_spec(package) is None:
            raise InputError(f"reproduce needs {package}, which is not installed; run pip install 'thinshell[train]'")


def _check_device(device: str) -> None:
    from thinshell._devices import choose_device

    choose_device(device)


def _data_folder(data_dir: str | Path | None) -> Path | None:
    if data_dir is None:
        return None
    folder = Path(data_dir)
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise InputError(f"data_dir must be a folder, got {data_dir}, which {what}; give the one with the data")
    return folder


def _result(asked: _Asked, results: dict[str, Any], context: Context) -> dict[str, Any]:
    experiment = asked.experiment
    comparisons = [one.to_dict() for one in experiment.comparisons(results)]
    tables = [table.to_dict() for table in _tables(experiment, results)]
    about = provenance(asked.command, context.seconds, context.origin)
    if others := other_origins(context.origins, context.origin):
        about["parts"] = others
    plain = {
        "schema": SCHEMA,
        "experiment": experiment.name,
        "summary": experiment.summary,
        "place": experiment.place,
        "paper": paper_values()["source"],
        "quick": asked.quick,
        "columns": list(asked.columns),
        "seed": asked.seed,
        "settings": as_plain(asked.settings),
        "changed_settings": dict(asked.changes),
        "choices": _choices(asked),
        "notes": _notes(asked),
        "comparisons": comparisons,
        "tables": tables,
        "about": about,
        "results": results,
    }
    return json.loads(to_json(plain))


def _tables(experiment: Experiment, results: Mapping[str, Any]) -> list[Any]:
    comparisons = experiment.comparisons(results)
    title = f"Ours beside the {experiment.reference}'s"
    beside = [comparison_table(comparisons, experiment.reference, title)] if comparisons else []
    return [*experiment.tables(results), *beside]


def _notes(asked: _Asked) -> list[str]:
    """Return the notes of the experiment and of the columns that were run, each once."""
    of_columns = (note for column in asked.columns for note in asked.experiment.column_notes.get(column, ()))
    return list(dict.fromkeys([*asked.experiment.notes, *of_columns]))


def _choices(asked: _Asked) -> list[dict[str, Any]]:
    """Return what the paper leaves unstated, with the value taken; of columns that were run only."""
    chosen = asked.experiment.choices
    if isinstance(asked.settings, Mapping):  # by column
        chosen = tuple(choice for choice in chosen if choice.setting.split(".")[0] in asked.columns)
    return [asdict(choice) | {"value": as_plain(value_at(asked.settings, choice.setting))} for choice in chosen]
