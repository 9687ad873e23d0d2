"""Networks exported to one file: TorchScript and ONNX, with the preprocessing of the model they came from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from thinshell.errors import InputError
from thinshell.pretrained.encoder import Choices, ProcessedEncoder
from thinshell.pretrained.pooling import pool_tokens
from thinshell.pretrained.processing import ImageProcessor, TextProcessor

__all__ = ["OnnxEncoder", "TorchScriptEncoder"]


class _ExportedEncoder(ProcessedEncoder):
    """What both formats share: files beside the network tell how pictures and texts become tensors.

    Parameters
    ----------
    path : Path
        The exported file.
    choices : Choices
        ``pooling="auto"`` takes two-dimensional output as it is, the first token of pictures' hidden states and the
        mean of texts'.

    Raises
    ------
    InputError
        If the file cannot be read, or nothing tells how to preprocess.
    """

    library: str

    def __init__(self, path: Path, choices: Choices) -> None:
        if choices.layer is not None or choices.pooling in ("projection", "pooler"):
            raise InputError(
                "an exported network gives what it was exported with: layer and pooling 'projection' or 'pooler' do "
                f"not fit {path.name}; leave them out, or choose 'cls', 'mean' or 'last'"
            )
        self.modality = choices.modality
        self.pooling = choices.pooling
        self.normalize = bool(choices.normalize)
        source = Path(choices.processor) if choices.processor else path.parent
        try:
            self.processor = ImageProcessor(source) if choices.modality == "image" else TextProcessor(source, "", None)
        except InputError as error:
            raise InputError(
                f"{path.name} does not tell how its input is made: put preprocessor_config.json (pictures) or the "
                "tokenizer's files (texts) beside it, or name the model it came from by --processor"
            ) from error
        self._open(path)
        self.facts = {
            "library": self.library,
            "class": path.name,
            "layer": "output",
            "pooling": self.pooling,
            "normalized": self.normalize,
            "preprocessing": self.processor.facts,
        }

    def _open(self, path: Path) -> None:
        raise NotImplementedError

    def _output(self, batch: Mapping[str, Tensor], device: torch.device) -> Tensor:
        raise NotImplementedError

    def encode(self, batch: Mapping[str, Tensor], device: torch.device) -> Tensor:
        """Run the network and pool what has more than two dimensions."""
        rows = self._output(batch, device).float()
        if rows.ndim > 2:
            pooling = self.pooling
            if pooling == "auto":
                pooling = "mean" if rows.ndim == 4 or self.modality == "text" else "cls"
            mask = batch.get("attention_mask")
            rows = pool_tokens(rows, pooling, None if mask is None else mask.to(rows.device), 1)
        return torch.nn.functional.normalize(rows) if self.normalize else rows


class TorchScriptEncoder(_ExportedEncoder):
    """A network saved with ``torch.jit.save``, called with pixel values, or with token numbers and mask."""

    library = "torchscript"

    def _open(self, path: Path) -> None:
        try:
            self.network = torch.jit.load(str(path), map_location="cpu").eval()
        except (RuntimeError, ValueError, OSError) as error:
            raise InputError(
                f"{path} cannot be read as TorchScript ({' '.join(str(error).split())[:200]}); a checkpoint of "
                "weights alone holds no network: save it with torch.jit.save"
            ) from error

    def _output(self, batch: Mapping[str, Tensor], device: torch.device) -> Tensor:
        names = ("pixel_values",) if self.modality == "image" else ("input_ids", "attention_mask")
        assert self.network is not None
        output = self.network(*(batch[name].to(device) for name in names if name in batch))
        if isinstance(output, dict):
            output = next(iter(output.values()))
        return output[0] if isinstance(output, tuple | list) else output


class OnnxEncoder(_ExportedEncoder):
    """An ONNX file, run by ONNX Runtime on the CPU, or on the GPU where its provider is installed."""

    library = "onnx"

    def _open(self, path: Path) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise InputError("an ONNX file needs ONNX Runtime; run: pip install onnxruntime") from error
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=onnxruntime.get_available_providers()
            )
        except Exception as error:  # its exceptions are made in C++ and share no base class
            raise InputError(f"{path} cannot be read as ONNX ({' '.join(str(error).split())[:200]})") from error
        self._inputs = [value.name for value in self._session.get_inputs()]

    def _output(self, batch: Mapping[str, Tensor], device: torch.device) -> Tensor:
        arrays = {name: tensor.cpu().numpy() for name, tensor in batch.items()}
        if len(self._inputs) == 1 and self.modality == "image":  # exporters call it x, input or pixel_values
            arrays = {self._inputs[0]: arrays["pixel_values"]}
        if lacking := [name for name in self._inputs if name not in arrays]:
            raise InputError(f"the ONNX file asks for the input {lacking[0]!r}, which the processor does not make")
        output = self._session.run(None, {name: np.ascontiguousarray(arrays[name]) for name in self._inputs})[0]
        return torch.from_numpy(np.asarray(output)).to(device)
