"""Shards on a Dask cluster."""

from __future__ import annotations

import contextlib
import re
import uuid
from concurrent.futures import CancelledError
from types import TracebackType
from typing import Any

from distributed import Client, Future, LocalCluster, as_completed
from distributed.comm.core import CommClosedError
from distributed.scheduler import KilledWorker

from thinshell.diagnosis.shards import Progress, Shard, ShardSketch, merge_shards, sketch_shard
from thinshell.errors import InputError
from thinshell.io.urls import without_password
from thinshell.sketch import FAN_IN

__all__ = ["Dask"]

_LOCAL = re.compile(r"local(?::(\d+))?")
_TIMEOUT = "10s"
# A worker that dies takes its shard's work with it, not the run: the scheduler gives the shard to another.
_RETRIES = 2


class Dask:
    """A Dask cluster that sketches files and URLs.

    Workers open the files themselves and merge the sketches among themselves, `thinshell.sketch.FAN_IN` neighbours at
    a time; nothing but sketches moves, and one of them comes back: the same, byte for byte, as one process makes from
    these files in this order.

    Parameters
    ----------
    cluster : str or distributed.Client
        The address of a scheduler such as ``"tcp://host:8786"``; ``"local"`` or ``"local:4"`` for processes on this
        machine, one a CPU or so many; or a client, which is left open.

    Raises
    ------
    InputError
        If nobody answers at the address.

    Examples
    --------
    >>> import thinshell as ts
    >>> with ts.scale.Dask("local:2") as cluster:  # doctest: +SKIP
    ...     ts.diagnose("shards/*.parquet", cluster=cluster)
    """

    def __init__(self, cluster: str | Client) -> None:
        self._closing = contextlib.ExitStack()
        if not isinstance(cluster, str):
            self.client = cluster
            return
        local = _LOCAL.fullmatch(cluster)
        try:
            if local:
                # One thread a worker: the kernels share out a block among threads of their own. Any free port for the
                # dashboard, or a second run beside this one would complain.
                options: dict[str, Any] = {"threads_per_worker": 1, "dashboard_address": ":0", "processes": True}
                workers = int(local[1]) if local[1] else None
                if workers == 0:
                    raise InputError("dask must have at least one worker, got local:0; write local for one a CPU")
                here = self._closing.enter_context(LocalCluster(n_workers=workers, **options))
                self.client = self._closing.enter_context(Client(here))
            else:
                self.client = self._closing.enter_context(Client(cluster, timeout=_TIMEOUT))
        except (OSError, TimeoutError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(
                f"dask must be the address of a running scheduler such as tcp://host:8786, or local, got {cluster!r} "
                f"({reason})"
            ) from error

    def __enter__(self) -> Dask:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave the cluster; end it where it was started here."""
        self._closing.close()

    def sketch(self, shards: list[Shard], progress: Progress | None = None) -> ShardSketch:
        """Sketch shards on the workers and merge them there.

        Parameters
        ----------
        shards : list of Shard
        progress : callable, optional
            Called as ``progress(rows_done, rows_total or None)`` whenever shards are done.

        Returns
        -------
        ShardSketch

        Raises
        ------
        InputError
            If a file cannot be read (unless the plan says to skip it), or its worker died again and again.
        """
        root, leaves = self._submitted(shards)
        numbers = {future.key: number for number, future in enumerate(leaves)}
        rows = [shard.n_samples for shard in shards]
        total, done = None if None in rows else sum(filter(None, rows)), 0
        finished = as_completed(leaves)
        # Whoever holds a future keeps its sketch in a worker's memory: only what is not done yet is held.
        leaves.clear()
        try:
            for future in finished:
                number = numbers[future.key]
                if future.status == "error":
                    raise _explained(future.exception(), shards[number])
                done += rows[number] or 0
                if progress is not None:
                    progress(done, total)
            return root.result()
        except (KilledWorker, CancelledError, CommClosedError) as error:
            raise InputError(f"the cluster gave up ({error}); look at the logs of its workers") from error
        finally:
            with contextlib.suppress(Exception):  # the cluster may be gone
                self.client.cancel([root], force=True)

    def _submitted(self, shards: list[Shard]) -> tuple[Future, list[Future]]:
        """Submit the tree; return its root and the tasks of the shards.

        A group is submitted as a whole, its merge before the next group's shards: earlier tasks come first, so that few
        sketches wait to be merged, however many shards there are.
        """
        run, leaves, level = uuid.uuid4().hex[:8], [], []
        for first in range(0, len(shards), FAN_IN):
            group = [
                self.client.submit(sketch_shard, shard, key=f"sketch-{run}-{first + k}", retries=_RETRIES)
                for k, shard in enumerate(shards[first : first + FAN_IN])
            ]
            leaves += group
            level.append(self.client.submit(merge_shards, group, key=f"merge-{run}-0-{first}"))
        depth = 1
        while len(level) > 1:
            level = [
                self.client.submit(merge_shards, level[k : k + FAN_IN], key=f"merge-{run}-{depth}-{k}")
                for k in range(0, len(level), FAN_IN)
            ]
            depth += 1
        return level[0], leaves


def _explained(error: BaseException | None, shard: Shard) -> InputError:
    if isinstance(error, InputError):
        return error
    paths = ", ".join(map(without_password, shard.paths[:3])) + (" …" if len(shard.paths) > 3 else "")
    if isinstance(error, KilledWorker):
        return InputError(
            f"{paths}: every worker that read it died (memory?); give workers more memory, or leave it out"
        )
    return InputError(f"{paths} could not be sketched by the cluster ({type(error).__name__}: {error})")
