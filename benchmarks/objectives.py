"""The contrastive objectives: whole logits beside tiles, and beside lightly and pytorch-metric-learning.

Each contender lives in a process of its own, so that allocators do not mix; the processes of a group take turns, so
that whatever else the machine does falls on all of them.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import subprocess
import sys
import time
import types
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Timing, _field, _reset_peak

if TYPE_CHECKING:
    from torch import Tensor

N_FEATURES, TEMPERATURE, SEED, CLASSES = 128, 0.1, 0, 100
NOISE = 0.5  # of the second view, in standard deviations of the first
CHUNK = 256  # what the objectives advise
CHUNKS = (256, 512, 1024, 2048, 4096)
# What the tiled InfoNCE must keep to: of the peak memory of the whole one, and of its time.
LARGEST_PEAK, LONGEST_TIME = 1 / 8, 1.5
TOLERANCE = 1e-4
# A contender that asks for more gets an error instead of taking the machine's memory.
LIMIT_GIB = 8
PEERS = {"lightly": "lightly", "pytorch-metric-learning": "pytorch_metric_learning"}
PROTOCOL = (
    "one process a contender; processes of a group take turns, one warm-up round, then the median of the rounds; "
    "forward and backward to both views; peak is VmHWM less VmRSS before the first call"
)


@dataclass(frozen=True)
class Contender:
    """A loss, with the chunk size of ours and the package of the others'."""

    label: str
    kind: str
    chunk_size: int | None = None
    package: str | None = None


@dataclass(frozen=True)
class Group:
    """Contenders that compute the same number from the same batch; the first is what the others are compared with."""

    title: str
    batch: int
    contenders: tuple[Contender, ...]
    comparable: bool = True


def _ours(kind: str, *chunk_sizes: int | None) -> tuple[Contender, ...]:
    return tuple(
        Contender(f"{kind}, " + ("whole" if rows is None else f"tiles of {rows} rows"), kind, rows)
        for rows in chunk_sizes
    )


# The batches of the others are the largest powers of two that leave room on a machine of 24 GiB; `_show_reach` prints
# what the next ones would take.
GROUPS = {
    "infonce": Group("InfoNCE, one direction", 16_384, _ours("InfoNCE", None, *CHUNKS)),
    "tiles": Group(
        "NT-Xent and SupCon in tiles", 16_384, (*_ours("NTXent", CHUNK), *_ours("SupCon", CHUNK)), comparable=False
    ),
    "lightly": Group(
        "NT-Xent beside lightly's",
        8_192,
        (*_ours("NTXent", None, CHUNK), Contender("lightly NTXentLoss", "lightly", package="lightly")),
    ),
    "supcon": Group(
        "SupCon beside pytorch-metric-learning's",
        4_096,
        (
            *_ours("SupCon", None, CHUNK),
            Contender("pytorch-metric-learning SupConLoss", "SupConLoss", package="pytorch-metric-learning"),
        ),
    ),
    "pairs": Group(
        "NT-Xent beside pytorch-metric-learning's",
        256,
        (
            *_ours("NTXent", None, CHUNK),
            Contender("pytorch-metric-learning NTXentLoss", "NTXentLoss", package="pytorch-metric-learning"),
        ),
    ),
}


# Group, which of its contenders (the first is the whole one, the last somebody else's), batch, power of the batch that
# memory grows with: the pairs' NT-Xent compares each of its 2N positive pairs with each of its 4N^2 negative ones.
NOT_RUN = (
    ("lightly", 0, 16_384, 2),
    ("lightly", -1, 16_384, 2),
    ("supcon", -1, 8_192, 2),
    ("pairs", -1, 512, 3),
    ("pairs", -1, 1_024, 3),
)
_VALUES = ("loss", "gradient")


# ---- in the process of a contender ----


def _batch(n: int) -> tuple[Tensor, Tensor, Tensor]:
    import torch

    generator = torch.Generator().manual_seed(SEED)
    first = torch.randn(n, N_FEATURES, generator=generator)
    second = torch.randn(n, N_FEATURES, generator=generator).mul_(NOISE).add_(first)
    labels = torch.randint(CLASSES, (n,), generator=generator)
    return first.requires_grad_(), second.requires_grad_(), labels


def _lightly() -> type:
    """Return lightly's NTXentLoss without torchvision, which its packages import and this loss never uses.

    Its module and those that it imports are the installed ones. Only the `__init__` files above them do not run, and
    `lightly.models.utils` (helpers of vision models; the memory bank takes one of them in distributed runs) is empty.
    """
    try:
        from lightly.loss.ntx_ent_loss import NTXentLoss
    except ImportError:
        for name in [name for name in sys.modules if name.startswith("lightly")]:
            del sys.modules[name]
        spec = importlib.util.find_spec("lightly")
        assert spec is not None
        assert spec.submodule_search_locations
        for name in ("loss", "models", "models.modules"):
            package = types.ModuleType(f"lightly.{name}")
            package.__path__ = [str(Path(spec.submodule_search_locations[0], *name.split(".")))]
            sys.modules[package.__name__] = package
        utils = types.ModuleType("lightly.models.utils")
        sys.modules[utils.__name__] = sys.modules["lightly.models"].utils = utils
        from lightly.loss.ntx_ent_loss import NTXentLoss
    return NTXentLoss


def _loss(kind: str, chunk_size: int | None) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    import torch

    if kind == "lightly":
        lightly = _lightly()(temperature=TEMPERATURE)
        return lambda first, second, labels: lightly(first, second)
    if kind in ("NTXentLoss", "SupConLoss"):
        from pytorch_metric_learning import losses

        theirs = getattr(losses, kind)(temperature=TEMPERATURE)
        # Its NT-Xent takes every other row of the same label as a positive: a label for each row makes it SimCLR's.
        by_row = kind == "NTXentLoss"
        return lambda first, second, labels: theirs(
            torch.cat([first, second]), (torch.arange(len(first)) if by_row else labels).repeat(2)
        )
    from thinshell import objectives

    return getattr(objectives, kind)(TEMPERATURE, chunk_size=chunk_size)


def _limit_memory() -> None:
    held = _field("VmSize")
    if held is None:
        return
    import resource

    most = int(held * 2**20) + LIMIT_GIB * 2**30
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _serve(kind: str, n: int, chunk_size: int | None) -> None:
    """Answer each line of the standard input with the seconds of a run, and its end with value and peak memory."""
    import torch

    first, second, labels = _batch(n)
    loss = _loss(kind, chunk_size)
    _limit_memory()
    before, can_reset = _field("VmRSS"), _reset_peak()
    value = None
    for _ in sys.stdin:
        first.grad = second.grad = value = None
        start = time.perf_counter()
        try:
            value = loss(first, second, labels)
            value.backward()
        except RuntimeError as error:
            if "allocate" not in str(error):
                raise
            print(json.dumps({"failed": f"it asks for more than {LIMIT_GIB} GiB"}), flush=True)
            return
        print(json.dumps({"seconds": time.perf_counter() - start}), flush=True)
    peak = _field("VmHWM")
    assert value is not None
    assert first.grad is not None
    assert second.grad is not None
    report = {
        "threads": torch.get_num_threads(),
        "loss": value.item(),
        "gradient": torch.cat([first.grad, second.grad]).double().norm().item(),
        "extra_peak_mib": None if not can_reset or peak is None or before is None else peak - before,
    }
    print(json.dumps(report), flush=True)


# ---- in the process that compares ----


class _Child:
    """A contender's process, which waits between runs."""

    def __init__(self, contender: Contender, n: int) -> None:
        self.contender, self.seconds, self.failed = contender, list[float](), ""
        command = [sys.executable, "-m", "benchmarks.objectives", contender.kind, str(n)]
        if contender.chunk_size is not None:
            command.append(str(contender.chunk_size))
        root = Path(__file__).parent.parent
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root)

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"failed": "its process ended; see its message above"}

    def run(self, count: bool) -> None:
        """Run once more, unless an earlier run failed."""
        if self.failed:
            return
        assert self.process.stdin is not None
        try:
            self.process.stdin.write("run\n")
            self.process.stdin.flush()
            answer = self._answer()
        except BrokenPipeError:
            answer = {"failed": "its process ended; see its message above"}
        self.failed = answer.get("failed", "")
        if count and not self.failed:
            self.seconds.append(answer["seconds"])

    def end(self) -> dict[str, Any]:
        """Return timing, value and size of the gradient, or why there are none."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        report = {"failed": self.failed} if self.failed else self._answer()
        if "failed" in report:
            return report
        low, high = min(self.seconds), max(self.seconds)
        report["timing"] = Timing(median(self.seconds), low, high, len(self.seconds), report.pop("extra_peak_mib"))
        return report


def _measure(group: Group, runs: int, console: Console) -> dict[str, dict[str, Any]]:
    """Return the report of each contender that is installed and got through."""
    there = [one for one in group.contenders if one.package is None or _installed(one.package)]
    children = [_Child(contender, group.batch) for contender in there]
    try:
        for turn in range(runs + 1):
            for child in children:
                child.run(count=turn > 0)
        reports = {child.contender.label: child.end() for child in children}
    finally:
        for child in children:
            child.process.kill()
            child.process.wait()
    for label, report in reports.items():
        if "failed" in report:
            console.print(f"{label}, batch {group.batch:,}: left out, {report['failed']}")
    return {label: report for label, report in reports.items() if "failed" not in report}


def _installed(package: str) -> bool:
    return importlib.util.find_spec(PEERS[package]) is not None


def _compared(group: Group, reports: dict[str, dict[str, Any]]) -> dict[str, dict[str, float | None]]:
    """Return time and peak as multiples of the first contender's, and relative differences from its value."""
    base = reports.get(group.contenders[0].label)
    if base is None or not group.comparable:
        return {}
    against, compared = base["timing"], {}
    for label, report in reports.items():
        timing = report["timing"]
        known = timing.extra_peak_mib is not None and against.extra_peak_mib is not None
        compared[label] = {
            "time": timing.seconds / against.seconds,
            "peak": timing.extra_peak_mib / against.extra_peak_mib if known else None,
            "loss": abs(report["loss"] / base["loss"] - 1),
            "gradient": abs(report["gradient"] / base["gradient"] - 1),
        }
    return compared


def _show(group: Group, reports: dict[str, dict[str, Any]], compared: dict[str, dict[str, float | None]]) -> Table:
    table = Table(title=f"{group.title}: forward and backward, batch {group.batch:,} x {N_FEATURES} float32")
    for head in ("", "seconds", "extra peak MiB", "x time", "x peak", "loss differs", "gradient differs"):
        table.add_column(head, justify="left" if not head else "right")
    for label, report in reports.items():
        timing, ratio = report["timing"], compared.get(label, {})
        peak = "" if timing.extra_peak_mib is None else f"{timing.extra_peak_mib:,.0f}"
        row = [label, f"{timing.seconds:.4g}", peak]
        for name, digits in (("time", "3f"), ("peak", "4f"), ("loss", "1e"), ("gradient", "1e")):
            number = ratio.get(name)
            row.append("" if number is None else f"{number:.{digits}}")
        table.add_row(*row)
    return table


def _bounds(ratio: dict[str, float | None]) -> dict[str, dict[str, float | bool]]:
    """Return what was measured of the tiled InfoNCE, what it must keep to, and whether it does."""
    bounds = {}
    for name, most in (("peak", LARGEST_PEAK), ("time", LONGEST_TIME)):
        measured = ratio.get(name)
        if measured is not None:
            holds = measured < most if name == "peak" else measured <= most
            bounds[name] = {"measured": measured, "bound": most, "holds": holds}
    return bounds


def _show_reach(all_reports: dict[str, dict[str, dict[str, Any]]], console: Console) -> None:
    """Say what the batches that were not run would take."""
    for name, at, batch, power in NOT_RUN:
        label = GROUPS[name].contenders[at].label
        report = all_reports.get(name, {}).get(label)
        if report is None or report["timing"].extra_peak_mib is None:
            continue
        gib = report["timing"].extra_peak_mib * (batch / GROUPS[name].batch) ** power / 1024
        console.print(
            f"{label}: batch {batch:,} not run, it would take about {gib:,.0f} GiB (from the peak at "
            f"{GROUPS[name].batch:,}; it grows with the batch to the power {power})"
        )


def versions() -> dict[str, str]:
    """Return the versions of torch and of the others' packages, as far as they are installed."""
    return {package: version(package) for package in ("torch", *(name for name in PEERS if _installed(name)))}


def measure_objectives(runs: int, console: Console) -> dict[str, Any]:
    """Run all groups, print a table each, and return what benchmarks/results/objectives.json holds."""
    for package in (package for package in PEERS if not _installed(package)):
        console.print(f"{package} is missing here: pip install --no-deps -c constraints.txt {package}")
    reports, compared = {}, {}
    for name, group in GROUPS.items():
        reports[name] = _measure(group, runs, console)
        compared[name] = _compared(group, reports[name])
        console.print(_show(group, reports[name], compared[name]))
    bounds = _bounds(compared["infonce"].get(GROUPS["infonce"].contenders[1].label, {}))
    for name, bound in bounds.items():
        said = "holds" if bound["holds"] else "DOES NOT HOLD"
        console.print(f"InfoNCE in tiles of {CHUNK} rows, {name}: {bound['measured']:.4g} of the whole one's, ", end="")
        console.print(f"{'below' if name == 'peak' else 'at most'} {bound['bound']:g} required: {said}")
    differences = [ratio[what] for group in compared.values() for ratio in group.values() for what in _VALUES]
    worst = max(differences, default=0.0)
    said = "holds" if worst <= TOLERANCE else "DOES NOT HOLD"
    console.print(f"largest relative difference of losses and gradients: {worst:.1e}, at most {TOLERANCE:g}: {said}")
    _show_reach(reports, console)
    shape = {"n_features": N_FEATURES, "temperature": TEMPERATURE, "noise": NOISE, "classes": CLASSES, "seed": SEED}
    return {
        **shape,
        "batches": {name: group.batch for name, group in GROUPS.items()},
        "threads": max((report["threads"] for group in reports.values() for report in group.values()), default=None),
        "protocol": PROTOCOL,
        "bounds": bounds,
        "agreement": _parts(compared, _VALUES),
        "ratios": _parts(compared, ("time", "peak")),
        "timings": {
            name: {label: report["timing"].to_dict() for label, report in group.items()}
            for name, group in reports.items()
        },
    }


def _parts(compared: dict[str, dict[str, dict[str, Any]]], names: tuple[str, ...]) -> dict[str, Any]:
    return {
        group: {label: {name: ratio[name] for name in names} for label, ratio in ratios.items()}
        for group, ratios in compared.items()
    }


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else None)
