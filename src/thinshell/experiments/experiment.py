"""What an experiment is: settings, a computation, tables and pictures, each a plain function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from thinshell.experiments.context import Context

__all__ = ["Choice", "Comparison", "Experiment", "Picture", "Table"]


@dataclass(frozen=True)
class Choice:
    """Something the paper leaves unstated, what is taken here, and why.

    Attributes
    ----------
    setting : str
        Name of the field of the settings, dotted where it lies deeper.
    reason : str
        Why this value; printed beside it.
    """

    setting: str
    reason: str


@dataclass(frozen=True)
class Comparison:
    """One number of ours beside the paper's (or the theory's).

    Attributes
    ----------
    where, what : str
        The column or run, and the number's name.
    ours, reference : float or None
        None where there is none.
    tolerance : float or None
        How far apart the two may be; None where the reference only stands for orientation.
    baseline : float or None
        The same number before training.
    kind : {"number", "share", "cv", "count"}
        How it is printed.
    """

    where: str
    what: str
    ours: float | None
    reference: float | None
    tolerance: float | None = None
    baseline: float | None = None
    kind: str = "number"

    @property
    def within(self) -> bool | None:
        """Whether the two are within the tolerance; None where that cannot be said."""
        if self.ours is None or self.reference is None or self.tolerance is None:
            return None
        # Rounded: the paper prints two decimals, and .0300000001 is not beyond .03.
        return round(abs(self.ours - self.reference), 9) <= self.tolerance

    def to_dict(self) -> dict[str, Any]:
        """Return the fields and `within` as a plain dictionary."""
        return {
            "where": self.where,
            "what": self.what,
            "ours": self.ours,
            "reference": self.reference,
            "tolerance": self.tolerance,
            "baseline": self.baseline,
            "kind": self.kind,
            "within": self.within,
        }


@dataclass(frozen=True)
class Table:
    """A table of text, ready to be printed.

    Attributes
    ----------
    title : str
    header : sequence of str
    rows : sequence of sequences of str
        As long as `header` each.
    notes : sequence of str
        Sentences below the table.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a plain dictionary."""
        return {
            "title": self.title,
            "header": list(self.header),
            "rows": [list(row) for row in self.rows],
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Picture:
    """A figure file.

    Attributes
    ----------
    name : str
        Of the files, without suffix.
    size : tuple of float
        Width and height in inches.
    draw : callable
        ``draw(results, figure)`` fills an empty matplotlib figure from what `Experiment.run` returned.
    """

    name: str
    size: tuple[float, float]
    draw: Callable[[Mapping[str, Any], Figure], None]


@dataclass(frozen=True)
class Experiment:
    """One table or figure of the paper, or one experiment beside it.

    Attributes
    ----------
    name : str
        As on the command line.
    summary : str
        One line.
    place : str
        Where the paper prints it; empty for an experiment of ours.
    settings, quick : object
        Frozen dataclasses of one type: the full protocol and one for a first look.
    run : callable
        ``run(settings, context)`` returns plain data with all numbers.
    comparisons : callable
        ``comparisons(results)`` returns `Comparison` records; empty where the paper prints nothing to compare with.
    tables : callable
        ``tables(results)`` returns further `Table` records.
    pictures : tuple of Picture
    choices : tuple of Choice
        What the paper leaves unstated.
    notes : tuple of str
        How the settings differ from the paper's, and other things to know before reading a number.
    column_notes : mapping of str to tuple of str
        Notes that belong to one of the columns, given when it was run.
    columns : tuple of str
        What ``--columns`` may name; empty where there is nothing to choose.
    default_columns : tuple of str
        Those of a run without ``--columns``.
    reference : str
        What `Comparison.reference` is, for the tables' header.
    """

    name: str
    summary: str
    place: str
    settings: Any
    quick: Any
    run: Callable[[Any, Context], dict[str, Any]]
    comparisons: Callable[[Mapping[str, Any]], Sequence[Comparison]] = field(default=lambda results: ())
    tables: Callable[[Mapping[str, Any]], Sequence[Table]] = field(default=lambda results: ())
    pictures: tuple[Picture, ...] = ()
    choices: tuple[Choice, ...] = ()
    notes: tuple[str, ...] = ()
    column_notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    default_columns: tuple[str, ...] = ()
    reference: str = "paper"
