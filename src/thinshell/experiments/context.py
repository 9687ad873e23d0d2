"""What a run of an experiment is given: a seed, a device, a place that remembers completed parts, a clock."""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from thinshell._files import replacing
from thinshell.errors import InputError
from thinshell.experiments.provenance import origin
from thinshell.report.json import to_json

if TYPE_CHECKING:
    from lightning.pytorch import Callback

    from thinshell.training import FitResult, Samples

__all__ = ["Context", "Part", "Progress", "Unfinished"]

# What a fresh slice of a training run gets at least, however late it is: without a step it would never end.
SHORTEST_SLICE = 1.0


class Unfinished(Exception):
    """The time limit came first; what is complete is kept.

    Attributes
    ----------
    done, total : int
        Parts of the experiment.
    folder : Path
        Where they are.
    """

    def __init__(self, done: int, total: int, folder: Path) -> None:
        self.done, self.total, self.folder = done, total, folder
        super().__init__(
            f"the time limit came first: {done} of {total} parts are complete and kept in {folder}; "
            "run the same command with --resume to go on"
        )


class Progress(Protocol):
    """Told how far an experiment is."""

    def __call__(self, done: float, total: float, words: str) -> None:
        """Take note of `done` units of work of `total`, and of what is being done."""
        ...


def _silent(done: float, total: float, words: str) -> None:
    return


class Context:
    """Runs the parts of an experiment once each and remembers them.

    Parameters
    ----------
    folder : Path
        Of the experiment; parts are kept in ``folder/runs``.
    seed : int
        Of everything random.
    device : str
        As for ``thinshell.training.fit``.
    data_dir : Path, optional
        Where data sets lie that are not drawn.
    columns : sequence of str
        The columns asked for, where the experiment has any.
    time_limit : float, optional
        Seconds from now after which the experiment saves itself and raises `Unfinished`.
    progress : Progress, optional
        Told how far it is.
    """

    def __init__(
        self,
        folder: Path,
        *,
        seed: int = 0,
        device: str = "auto",
        data_dir: Path | None = None,
        columns: Sequence[str] = (),
        time_limit: float | None = None,
        progress: Progress = _silent,
    ) -> None:
        self.seed, self.device, self.data_dir, self.columns = seed, device, data_dir, tuple(columns)
        self.runs = folder / "runs"
        self._deadline = None if time_limit is None else time.monotonic() + time_limit
        self._progress = progress
        self._units: dict[str, float] = {}
        self._complete: set[str] = set()
        # Of all parts, those kept from earlier runs included.
        self.seconds = 0.0
        self.origins: dict[str, dict[str, Any]] = {}
        self._origin: dict[str, Any] | None = None

    @property
    def origin(self) -> dict[str, Any]:
        """Which code runs where: looked up once, since a checkout may move on while it runs."""
        self._origin = self._origin or origin(self.device)
        return self._origin

    def plan(self, units: Mapping[str, float]) -> None:
        """Say which parts there will be and how much work each is, in units of about a second."""
        self._units = {name: max(float(work), 1e-9) for name, work in units.items()}

    def part(self, name: str, settings: Mapping[str, Any], work: Callable[[Part], Mapping[str, Any]]) -> dict[str, Any]:
        """Return the result of one part: computed, or as it was kept by an earlier run.

        Parameters
        ----------
        name : str
            Of the file in ``runs``; letters, digits, ``-`` and ``.``.
        settings : mapping
            Everything the result depends on besides the seed, fit for JSON.
        work : callable
            Computes the result, plain data, when given the `Part`.

        Returns
        -------
        dict
            As read back from JSON, plus ``"seconds"``: what computing it took.

        Raises
        ------
        InputError
            If the part was kept with other settings, or cannot be written.
        Unfinished
            If the time is up.
        """
        path = self.runs / f"{name}.json"
        asked = json.loads(to_json({"settings": settings, "seed": self.seed}))
        if not path.exists():
            self._compute(name, path, asked, work)
        kept = _kept(path, asked)
        result = kept["result"]
        self.origins[name] = kept.get("about") or {}
        self._complete.add(name)
        self.seconds += result["seconds"]
        self.tell(name, 0.0)
        return result

    def tell(self, name: str, share: float) -> None:
        """Report that `share` of a part is done."""
        total = sum(self._units.values())
        done = sum(self._units.get(other, 0.0) for other in self._complete)
        number = min(len(self._complete | {name}), len(self._units) or 1)
        words = f"{name} ({number} of {len(self._units) or 1})"
        self._progress(min(done + share * self._units.get(name, 0.0), total), total, words)

    @property
    def seconds_left(self) -> float | None:
        """Until the time limit; None where there is none."""
        return None if self._deadline is None else self._deadline - time.monotonic()

    def unfinished(self) -> Unfinished:
        """Return what is to be raised when the time is up."""
        return Unfinished(len(self._complete), max(len(self._units), 1), self.runs)

    def _compute(
        self, name: str, path: Path, asked: Mapping[str, Any], work: Callable[[Part], Mapping[str, Any]]
    ) -> None:
        if self.seconds_left is not None and self.seconds_left <= 0:
            raise self.unfinished()
        self.tell(name, 0.0)
        about, began = self.origin, time.monotonic()
        part = Part(self, name, asked)
        result = dict(work(part))
        result["seconds"] = round(time.monotonic() - began, 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(to_json({**asked, "about": about, "result": result}), encoding="ascii")
        shutil.rmtree(part.folder, ignore_errors=True)


class Part:
    """One part of an experiment while it is computed.

    Parameters
    ----------
    context : Context
    name : str
    asked : mapping
        Settings and seed, kept beside the checkpoints: what was begun with others is not gone on with.
    """

    def __init__(self, context: Context, name: str, asked: Mapping[str, Any]) -> None:
        self.context, self.name, self._asked = context, name, asked
        self.folder = context.runs / f"{name}.training"

    def fit(
        self,
        module: Any,
        samples: Samples,
        *,
        views: Any,
        epochs: int,
        batch_size: int,
        callbacks: Sequence[Callback] = (),
        loggers: Sequence[str] = (),
        **options: Any,
    ) -> FitResult:
        """Train as ``thinshell.training.fit`` does, with checkpoints in this part's folder.

        Raises
        ------
        Unfinished
            If the time limit cut it short; the same call goes on from the checkpoint.
        """
        from thinshell.experiments.ticker import Ticker
        from thinshell.training import fit

        context, left = self.context, self.context.seconds_left
        self._claim()
        steps = epochs * (len(samples.train) // batch_size)
        with _measuring_in_silence():
            result = fit(
                module,
                samples,
                views=views,
                epochs=epochs,
                batch_size=batch_size,
                seed=context.seed,
                out=self.folder,
                resume=True,
                callbacks=[*callbacks, Ticker(steps, lambda share: context.tell(self.name, share))],
                progress=False,
                device=context.device,
                time_limit=None if left is None else max(left, SHORTEST_SLICE),
                loggers=loggers,
                **options,
            )
        if not result.finished:
            raise context.unfinished()
        return result

    def _claim(self) -> None:
        path = self.folder / "asked.json"
        if path.exists():
            _kept(path, self._asked)
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(to_json({**self._asked, "result": None}), encoding="ascii")


@contextmanager
def _measuring_in_silence() -> Iterator[None]:
    """Keep back the advice to measure less often: when an experiment measures is part of its protocol."""
    logger = logging.getLogger("thinshell.monitoring")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _kept(path: Path, asked: Mapping[str, Any]) -> dict[str, Any]:
    try:
        kept = json.loads(path.read_text(encoding="ascii"))
        made = {name: kept[name] for name in (*asked, "result")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} cannot be read as a part of this run ({error}); delete it and run again") from error
    _check_same(path, {name: made[name] for name in asked}, asked)
    return kept


def _check_same(path: Path, made: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    for name, before, now in _differences(made, asked):
        raise InputError(
            f"{path} was made with {name} = {before}, now it is {now}; "
            "set it back, or choose another --out for the new settings"
        )


def _differences(made: Any, asked: Any, place: str = "") -> list[tuple[str, Any, Any]]:
    if isinstance(made, Mapping) and isinstance(asked, Mapping):
        names = [*asked, *(name for name in made if name not in asked)]
        pairs = [(f"{place}.{name}" if place else name, made.get(name), asked.get(name)) for name in names]
        return [found for name, before, now in pairs for found in _differences(before, now, name)]
    return [] if made == asked else [(place, made, asked)]
