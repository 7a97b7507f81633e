"""Speech and a face in, moving landmarks out."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kfusion import assets
from kfusion.emotion import emotion_index
from kfusion.errors import InputError, MissingWeightsError
from kfusion.inference.bundle import Bundle, BundleCard
from kfusion.inference.identity import IdentityLike, read_identity
from kfusion.inference.recording import Gauge, Recording
from kfusion.inference.windows import cut, join
from kfusion.landmarks import LandmarkSequence, Points, frame_count, resample, unit_frame

log = logging.getLogger(__name__)

MAX_FPS = 240
Progress = Callable[[float, float | None], None]
"""Called with the seconds that are done and the seconds in all, None where the file does not say."""


def load(model: str | Path | None = None, *, threads: int | None = None) -> "Generator":
    """A model that is ready to generate.

    Args:
        model: an `.onnx` bundle, or a folder with `model.onnx`; None for the default weights in the package.
        threads: CPU threads for the network; None for all cores.

    Raises:
        MissingWeightsError: the file is not there.
        CheckpointError: the file is not a bundle, is damaged, or has another format version.
    """
    if model is None and not assets.DEFAULT_MODEL.is_file():
        raise MissingWeightsError(
            f"{assets.DEFAULT_MODEL}: the default weights are missing: install kfusion again, or pass a model"
        )
    return Generator(Bundle(assets.DEFAULT_MODEL if model is None else Path(model), threads=threads))


class Generator:
    """Animates a face with a recording; made by `load`."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle

    @property
    def card(self) -> BundleCard:
        """What the model says about itself."""
        return self._bundle.card

    def generate(
        self,
        audio: str | Path | NDArray[Any],
        identity: IdentityLike = None,
        *,
        fps: float = 30,
        emotion: str | None = None,
        intensity: int | None = None,
        allow_silence: bool = False,
        progress: Progress | None = None,
    ) -> LandmarkSequence:
        """The landmarks of `identity` saying `audio`: frame t shows the face at t / fps, the last partial one too.

        The points are in image pixels of the portrait, at the place, size and tilt of the face in it. Apart
        from the result (held twice for a moment), memory does not grow with the length of the recording.

        Args:
            audio: any audio or video file FFmpeg reads, or mono samples (N,) at 16 kHz, full scale 1.
            identity: a portrait, a landmark file, a picture (H, W, 3) uint8, landmarks (68, 2) or a
                `LandmarkSequence`; None for the canonical mean face in a 256 x 256 crop.
            fps: frames a second, above 0 and at most 240.
            emotion: one of `kfusion.emotion.EMOTIONS`; None for unknown.
            intensity: 1, 2 or 3, with an emotion.
            allow_silence: animate a silent file instead of refusing it. Silent arrays are never refused.
            progress: called after every piece.

        Raises:
            InputError: an argument, the recording or the face cannot be used.
        """
        if not 0 < fps <= MAX_FPS:
            raise InputError(f"fps is {fps}: use a number above 0 and at most {MAX_FPS}")
        labels = emotion_index(emotion, intensity)
        self._note_unused_emotion(emotion)
        recording = Recording(source=audio if isinstance(audio, np.ndarray) else Path(audio))
        face = read_identity(identity)
        gauge = Gauge(name=recording.name, allow_silence=allow_silence or isinstance(audio, np.ndarray))
        points = np.concatenate([*self._animate(recording, gauge, face.points, labels, progress)])
        return LandmarkSequence(
            points=_at_rate(points, self.card.fps, fps, frame_count(gauge.duration_s, fps)),
            fps=float(fps),
            frame=face.frame,
            model=self.card.model_id,
            source=recording.name,
        )

    def _animate(
        self, recording: Recording, gauge: Gauge, face: Points, labels: tuple[int, int], progress: Progress | None
    ) -> Iterator[Points]:
        """Landmarks piece by piece, in the frame of `face`, at the frame rate of the model."""
        to_unit = unit_frame(face)
        total_s = recording.announced_s()
        windows = cut(gauge.watch(recording.blocks()), self.card.window_samples, self.card.hop_samples)
        pieces = (self._bundle(window, to_unit(face), labels) for window in windows)
        done = 0
        for piece in join(pieces, self.card.hop_frames, self.card.overlap_frames):
            done += len(piece)
            yield to_unit.inverse()(piece)
            if progress:
                progress(done / self.card.fps, total_s)

    def _note_unused_emotion(self, emotion: str | None) -> None:
        if emotion is None or emotion in self.card.emotions:
            return
        known = ", ".join(self.card.emotions)
        reason = f"was trained with {known} only" if known else "was trained without emotion labels"
        log.warning("emotion '%s' has no effect: model %s %s", emotion, self.card.model_id, reason)


def _at_rate(points: Points, model_fps: int, fps: float, count: int) -> Points:
    if fps == model_fps:
        return points[:count]
    return resample(points, np.arange(len(points)) / model_fps, fps, count)
