"""From a data set to batches: workers that read and preprocess, sizes that fit into memory, like lengths together."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from thinshell.errors import InputError
from thinshell.pretrained.encoder import Encoder

__all__ = ["Batcher", "Group", "ItemLike", "choose_batch_size", "groups"]

# Texts or pictures a batch, where memory does not ask for fewer: larger ones gain nothing on a CPU.
_MOST = {"cpu": 32, "cuda": 512}
# Share of the free memory that activations may take.
_SHARE = {"cpu": 0.25, "cuda": 0.5}


class ItemLike(Protocol):
    """What `groups` asks of a data set."""

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    def load(self, i: int) -> Any:
        """Return a picture or a text, or raise InputError."""
        ...


@dataclass(frozen=True)
class Group:
    """Some items, read and preprocessed.

    Attributes
    ----------
    numbers : list of int
        Which items of the data set these are, ascending, without the broken ones.
    examples : list
        What the encoder made of them.
    broken : list of (int, str)
        Items that could not be used, and why.
    """

    numbers: list[int]
    examples: list[Any]
    broken: list[tuple[int, str]]


class _Groups(Dataset[Group]):
    def __init__(self, items: ItemLike, encoder: Encoder, starts: Sequence[int], size: int, stop: int) -> None:
        # Workers preprocess only: the weights stay where they are.
        self._items, self._examples = items, encoder.examples
        self._starts, self._size, self._stop = starts, size, stop

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, number: int) -> Group:
        first = self._starts[number]
        numbers, loaded, broken = [], [], []
        for i in range(first, min(first + self._size, self._stop)):
            try:
                loaded.append(self._items.load(i))
                numbers.append(i)
            except InputError as error:
                broken.append((i, str(error)))
            except OSError as error:  # the file went away while the run was on
                broken.append((i, f"item {i:,} cannot be read any more ({error})"))
        return Group(numbers, self._examples(loaded) if loaded else [], broken)


def groups(items: ItemLike, encoder: Encoder, *, start: int, stop: int, size: int, workers: int) -> Iterator[Group]:
    """Yield the items from `start` to `stop` in order, `size` at a time, made ready by `workers` processes."""
    data = _Groups(items, encoder, range(start, stop, size), size, stop)
    how: dict[str, Any] = {}
    if workers:
        # Ctrl-C is the main process's to hear; workers end with it.
        how = {"num_workers": workers, "prefetch_factor": 2, "worker_init_fn": _ignore_interrupts}
    yield from DataLoader(data, batch_size=None, shuffle=False, **how)


def _ignore_interrupts(_: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class Batcher:
    """Runs an encoder over groups of examples.

    Parameters
    ----------
    encoder : Encoder
    device : torch.device
    batch_size : int
        Halved, for good, when memory runs out.
    precision : {"32", "bf16", "fp16"}
        Mixed precision by autocast; rows are float32 in any case.
    """

    def __init__(self, encoder: Encoder, device: torch.device, batch_size: int, precision: str) -> None:
        self.encoder, self.device, self.batch_size = encoder, device, batch_size
        self._dtype = {"32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]

    def rows(self, examples: Sequence[Any]) -> np.ndarray:
        """Return one float32 row an example, in their order; batches are made of examples of like length."""
        lengths = [self.encoder.length(example) for example in examples]
        # Longest first: what memory cannot hold shows at once.
        order = sorted(range(len(examples)), key=lambda i: -lengths[i])
        parts, done = [], 0
        while done < len(order):
            chosen = order[done : done + self.batch_size]
            try:
                parts.append(self._encoded([examples[i] for i in chosen]))
            except (torch.OutOfMemoryError, RuntimeError) as error:
                if not _is_memory(error) or self.batch_size == 1:
                    raise
                self.batch_size = max(1, self.batch_size // 2)
                if self.device.type == "cuda":
                    torch.cuda.empty_cache()
                continue
            done += len(chosen)
        rows = np.concatenate(parts)
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        return rows[back]

    @torch.inference_mode()
    def _encoded(self, examples: list[Any]) -> np.ndarray:
        batch = self.encoder.collate(examples)
        if self.device.type == "cuda":
            batch = {name: value.pin_memory() if isinstance(value, Tensor) else value for name, value in batch.items()}
        if self._dtype is None:
            return self.encoder.encode(batch, self.device).cpu().numpy()
        with torch.autocast(self.device.type, dtype=self._dtype):
            return self.encoder.encode(batch, self.device).float().cpu().numpy()


def _is_memory(error: Exception) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def choose_batch_size(encoder: Encoder, examples: Sequence[Any], device: torch.device) -> int:
    """Return how many examples fit into a batch: a power of two, from the activations of one example and what is free.

    Parameters
    ----------
    encoder : Encoder
        Already on `device`.
    examples : sequence
        A few; the longest is tried.
    device : torch.device

    Returns
    -------
    int
        At most 32 on a CPU, 512 on a GPU.
    """
    most = _MOST[device.type]
    if encoder.network is None or not examples:
        return most
    longest = max(examples, key=encoder.length)
    used = _activation_bytes(encoder, longest, device)
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else _free_bytes()
    fits = int(free * _SHARE[device.type] / max(used, 1))
    return min(most, 1 << max(fits, 1).bit_length() - 1)


@torch.inference_mode()
def _activation_bytes(encoder: Encoder, example: Any, device: torch.device) -> int:
    """Bytes of everything that modules return for one example: more than is alive at any time."""
    total = 0

    def count(_module: object, _inputs: object, output: object) -> None:
        nonlocal total
        for value in output if isinstance(output, tuple | list) else (output,):
            if isinstance(value, Tensor):
                total += value.numel() * value.element_size()

    assert encoder.network is not None
    modules = [module for module in encoder.network.modules() if not isinstance(module, torch.jit.ScriptModule)]
    hooks = [module.register_forward_hook(count) for module in modules]
    try:
        encoder.encode(encoder.collate([example]), device)
    finally:
        for hook in hooks:
            hook.remove()
    return total


def _free_bytes() -> int:
    try:
        with open("/proc/meminfo") as file:
            lines = dict(line.split(":", 1) for line in file)
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):  # not Linux: half of what is installed
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2 if hasattr(os, "sysconf") else 2**32
