"""One item of a manifest to the files of its result."""

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kfusion import assets
from kfusion.batch.addresses import StoreError, called, is_address, opened_file, without_secrets
from kfusion.batch.item_notes import heard_notes
from kfusion.batch.manifest_item import Item
from kfusion.batch.speakers import Speaker, Speakers
from kfusion.errors import InputError, MissingExtraError, OutputError, error_of
from kfusion.files import file_digest, writing
from kfusion.formats.motion_files import MOTION_FORMATS, write_motion_files
from kfusion.inference.generator import load
from kfusion.inference.identity import read_identity
from kfusion.inference.recording import Recording
from kfusion.inference.session import BUNDLE_NAME
from kfusion.landmarks import LANDMARK_KINDS

if TYPE_CHECKING:
    from kfusion.inference.identity import Identity
    from kfusion.landmarks import LandmarkSequence, Points
    from kfusion.picture.sitter import Sitter

SHARDS = "parquet"
ROW_FILE = "row.arrow"
"""The result of an item that goes into a Parquet file with others."""
NOTES_FILE = "notes.txt"
VIDEOS = {"none": "", "points": "preview.mp4", "picture": "talking.mp4", "side-by-side": "side-by-side.mp4"}
"""What is shown -> what the film is called."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchOptions:
    """What is asked of every item."""

    base: str
    """The folder of the manifest, from which paths in it count."""
    formats: tuple[str, ...] = ("npz",)
    """`parquet`, or kinds of files: npz, csv, json and those of `MOTION_FORMATS`."""
    model: str | None = None
    face: str | None = None
    """Of items that name none; None for the mean face."""
    fps: float = 30.0
    emotion: str | None = None
    intensity: int | None = None
    lead_ms: float = 0.0
    expressiveness: float = 1.0
    allow_silence: bool = False
    video: str = "none"
    """Of `VIDEOS`: what is shown beside."""

    def __post_init__(self) -> None:
        known = (*LANDMARK_KINDS, *MOTION_FORMATS)
        for kind in self.formats:
            if kind not in known:
                raise InputError(f"unknown output format '{kind}': use {', '.join(known)}")
        if SHARDS in self.formats and self.formats != (SHARDS,):
            raise InputError("parquet holds all results in common files, and goes alone: leave the other formats out")
        if self.video not in VIDEOS:
            raise InputError(f"unknown video '{self.video}': use {', '.join(VIDEOS)}")
        if SHARDS in self.formats and self.video != "none":
            raise InputError("parquet holds no films: use another format with --video")
        if SHARDS in self.formats and not _is_installed("pyarrow"):
            raise MissingExtraError("--format parquet", "batch")

    @property
    def motion_kinds(self) -> tuple[str, ...]:
        """Formats of avatars, a file a recording."""
        return tuple(kind for kind in self.formats if kind in MOTION_FORMATS and kind != SHARDS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How one item ended."""

    row: int
    speech_s: float = 0.0
    files: tuple[str, ...] = ()
    """Names, in the folder of the item."""
    contents: tuple[bytes, ...] = ()
    """Of the files, where they come from another machine."""
    reason: str | None = None
    """Why there are no files."""
    again: bool = False
    """Whether it may go better another time: a store did not give a file."""
    lost_store: str | None = None
    """The store, where it did not answer at all."""
    out_of_memory: bool = False
    """Whether the process had no memory left for it."""
    full: str | None = None
    """Why nothing can be written where files go: no fault of the item."""


def model_digest(options: BatchOptions) -> str:
    """SHA-256 of the weights.

    Raises:
        KfusionError: the model, or the face of items that name none, cannot be used.
    """
    model = load(options.model, threads=1)
    model.card  # noqa: B018 - reads what the file says about itself
    if options.face is not None and not is_address(options.face):
        read_identity(Path(options.face), from_video=True)
    path = assets.DEFAULT_MODEL if options.model is None else Path(options.model)
    return file_digest(path / BUNDLE_NAME if path.is_dir() else path)


class Animator:
    """Animates items, one after another, on the caller's thread.

    Raises:
        KfusionError: the model cannot be used.
    """

    def __init__(self, options: BatchOptions) -> None:
        self._options = options
        self._model = load(options.model, threads=1)
        seat_of = _seat if options.video in ("picture", "side-by-side") else None
        self._speakers = Speakers(options.base, self._rest_of, seat_of)

    def __call__(self, item: Item, folder: Path, work: Path, fetched: Callable[[], None]) -> Outcome:
        """Animate one item.

        Args:
            item: what to animate.
            folder: an empty one for the files of its result.
            work: another for files from stores.
            fetched: called when the files are there.
        """
        try:
            return self._animate(item, folder, work, fetched)
        except OutputError as error:
            return Outcome(row=item.row, full=str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the other items go on
            reason = without_secrets(str(error_of(item.shown_speech, error)))
            if isinstance(error, StoreError):
                return Outcome(row=item.row, reason=reason, again=True, lost_store=error.store)
            return Outcome(row=item.row, reason=reason, out_of_memory=isinstance(error, MemoryError))

    def _animate(self, item: Item, folder: Path, work: Path, fetched: Callable[[], None]) -> Outcome:
        wish = self._options
        speaker = self._speakers.of(item.face or wish.face, work)
        path = opened_file(item.speech, wish.base, work, "recording")
        fetched()
        speech = Recording(source=path)
        with _called(path, item.speech), heard_notes() as notes:
            sequence = self._model.generate(
                speech,
                speaker.identity,
                fps=wish.fps if item.fps is None else item.fps,
                emotion=item.emotion or wish.emotion,
                intensity=item.intensity or (wish.intensity if item.emotion is None else None),
                lead_ms=wish.lead_ms,
                expressiveness=wish.expressiveness,
                allow_silence=wish.allow_silence,
            )
        duration_s = len(sequence) / sequence.fps
        said = [*speaker.notes, *(called(note, path, item.speech) for note in notes)]
        sequence = replace(sequence, source=item.shown_speech)
        with _called(path, item.speech), writing(folder):
            files = self._write(item, folder, sequence, speaker, speech, said)
        return Outcome(row=item.row, speech_s=duration_s, files=files)

    def _write(
        self,
        item: Item,
        folder: Path,
        sequence: "LandmarkSequence",
        speaker: Speaker,
        speech: Recording,
        notes: list[str],
    ) -> tuple[str, ...]:
        """The names of the files."""
        if self._options.formats == (SHARDS,):
            from kfusion.batch.landmark_shards import write_row

            write_row(folder / ROW_FILE, item, sequence, notes)
            return (ROW_FILE,)
        names = [f"landmarks.{kind}" for kind in LANDMARK_KINDS if kind == "npz" or kind in self._options.formats]
        for name in names:
            sequence.save(folder / name)
        motions = {f"motion{MOTION_FORMATS[kind].ending}": kind for kind in self._options.motion_kinds}
        files = {folder / name: kind for name, kind in motions.items()}
        write_motion_files(files, sequence, speaker.rest, speech, lead_ms=self._options.lead_ms)
        names += motions
        if self._options.video != "none":
            names.append(VIDEOS[self._options.video])
            _write_film(folder / names[-1], sequence, speaker, speech)
        if notes:
            (folder / NOTES_FILE).write_text("".join(f"{note}\n" for note in notes), errors="backslashreplace")
            names.append(NOTES_FILE)
        return tuple(names)

    def _rest_of(self, identity: "Identity") -> "Points | None":
        if not self._options.motion_kinds:
            return None
        from kfusion.motion.resting import face_in_silence

        return face_in_silence(lambda sound: self._model.generate(sound, identity))


def _seat(identity: "Identity", path: Path | None) -> "Sitter":
    from kfusion.picture.sitter import seat

    return seat(identity, path)


def _write_film(path: Path, sequence: "LandmarkSequence", speaker: Speaker, speech: Recording) -> None:
    if speaker.sitter is None:
        from kfusion.inference.preview import write_preview

        write_preview(path, sequence, speech, speaker.identity)
        return
    from kfusion.motion.life import LifeOptions
    from kfusion.picture.movie import write_talking

    beside_points = path.name == VIDEOS["side-by-side"]
    write_talking(path, sequence, speech, speaker.sitter, life=LifeOptions(), beside_points=beside_points)


def _is_installed(package: str) -> bool:
    try:
        importlib.import_module(package)
    except ImportError:
        return False
    return True


@contextmanager
def _called(path: Path, written: str) -> Iterator[None]:
    """Errors in the block that name the file at `path` call it as the manifest does."""
    try:
        yield
    except InputError as error:
        raise InputError(called(str(error), path, written)) from error
