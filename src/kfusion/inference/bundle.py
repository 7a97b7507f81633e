"""The ONNX bundle: one file with the network and what is needed to run it.

inputs   samples (1, N) float32 at 16 kHz, identity (1, 68, 2) float32 in the unit frame, emotion (1, 2) int64
output   landmarks (1, T, 68, 2) float32 in the unit frame, T = ceil(N * fps / 16000)
metadata kfusion_format, model_id, fps, window_s, context_s, emotions
"""

from dataclasses import dataclass
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as native

from kfusion.audio import MIN_DURATION_S, SAMPLE_RATE_HZ, Samples
from kfusion.errors import CheckpointError, InputError, MissingWeightsError
from kfusion.landmarks import POINT_COUNT, Points, frame_count

BUNDLE_FORMAT = "1"
BUNDLE_NAME = "model.onnx"
INPUTS = {"samples", "identity", "emotion"}
OUTPUT = "landmarks"
MIN_SAMPLES = round(MIN_DURATION_S * SAMPLE_RATE_HZ)
_FATAL = 4
_RUNTIME_ERRORS = (
    native.EPFail,
    native.Fail,
    native.InvalidArgument,
    native.InvalidGraph,
    native.InvalidProtobuf,
    native.NoModel,
    native.NoSuchFile,
    native.NotImplemented,
    native.RuntimeException,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleCard:
    """What a bundle says about itself."""

    model_id: str
    fps: int
    """Landmark frames a second."""
    window_s: float
    """Longest piece that is fed at once."""
    context_s: float
    """What a piece shares with its neighbours on each side."""
    emotions: tuple[str, ...]
    """The emotions it was trained with; empty if it was trained without labels."""

    def __post_init__(self) -> None:
        if not 0 < self.fps <= SAMPLE_RATE_HZ or self.context_s < 0 or self.hop_samples <= 0:
            raise ValueError(f"fps {self.fps}, window_s {self.window_s} and context_s {self.context_s} do not fit")

    @property
    def window_samples(self) -> int:
        """Length of a window, whole samples and whole frames."""
        return self._whole(self.window_s)

    @property
    def hop_samples(self) -> int:
        """From the start of one window to the start of the next, whole samples and whole frames."""
        return self._whole(self.window_s) - self._whole(2 * self.context_s)

    @property
    def hop_frames(self) -> int:
        """`hop_samples` in frames."""
        return self.frames(self.hop_samples)

    @property
    def overlap_frames(self) -> int:
        """What two neighbouring windows share, in frames."""
        return self.frames(self.window_samples - self.hop_samples)

    def frames(self, samples: int) -> int:
        """How many frames show `samples` samples, the last partial one too."""
        return frame_count(samples / SAMPLE_RATE_HZ, self.fps)

    def _whole(self, duration_s: float) -> int:
        step = SAMPLE_RATE_HZ // gcd(SAMPLE_RATE_HZ, self.fps)
        return int(round(duration_s * SAMPLE_RATE_HZ) // step) * step


class Bundle:
    """A network that is ready to run on the CPU.

    Raises:
        MissingWeightsError: there is no such file, or a folder holds no exported model.
        CheckpointError: the file is not a bundle, is damaged, or has another format version.
    """

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        self.path = _bundle_file(path)
        self._session = _open_session(self.path, threads)
        self.card = _read_card(self.path, self._session)

    def __call__(self, samples: Samples, identity: Points, emotion: tuple[int, int]) -> Points:
        """Landmarks (T, 68, 2) in the unit frame, for one piece of sound and an identity (68, 2) in the unit frame."""
        feed = {
            "samples": _at_least(samples, MIN_SAMPLES)[None],
            "identity": identity[None].astype(np.float32),
            "emotion": np.array([emotion], np.int64),
        }
        try:
            points = np.asarray(self._session.run([OUTPUT], feed)[0][0], np.float32)
        except _RUNTIME_ERRORS as error:
            raise CheckpointError(f"{self.path}: the network does not run ({_first_line(error)})") from error
        return self._checked(points[: self.card.frames(len(samples))], len(samples))

    def _checked(self, points: Points, samples: int) -> Points:
        expected = (self.card.frames(samples), POINT_COUNT, 2)
        if points.shape != expected:
            raise CheckpointError(
                f"{self.path}: gave landmarks of shape {points.shape}, not {expected}: export it again"
            )
        if not np.isfinite(points).all():
            raise CheckpointError(f"{self.path}: gave landmarks that are not finite numbers: train or export it again")
        return points


def _bundle_file(path: Path) -> Path:
    if path.is_dir():
        inside = path / BUNDLE_NAME
        if not inside.is_file():
            raise MissingWeightsError(f"{path}: holds no {BUNDLE_NAME}: run `kfusion export {path}` first")
        return inside
    if not path.is_file():
        raise MissingWeightsError(f"{path}: no such model: pass an .onnx bundle or a folder with {BUNDLE_NAME}")
    return path


def _open_session(path: Path, threads: int | None) -> onnxruntime.InferenceSession:
    if threads is not None and threads < 1:
        raise InputError(f"threads is {threads}: use 1 or more, or None for all cores")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.log_severity_level = _FATAL
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except _RUNTIME_ERRORS as error:
        raise CheckpointError(
            f"{path}: not a kfusion bundle, or damaged ({_first_line(error)}): pass a file that `kfusion export` wrote"
        ) from error


def _read_card(path: Path, session: onnxruntime.InferenceSession) -> BundleCard:
    metadata: dict[str, Any] = session.get_modelmeta().custom_metadata_map
    version = metadata.get("kfusion_format")
    if version is None or {port.name for port in session.get_inputs()} != INPUTS:
        raise CheckpointError(f"{path}: an ONNX file, but not a kfusion bundle: pass one that `kfusion export` wrote")
    if version != BUNDLE_FORMAT:
        raise CheckpointError(
            f"{path}: bundle format {version}, this version of kfusion reads {BUNDLE_FORMAT}: "
            "update kfusion, or export the model again"
        )
    try:
        return BundleCard(
            model_id=metadata["model_id"],
            fps=int(metadata["fps"]),
            window_s=float(metadata["window_s"]),
            context_s=float(metadata["context_s"]),
            emotions=tuple(filter(None, metadata["emotions"].split(","))),
        )
    except (KeyError, ValueError) as error:
        raise CheckpointError(f"{path}: damaged metadata ({error}): export the model again") from error


def _at_least(samples: Samples, count: int) -> Samples:
    return np.pad(samples, (0, max(0, count - len(samples)))).astype(np.float32)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
