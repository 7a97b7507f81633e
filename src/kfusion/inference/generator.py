"""Speech and a face in, moving landmarks out."""

import logging
from collections import abc
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from pathlib import Path
from threading import Event
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from kfusion import assets
from kfusion.audio import Samples
from kfusion.bundle_format import STREAM_KIND
from kfusion.emotion import emotion_index
from kfusion.emotion.expression import expression_layer
from kfusion.errors import InputError, KfusionError, MissingWeightsError, error_of
from kfusion.inference.bundle import Bundle, BundleCard
from kfusion.inference.delivery import check_expressiveness, check_lead, check_stream_lead
from kfusion.inference.expressiveness import motion_scaler
from kfusion.inference.identity import Identity, IdentityLike, read_identity
from kfusion.inference.landmark_stream import Stream
from kfusion.inference.pretrained import STREAM_NAME, pretrained_folder, save_pretrained
from kfusion.inference.recording import AudioLike, Gauge, Recording, name_of, read_recording
from kfusion.inference.session import BUNDLE_NAME, Session
from kfusion.inference.stream_bundle import StreamBundle, StreamCard
from kfusion.inference.windows import cut, join
from kfusion.inference.workers import Workers
from kfusion.landmarks import LandmarkSequence, Points, frame_count, resample, unit_frame

log = logging.getLogger(__name__)

MIN_FPS, MAX_FPS = 1, 240
Outcomes: TypeAlias = abc.Generator[LandmarkSequence | KfusionError, None, None]
"""The result of each of several recordings, or why there is none."""
Progress = Callable[[float, float | None], None]
"""Called with the seconds that are done and the seconds in all, None where the file does not say."""


def load(model: str | Path | None = None, *, threads: int | None = None) -> "Generator":
    """A model that is ready to generate.

    Args:
        model: an `.onnx` bundle, or a folder with `model.onnx` and perhaps a `stream.onnx` for streams; None for the
            default weights in the package.
        threads: CPU threads that share the pieces of recordings, which changes no result; None for all cores. With
            one, everything runs on the caller's own thread, as streams always do.

    Raises:
        MissingWeightsError: the file is not there.
        CheckpointError: the file is not a bundle, is damaged, or has another format version.
    """
    if model is None:
        session = _packaged(assets.DEFAULT_MODEL)
        return Generator(session, Workers(threads), open_stream_session=lambda: _packaged(assets.STREAM_MODEL))
    session, beside = Session(Path(model)), Path(model) / STREAM_NAME
    open_stream_session = (lambda: Session(beside)) if beside.is_file() else (lambda: session)
    return Generator(session, Workers(threads), open_stream_session=open_stream_session)


def _packaged(path: Path) -> Session:
    if not path.is_file():
        raise MissingWeightsError(f"{path}: the packaged weights are missing: install kfusion again, or pass a model")
    return Session(path)


class Generator:
    """Animates a face with a recording or a streamed voice; made by `load`."""

    def __init__(self, session: Session, workers: Workers, *, open_stream_session: Callable[[], Session]) -> None:
        """`open_stream_session` opens the weights for streams, when they are first asked for."""
        self._workers = workers
        self._path = session.path
        self._bundle = StreamBundle(session) if session.metadata.get("kind") == STREAM_KIND else Bundle(session)
        self._open_stream_session = open_stream_session
        self._stream_bundle: StreamBundle | None = None

    @classmethod
    def from_pretrained(
        cls, source: str | Path, *, revision: str | None = None, threads: int | None = None
    ) -> "Generator":
        """A model from a folder that `save_pretrained` wrote, or from the Hugging Face Hub (the extra `hub`).

        Args:
            source: the folder; or `OWNER/NAME` on the Hub, where there is no such folder.
            revision: branch, tag or commit on the Hub.
            threads: as for `load`.

        Raises:
            MissingWeightsError: it is not there, or has no exported network: `kfusion export` writes one.
            MissingExtraError: it is to come from the Hub, and the extra is not installed.
            CheckpointError: a file is damaged, or has another format version.
        """
        return load(pretrained_folder(source, revision), threads=threads)

    def save_pretrained(self, folder: str | Path) -> Path:
        """Write the model as a folder in the layout of the Hub: networks, configuration, card.

        A checkpoint in the folder that the model was loaded from (`model.safetensors`) goes with it.

        Raises:
            OutputError: the place cannot be written, or the disk is full.
        """
        networks, cards = {BUNDLE_NAME: self._path}, [self.card]
        session = self._open_stream_session()
        if session.path != self._path:
            networks[STREAM_NAME] = session.path
            cards.append(StreamBundle(session).card)
        save_pretrained(Path(folder), networks, cards)
        return Path(folder)

    @property
    def card(self) -> BundleCard | StreamCard:
        """What the model says about itself."""
        return self._bundle.card

    def generate(  # noqa: PLR0913 - each is a wish of its own
        self,
        audio: AudioLike,
        identity: IdentityLike = None,
        *,
        fps: float = 30,
        emotion: str | None = None,
        intensity: int | None = None,
        lead_ms: float = 0,
        expressiveness: float = 1,
        allow_silence: bool = False,
        track: int | None = None,
        progress: Progress | None = None,
    ) -> LandmarkSequence:
        """The landmarks of `identity` saying `audio`: frame t shows the face at t / fps, the last partial one too.

        The points are in image pixels of the portrait, at the place, size and tilt of the face in it. Apart
        from the result (held twice for a moment), memory does not grow with the length of the recording.

        Args:
            audio: any audio or video file FFmpeg reads, or mono samples (N,) at 16 kHz, full scale 1.
            identity: a portrait, a landmark file, a picture (H, W, 3) uint8, landmarks (68, 2) or a
                `LandmarkSequence`; None for the canonical mean face in a 256 x 256 crop.
            fps: frames a second, from 1 to 240.
            emotion: one of `kfusion.emotion.EMOTIONS`; None for unknown. One that the model was not trained with is
                added to its face by rule.
            intensity: 1, 2 or 3, with an emotion.
            lead_ms: the lips are so much earlier than the sound, -500 to 500; later where it is below 0.
            expressiveness: how much the face moves, 0 (a face at rest) to 2; 1 as it was learned. Lips that close
                stay closed.
            allow_silence: animate a silent file instead of refusing it. Silent arrays are never refused.
            track: which sound track of a file, counted from 1; None for the default one, or the first not silent.
            progress: called after every piece.

        Raises:
            InputError: an argument, the recording or the face cannot be used.
        """
        labels = _labels(self.card, fps, emotion, intensity)
        check_lead(lead_ms)
        check_expressiveness(expressiveness)
        face = read_identity(identity)
        request = _SpeakOptions(face, labels, fps, lead_ms / 1000, expressiveness, allow_silence, track)
        return self._speak(audio, request, progress)

    def generate_many(  # noqa: PLR0913 - each is a wish of its own
        self,
        recordings: Iterable[AudioLike],
        identity: IdentityLike = None,
        *,
        fps: float = 30,
        emotion: str | None = None,
        intensity: int | None = None,
        lead_ms: float = 0,
        expressiveness: float = 1,
        allow_silence: bool = False,
        track: int | None = None,
    ) -> Outcomes:
        """What `generate` gives for each recording, in order, several at once on the threads of `load`.

        A recording that cannot be used gives its error in its place, also an `UnexpectedError`, and the others go
        on. A few results are held ahead of the one that is asked for.

        Raises:
            InputError: an argument or the face cannot be used.
        """
        labels = _labels(self.card, fps, emotion, intensity)
        check_lead(lead_ms)
        check_expressiveness(expressiveness)
        face = read_identity(identity)
        request = _SpeakOptions(face, labels, fps, lead_ms / 1000, expressiveness, allow_silence, track)
        return self._speak_many(recordings, request)

    def _speak_many(self, recordings: Iterable[AudioLike], request: "_SpeakOptions") -> Outcomes:
        stopped = Event()

        def attempt(audio: AudioLike) -> LandmarkSequence | KfusionError:
            try:
                return self._speak(audio, request, lambda *_: _stop_if(stopped))
            except CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, the other recordings go on
                return error_of(name_of(audio), error)

        try:
            yield from Workers(self._workers.threads).map(attempt, recordings)
        finally:
            stopped.set()

    def _speak(self, audio: AudioLike, request: "_SpeakOptions", progress: Progress | None) -> LandmarkSequence:
        recording = read_recording(audio, request.track)
        fps = request.fps
        silent = request.allow_silence or isinstance(recording.source, np.ndarray)
        gauge = Gauge(name=recording.name, allow_silence=silent)
        points = np.concatenate([*self._animate(recording, gauge, request, progress)])
        return LandmarkSequence(
            points=self._at_rate(points, fps, frame_count(gauge.duration_s, fps), request.lead_s),
            fps=float(fps),
            coordinates=request.face.coordinates,
            model=self.card.model_id,
            source=recording.name,
        )

    def stream(
        self,
        identity: IdentityLike = None,
        *,
        fps: float = 30,
        latency: Literal["low"] = "low",
        emotion: str | None = None,
        intensity: int | None = None,
        lead_ms: float = 0,
        expressiveness: float = 1,
    ) -> Stream:
        """The same for a voice that is still speaking: sound is pushed, and frames come as they become ready.

        The default weights have a network of their own for streams, which hears 152.5 ms ahead at the most.

        Args:
            identity: as in `generate`.
            fps: frames a second, from 1 to 240; other rates than the model's wait for one more frame.
            latency: `low`, the one there is.
            emotion: one of `kfusion.emotion.EMOTIONS`; None for unknown.
            intensity: 1, 2 or 3, with an emotion.
            lead_ms: the lips are so much earlier than the sound, which takes so much more look-ahead: `Stream.leads_ms`
                says how much there can be (-500 to 214 with the default weights); later where it is below 0.
            expressiveness: as in `generate`.

        Raises:
            InputError: an argument or the face cannot be used, or the model was not trained for streams.
            MissingWeightsError: the packaged weights for streams are not there.
        """
        if latency != "low":
            raise InputError(f"latency is '{latency}': use low")
        check_expressiveness(expressiveness)
        bundle = self._bundle_for_streams()
        labels = _labels(bundle.card, fps, emotion, intensity)
        check_stream_lead(lead_ms, bundle.card)
        face = read_identity(identity)
        return Stream(bundle, face, fps=fps, labels=labels, lead_ms=lead_ms, expressiveness=expressiveness)

    def _bundle_for_streams(self) -> StreamBundle:
        """Opened once; without a lock, which a fork could leave locked: opened twice at the worst."""
        if self._stream_bundle is None:
            self._stream_bundle = self._opened_stream_bundle()
        return self._stream_bundle

    def _opened_stream_bundle(self) -> StreamBundle:
        session = self._open_stream_session()
        if session.metadata.get("kind") != STREAM_KIND:
            raise InputError(
                f"{session.path}: model {self.card.model_id} hears whole recordings: for streams train the preset live"
            )
        return StreamBundle(session)

    def _animate(
        self, recording: Recording, gauge: Gauge, request: "_SpeakOptions", progress: Progress | None
    ) -> Iterator[Points]:
        """Landmarks piece by piece, in the frame of the face, at the frame rate of the model."""
        total_s = recording.announced_s()
        done = 0
        for piece in self._pieces(gauge.watch(recording.blocks()), request):
            done += len(piece)
            yield piece
            if progress:
                progress(done / self.card.fps, total_s)

    def _pieces(self, blocks: Iterator[Samples], request: "_SpeakOptions") -> Iterator[Points]:
        if isinstance(self._bundle, StreamBundle):
            yield from _streamed(self._bundle, blocks, request)
            return
        bundle, labels, to_unit = self._bundle, request.labels, unit_frame(request.face.points)
        face = to_unit(request.face.points)
        express = motion_scaler(lambda: bundle.silent(face, labels), request.expressiveness)
        emote = expression_layer(face, labels, bundle.card.emotions)
        windows = cut(blocks, bundle.card.window_samples, bundle.card.hop_samples)
        pieces = self._workers.map(lambda window: bundle(window, face, labels), windows)
        for piece in join(pieces, bundle.card.hop_frames, bundle.card.overlap_frames):
            yield to_unit.inverse()(emote(express(piece)))

    def _at_rate(self, points: Points, fps: float, count: int, lead_s: float) -> Points:
        """Frames at another rate, from `lead_s` on; of a model for streams as its streams give them."""
        if fps == self.card.fps and not lead_s:
            return points[:count]
        times_s = np.arange(len(points)) / self.card.fps - lead_s
        return resample(points, times_s, fps, count, keep_closings=isinstance(self._bundle, Bundle))


class _SpeakOptions(NamedTuple):
    """What is asked of every recording."""

    face: Identity
    labels: tuple[int, int]
    fps: float
    lead_s: float
    expressiveness: float
    allow_silence: bool
    track: int | None


def _streamed(bundle: StreamBundle, blocks: Iterator[Samples], request: _SpeakOptions) -> Iterator[Points]:
    labels, expressiveness = request.labels, request.expressiveness
    stream = Stream(bundle, request.face, fps=bundle.card.fps, labels=labels, expressiveness=expressiveness)
    for block in blocks:
        yield stream.push(block).points
    yield stream.flush().points


def _stop_if(stopped: Event) -> None:
    if stopped.is_set():
        raise CancelledError


def _labels(card: BundleCard | StreamCard, fps: float, emotion: str | None, intensity: int | None) -> tuple[int, int]:
    """The indices of the emotion, once the arguments are checked."""
    if not MIN_FPS <= fps <= MAX_FPS:
        raise InputError(f"fps is {fps}: use a number from {MIN_FPS} to {MAX_FPS}")
    labels = emotion_index(emotion, intensity)
    _note_ruled_emotion(card, emotion)
    return labels


def _note_ruled_emotion(card: BundleCard | StreamCard, emotion: str | None) -> None:
    if emotion is None or emotion in card.emotions:
        return
    known = ", ".join(card.emotions)
    reason = f"was trained with {known} only" if known else "was trained without emotion labels"
    log.warning(
        "emotion '%s' is rule-based, action units added to the speaking face: model %s %s",
        emotion,
        card.model_id,
        reason,
    )
