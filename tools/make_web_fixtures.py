"""Make web/tests/fixtures: what this package gives, for the page's own code to give too.

Usage: python tools/make_web_fixtures.py

The page (`web/`) does in JavaScript what this package does in Python; both are tried on the same sound and faces.
Points are kept in 1/128 of a pixel, and of most cases every few frames alone, so that the folder stays small. To be run
again when the weights or the rules change.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

import kfusion
from kfusion import assets
from kfusion.audio import SAMPLE_RATE_HZ, Samples, read_audio
from kfusion.emotion import EMOTIONS
from kfusion.emotion.expression import expression_displacement
from kfusion.errors import InputError
from kfusion.face import Scene, find_identity
from kfusion.inference.generator import Generator
from kfusion.inference.identity import read_identity
from kfusion.landmarks import LandmarkSequence, Points

FIXTURES = Path(__file__).parents[1] / "web" / "tests" / "fixtures"
PARTS_OF_A_PIXEL = 128
SPEECH_44100 = "speech_44100.flac"
BLOCKS = (320, 37, 1600, 5000)
"""How the sound of a stream is cut, in turns; nothing depends on it."""
_NOSTRILS = 33
"""The lowest point of the nose."""


class MotionCase(NamedTuple):
    """A sound and what is asked of it; the sound is the packaged sample, repeated if it must be longer."""

    name: str
    start_s: float = 0
    length_s: float = 9.34
    options: dict[str, Any] = {}  # noqa: RUF012 - never changed
    every: int = 3
    """Of so many frames one is kept."""
    file: str | None = None
    """A sound of the fixtures in place of the sample, whole."""


RECORDINGS = (
    MotionCase("whole"),
    MotionCase("other rate, earlier, livelier", options={"fps": 25, "lead_ms": 80, "expressiveness": 1.5}),
    MotionCase("happy", 2, 3, {"emotion": "happy", "intensity": 3}),
    MotionCase(
        "quiet contempt, later, 60", 4, 3, {"emotion": "contempt", "lead_ms": -70, "fps": 60, "expressiveness": 0.4}
    ),
    MotionCase("a rate that is no whole number", 1, 2, {"fps": 29.97, "emotion": "neutral"}),
    MotionCase("short", 3, 0.11, every=1),
    MotionCase("a file at 44.1 kHz", file=SPEECH_44100, options={"fps": 24}),
)
STREAMS = (
    MotionCase("relayed", 0, 13, every=4),
    MotionCase("other rate, earlier, livelier", 1, 3, {"fps": 50, "lead_ms": 120, "expressiveness": 1.6}),
    MotionCase("surprised, later", 2, 2.03, {"emotion": "surprised", "lead_ms": -100, "expressiveness": 0.5}),
)


def main() -> None:
    """Write every file."""
    FIXTURES.mkdir(parents=True, exist_ok=True)
    speech, model = read_audio(assets.SAMPLE_SPEECH), kfusion.load(threads=1)
    face = read_identity(assets.SAMPLE_PORTRAIT).points
    write_speech_at(44_100, speech[: 2 * SAMPLE_RATE_HZ], FIXTURES / SPEECH_44100)
    write_motion(model, speech, face)
    write_resampling()
    write_faces(face)
    write_expressions(face)
    write_pixels()


def write_motion(model: Generator, speech: Samples, face: Points) -> None:
    """`motion.json`, and `motion.bin` with the points."""
    cases, stored = [], b""
    for kind, make, listed in (("recording", recorded, RECORDINGS), ("stream", streamed, STREAMS)):
        for case in listed:
            made = make(model, sound_of(case, speech), face, case)
            kept = np.round(made.points[:: case.every] * PARTS_OF_A_PIXEL).astype("<u2")
            cases.append({"kind": kind, **case._asdict(), "frames": len(made), "at": len(stored)})
            stored += kept.tobytes()
    (FIXTURES / "motion.bin").write_bytes(stored)
    write_json("motion.json", {"face": face.ravel().tolist(), "parts_of_a_pixel": PARTS_OF_A_PIXEL, "cases": cases})


def sound_of(case: MotionCase, speech: Samples) -> Samples:
    """What a case hears."""
    if case.file:
        return read_audio(FIXTURES / case.file)
    start, length = (round(second * SAMPLE_RATE_HZ) for second in (case.start_s, case.length_s))
    return np.resize(speech, start + length)[start:]


def recorded(model: Generator, samples: Samples, face: Points, case: MotionCase) -> LandmarkSequence:
    """The frames of a whole recording."""
    return model.generate(samples, face, **case.options)


def streamed(model: Generator, samples: Samples, face: Points, case: MotionCase) -> LandmarkSequence:
    """The frames of a stream that was fed unevenly."""
    stream, pieces, place, turn = model.stream(face, **case.options), [], 0, 0
    while place < len(samples):
        size = BLOCKS[turn % len(BLOCKS)]
        pieces.append(stream.push(samples[place : place + size]).points)
        place, turn = place + size, turn + 1
    pieces.append(stream.flush().points)
    return LandmarkSequence(points=np.concatenate(pieces), fps=stream.fps, model=stream.model)


def write_resampling() -> None:
    """`resampling.json`: a sound that both sides compute, at 16 kHz."""
    made = []
    for rate_hz in (8_000, 11_025, 22_050, 44_100, 48_000, 96_000):
        path = FIXTURES / "resampled.wav"
        write_sound(sweep(rate_hz), rate_hz, path, "pcm_f32le", "flt")
        heard = read_audio(path)
        path.unlink()
        made.append({"rate_hz": rate_hz, "samples": [round(float(value), 6) for value in heard]})
    write_json("resampling.json", made)


def sweep(rate_hz: int) -> Samples:
    """A tenth of a second that rises from 100 Hz to 3.6 kHz, with some more on top."""
    time_s = np.arange(rate_hz // 10) / rate_hz
    rising = 0.4 * np.sin(2 * np.pi * (100 + 17_500 * time_s) * time_s)
    return (rising + 0.2 * np.cos(2 * np.pi * 3_000 * time_s)).astype(np.float32)


def write_speech_at(rate_hz: int, speech: Samples, path: Path) -> None:
    """Speech at another rate, as FFmpeg makes it."""
    resampler = av.AudioResampler(format="fltp", rate=rate_hz)
    frame = av.AudioFrame.from_ndarray(speech[None], format="fltp", layout="mono")
    frame.sample_rate = SAMPLE_RATE_HZ
    pieces = [piece.to_ndarray() for part in (frame, None) for piece in resampler.resample(part)]
    raised = np.concatenate(pieces, axis=1)[0]
    write_sound(raised, rate_hz, path, "flac", "s16")


def write_sound(samples: Samples, rate_hz: int, path: Path, codec: str, form: str) -> None:
    """A mono file."""
    whole = samples[None] if form == "flt" else np.round(samples * 32767).astype(np.int16)[None]
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream(codec, rate=rate_hz, layout="mono")
        frame = av.AudioFrame.from_ndarray(whole, format=form, layout="mono")
        frame.sample_rate = rate_hz
        for part in (frame, None):
            file.mux(stream.encode(part))


def write_faces(face: Points) -> None:
    """`faces.json`: the packaged portrait and pictures made of it, and the points or the refusal of each."""
    portrait = np.asarray(Image.open(assets.SAMPLE_PORTRAIT).convert("RGB"))
    side, cut_px = len(portrait), round(float(face[_NOSTRILS, 1])) + 3
    wide = np.concatenate([portrait, portrait], axis=1)
    large = np.full((1200, 1600, 3), 200, np.uint8)
    large[600 : 600 + side, 900 : 900 + side] = portrait
    pictures = {
        "portrait": (portrait, None),
        "upside down": (np.rot90(portrait, 2), None),
        "on its side": (np.rot90(portrait, 1), None),
        "two people": (wide, None),
        "the second of two": (wide, 2),
        "no third of two": (wide, 3),
        "small in a large picture": (large, None),
        "large": (portrait.repeat(8, 0).repeat(8, 1), None),
        "nobody": (np.full((300, 300, 3), 128, np.uint8), None),
        "without a mouth": (portrait[:cut_px], None),
    }
    faces = [seen(name, pixels, person) for name, (pixels, person) in pictures.items()]
    write_json("faces.json", [one | {"cut_px": cut_px} for one in faces])


def seen(name: str, pixels: NDArray[np.uint8], person: int | None) -> dict[str, Any]:
    """What is found in a picture, and what is said of it."""
    said: dict[str, Any] = {"name": name, "person": person}
    with notes_of("kfusion.face.portrait") as notes:
        try:
            points = find_identity(Scene.of(Image.fromarray(np.ascontiguousarray(pixels))), name, person)
        except InputError as error:
            return said | {"error": str(error)}
    return said | {"points": [round(value, 3) for value in points.ravel().tolist()], "notes": notes}


@contextmanager
def notes_of(logger: str) -> Iterator[list[str]]:
    """What a module tells the user in the block."""
    notes: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: notes.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger(logger).addHandler(handler)
    yield notes
    logging.getLogger(logger).removeHandler(handler)


def write_expressions(face: Points) -> None:
    """`expressions.json`: how the portrait's face moves when it shows an emotion, in thousandths of a pixel."""
    moved = {emotion: expression_displacement(face, emotion, 3) for emotion in EMOTIONS}
    write_json(
        "expressions.json", {name: np.round(1000 * one).astype(int).ravel().tolist() for name, one in moved.items()}
    )


def write_pixels() -> None:
    """`pixels.json`: a picture that both sides compute, scaled by Pillow."""
    rows, columns = np.mgrid[:45, :60]
    colours = [(rows * 7 + columns * 3) % 256, (rows * columns) % 256, np.where((rows // 5 + columns // 7) % 2, 255, 0)]
    picture = Image.fromarray(np.stack(colours, -1).astype(np.uint8))
    made = []
    for size, filter_name in (
        ((20, 15), "bilinear"),
        ((11, 7), "bilinear"),
        ((23, 19), "bicubic"),
        ((70, 50), "bilinear"),
    ):
        scaled = picture.resize(size, Image.Resampling[filter_name.upper()], reducing_gap=2.0)
        made.append({"size": size, "filter": filter_name, "pixels": np.asarray(scaled).ravel().tolist()})
    write_json("pixels.json", made)


def write_json(name: str, content: Any) -> None:
    """A compact file."""
    (FIXTURES / name).write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
