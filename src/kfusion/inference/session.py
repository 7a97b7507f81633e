"""An ONNX file that `kfusion export` wrote, open on the CPU, with what it says about itself."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from kfusion.bundle_format import BUNDLE_FORMAT
from kfusion.errors import CheckpointError, InputError, MissingWeightsError, foreign
from kfusion.files import check_file, is_utf8
from kfusion.inference.external import names_other_files
from kfusion.landmarks import Points

BUNDLE_NAME = "model.onnx"
_FATAL = 4
_DAMAGED = "not a kfusion bundle, or damaged"
_REMEDY = "pass a file that `kfusion export` wrote"


class Session:
    """A network of this package in onnxruntime: a run takes one thread, and any number may run at once.

    Args:
        path: an `.onnx` file, or a folder with `model.onnx`.

    Raises:
        MissingWeightsError: there is no such file, or a folder holds no exported model.
        CheckpointError: the file may not be read, is not a bundle, is damaged, or has another format version.
    """

    def __init__(self, path: Path) -> None:
        self.path = _bundle_file(path)
        self._native = _open(self.path)
        with foreign(f"{self.path}: {_DAMAGED}", _REMEDY, CheckpointError):  # texts in it may be no UTF-8
            said, ports = self._native.get_modelmeta().custom_metadata_map, self._native.get_inputs()
            self.metadata: dict[str, str] = dict(said)
            self.inputs: dict[str, tuple[Any, ...]] = {port.name: tuple(port.shape) for port in ports}
            """Name -> shape of every input, in order."""
        _check_format(self.path, self.metadata.get("kfusion_format"))

    def run(self, outputs: Sequence[str] | None, feed: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
        """The outputs called so, or all of them.

        Raises:
            CheckpointError: the network does not run.
        """
        with foreign(f"{self.path}: the network does not run", "export the model again", CheckpointError):
            found: list[NDArray[np.float32]] = self._native.run(outputs, feed)
        return found

    @property
    def emotions(self) -> tuple[str, ...]:
        """The emotions that the network was trained with; empty if it was trained without labels."""
        return tuple(filter(None, self.metadata["emotions"].split(",")))

    @property
    def precision(self) -> str:
        """Of the arithmetic on large matrices: `float32` or `int8`."""
        return self.metadata.get("precision", "float32")

    @contextmanager
    def reading(self) -> Iterator[dict[str, str]]:
        """The metadata, to make a card of.

        Raises:
            CheckpointError: something is missing there or makes no sense.
        """
        try:
            yield self.metadata
        except (KeyError, ValueError) as error:
            raise CheckpointError(f"{self.path}: damaged metadata ({error}): export the model again") from error

    def check_points(self, points: Points, shape: tuple[int, ...]) -> Points:
        """`points` if they are landmarks of this shape.

        Raises:
            CheckpointError: they are not, or not finite.
        """
        if points.shape != shape:
            raise CheckpointError(f"{self.path}: gave landmarks of shape {points.shape}, not {shape}: export it again")
        if not np.isfinite(points).all():
            raise CheckpointError(f"{self.path}: gave landmarks that are not finite numbers: train or export it again")
        return points


def _bundle_file(path: Path) -> Path:
    if path.is_dir():
        inside = path / BUNDLE_NAME
        if not inside.is_file():
            raise MissingWeightsError(f"{path}: holds no {BUNDLE_NAME}: run `kfusion export {path}` first")
        path = inside
    if not path.exists():
        raise MissingWeightsError(f"{path}: no such model: pass an .onnx bundle or a folder with {BUNDLE_NAME}")
    try:
        check_file(path, "model")
    except InputError as error:
        raise CheckpointError(f"{path}: not a kfusion bundle ({error})") from error
    if not is_utf8(path):
        raise CheckpointError(f"{path}: onnxruntime opens no file whose name is not UTF-8: rename it")
    return path


def _open(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = _FATAL
    with foreign(f"{path}: {_DAMAGED}", _REMEDY, CheckpointError):
        _check_self_contained(path)
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _check_self_contained(path: Path) -> None:
    if names_other_files(path):
        raise CheckpointError(
            f"{path}: keeps weights in other files (ONNX external data), which no kfusion bundle does: {_REMEDY}"
        )


def _check_format(path: Path, version: str | None) -> None:
    if version is None:
        raise CheckpointError(f"{path}: an ONNX file, but not a kfusion bundle: pass one that `kfusion export` wrote")
    if version != BUNDLE_FORMAT:
        raise CheckpointError(
            f"{path}: bundle format {version}, this version of kfusion reads {BUNDLE_FORMAT}: "
            "update kfusion, or export the model again"
        )
