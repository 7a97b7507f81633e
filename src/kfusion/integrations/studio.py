"""What one visitor of the app asks for: a film and files of a recording, or pictures of a voice that still speaks."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kfusion.errors import InputError
from kfusion.formats.motion_files import MOTION_FORMATS, motion_format, write_motion_files
from kfusion.inference.generator import Generator, Progress
from kfusion.inference.identity import Identity, read_identity
from kfusion.inference.preview import write_preview
from kfusion.inference.recording import Recording, read_recording
from kfusion.integrations.pcm import PcmReader
from kfusion.landmarks import LANDMARK_KINDS, LandmarkSequence
from kfusion.motion.life import Life, LifeOptions
from kfusion.motion.resting import face_in_silence
from kfusion.picture.movie import write_talking
from kfusion.picture.sitter import read_sitter, seat
from kfusion.picture.talking import TalkingPicture
from kfusion.video import Image

SHOWN: Final = ("picture", "points", "side-by-side")
LIFE: Final = tuple(sign.name for sign in fields(LifeOptions) if sign.name != "seed")
LIVE_FPS: Final = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """How the face speaks, and what is written."""

    emotion: str | None = None
    intensity: int | None = None
    expressiveness: float = 1
    lead_ms: float = 0
    fps: float = 30
    shown: str = "picture"
    """Of `SHOWN`."""
    life: Sequence[str] = LIFE
    seed: int = 0
    files: Sequence[str] = ("npz",)
    """Kinds of landmark files, and of `MOTION_FORMATS`."""

    def __post_init__(self) -> None:
        if self.shown not in SHOWN:
            raise InputError(f"shown is '{self.shown}': use {', '.join(SHOWN)}")
        for sign in self.life:
            if sign not in LIFE:
                raise InputError(f"unknown sign of life '{sign}': use {', '.join(LIFE)}")
        for kind in self.files:
            if kind not in LANDMARK_KINDS:
                motion_format(kind)

    def life_options(self) -> LifeOptions | None:
        """The signs of life, None for nothing."""
        return LifeOptions(**{sign: sign in self.life for sign in LIFE}, seed=self.seed) if self.life else None

    def delivery(self) -> dict[str, Any]:
        """What generators and streams are told alike."""
        return {
            "emotion": self.emotion,
            "intensity": self.intensity,
            "expressiveness": self.expressiveness,
            "lead_ms": self.lead_ms,
        }


class Studio:
    """Makes films for everybody who asks.

    Args:
        generator: what `kfusion.load` returned.
        longest_s: recordings that last longer are refused.
    """

    def __init__(self, generator: Generator, longest_s: float) -> None:
        self._generator = generator
        self._longest_s = longest_s

    def film(
        self,
        speech: str | Path,
        face: str | Path | None,
        wishes: Wishes,
        folder: Path,
        progress: Progress | None = None,
    ) -> tuple[Path, list[Path]]:
        """Write the film of `face` (None: a mean face, as points) saying `speech`, and the files; their paths.

        Raises:
            InputError: the recording, the face or a wish cannot be used.
            OutputError: `folder` cannot be written.
        """
        recording = read_recording(speech)
        self._check_length(recording.name, recording.announced_s())

        def watch(done_s: float, total_s: float | None) -> None:
            self._check_length(recording.name, done_s)
            if progress:
                progress(done_s, total_s)

        identity = read_identity(face)
        sequence = self._generator.generate(recording, identity, fps=wishes.fps, progress=watch, **wishes.delivery())
        film = folder / "talking.mp4"
        if wishes.shown == "points" or identity.portrait is None:
            write_preview(film, sequence, recording, identity)
        else:
            sitter, beside = seat(identity, face), wishes.shown == "side-by-side"
            write_talking(film, sequence, recording, sitter, life=wishes.life_options(), beside_points=beside)
        return film, self._files(sequence, recording, identity, wishes, folder)

    def live(self, face: str | Path | None, wishes: Wishes) -> "LiveFace":
        """A face that follows a voice.

        Raises:
            InputError: the face or a wish cannot be used.
        """
        return LiveFace(self._generator, face, wishes)

    def _check_length(self, name: str, length_s: float | None) -> None:
        """Before the work by what the file announces, during it by what was heard."""
        if length_s is not None and length_s > self._longest_s:
            raise InputError(
                f"{name}: lasts {length_s:.0f} s or longer: pass at most {self._longest_s:g} s here; "
                "`kfusion generate` takes hours"
            )

    def _files(
        self, sequence: LandmarkSequence, recording: Recording, identity: Identity, wishes: Wishes, folder: Path
    ) -> list[Path]:
        landmarks = [folder / f"landmarks.{kind}" for kind in wishes.files if kind in LANDMARK_KINDS]
        for path in landmarks:
            sequence.save(path)
        motions = {
            folder / f"motion{MOTION_FORMATS[kind].ending}": kind for kind in wishes.files if kind in MOTION_FORMATS
        }
        if motions:
            rest = face_in_silence(lambda sound: self._generator.generate(sound, identity))
            write_motion_files(motions, sequence, rest, recording, lead_ms=wishes.lead_ms)
        return [*landmarks, *motions]


@dataclass(slots=True)
class LiveFace:
    """One visitor's portrait that follows their voice; not for several threads at once."""

    generator: Generator
    face: str | Path | None
    wishes: Wishes
    picture: Image = field(init=False)
    """What is seen now, (H, W, 3), RGB."""
    _reader: PcmReader = field(init=False, default_factory=PcmReader)
    _stream: Any = field(init=False)
    _scale: np.float32 = field(init=False)
    _talking: TalkingPicture = field(init=False)
    _life: Life | None = field(init=False)

    def __post_init__(self) -> None:
        sitter = read_sitter(self.face if self.face is not None else _no_face())
        self._stream = self.generator.stream(sitter.identity, fps=LIVE_FPS, **self.wishes.delivery())
        self._scale = np.float32(sitter.scale)
        self._talking = TalkingPicture(sitter.picture, sitter.points)
        options = self.wishes.life_options()
        self._life = Life(LIVE_FPS, options) if options else None
        self.picture = sitter.picture

    def hear(self, rate_hz: int, samples: NDArray[Any]) -> Image:
        """The picture after more sound.

        Args:
            rate_hz: of the sound.
            samples: int16, (N,) or (N, channels).

        Raises:
            InputError: the sound cannot be used.
        """
        sound = np.ascontiguousarray(samples, "<i2")
        channels = sound.shape[1] if sound.ndim == 2 else 1
        return self._shown(self._stream.push(self._reader(sound.tobytes(), rate_hz, channels)))

    def end(self) -> Image:
        """The picture after the last of the sound."""
        self._shown(self._stream.push(self._reader.flush()))
        return self._shown(self._stream.flush())

    @property
    def heard_s(self) -> float:
        """Seconds of sound so far, at 16 kHz."""
        return float(self._stream.heard_s)

    def _shown(self, sequence: LandmarkSequence) -> Image:
        """Every frame moves the signs of life, the last one alone is drawn."""
        for points in sequence.points:
            placed = points * self._scale
            signs = (self._life.step(self._talking.opening(placed)),) if self._life else ()
        if len(sequence):
            self.picture = self._talking.frame(placed, *signs)
        return self.picture


def _no_face() -> str:
    raise InputError("the live face needs a picture: drop a portrait first")
