"""The messages of `WS /v1/stream`, version 1: read and written, without a socket (docs/serving.md)."""

import json
import struct
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kfusion.audio import SAMPLE_RATE_HZ, Samples
from kfusion.inference.landmark_stream import Stream
from kfusion.landmarks import POINT_COUNT, LandmarkSequence, Points, coordinate_keys, rounded_points
from kfusion.serve.form import shown
from kfusion.serve.refusal import RefusedError

VERSION = 1
HEADER = struct.Struct("<II")
"""Before the float32 coordinates of a binary message: number of the first frame, number of frames."""
SAMPLE_TYPES: dict[str, Any] = {"pcm16": np.dtype("<i2"), "float32": np.dtype("<f4")}
Coordinate = Annotated[float, Field(ge=-1e6, le=1e6)]

Face = Annotated[list[tuple[Coordinate, Coordinate]], Field(min_length=POINT_COUNT, max_length=POINT_COUNT)]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Start(_Message):
    """The first message of a client."""

    type: Literal["start"]
    version: int
    sample_rate: int
    format: Literal["pcm16", "float32"] = "pcm16"
    encoding: Literal["json", "binary"] = "json"
    fps: Annotated[float, Field(gt=0)] = 30
    face: Face | None = None
    emotion: str | None = None
    intensity: int | None = None
    lead_ms: float | None = None
    expressiveness: float | None = None
    token: str | None = None

    @property
    def points(self) -> Points | None:
        """The face, (68, 2), image pixels; None for the mean face."""
        return None if self.face is None else np.array(self.face, np.float32)


class Flush(_Message):
    """The last message of a client."""

    type: Literal["flush"]


def read_start(text: str) -> Start:
    """The first message.

    Raises:
        RefusedError: it is not one, is of another version, or announces sound of another rate.
    """
    _check_version(text)
    try:
        start = Start.model_validate_json(text)
    except ValidationError as error:
        raise RefusedError("bad_request", f"start: {first_problem(error)}") from error
    if start.sample_rate != SAMPLE_RATE_HZ:
        raise RefusedError(
            "bad_request", f"start: sample_rate is {start.sample_rate}: send sound of {SAMPLE_RATE_HZ} Hz, mono"
        )
    return start


def read_flush(text: str) -> Flush:
    """The message that ends the sound.

    Raises:
        RefusedError: it is something else.
    """
    try:
        return Flush.model_validate_json(text)
    except ValidationError as error:
        raise RefusedError(
            "bad_request", 'after start, send sound as binary messages and {"type": "flush"} at the end'
        ) from error


def read_sound(message: bytes, kind: str) -> Samples | NDArray[np.int16]:
    """The samples of a binary message, (N,), as the stream takes them.

    Raises:
        RefusedError: the bytes are not whole samples, or a sample is not a finite number.
    """
    sample_type = SAMPLE_TYPES[kind]
    if len(message) % sample_type.itemsize:
        advice = f"send a multiple of {sample_type.itemsize}"
        raise RefusedError("bad_request", f"{len(message)} bytes are no whole {kind} samples: {advice}")
    samples: NDArray[Any] = np.frombuffer(message, sample_type)
    if kind == "float32" and not np.isfinite(samples).all():
        raise RefusedError("bad_request", "a sample is not a finite number: send numbers with full scale at 1")
    return samples


def ready_message(stream: Stream, face: Points, limits: dict[str, float]) -> str:
    """The server's answer to a start: what will come, and the face at rest."""
    return json.dumps(
        {
            "type": "ready",
            "version": VERSION,
            "model": stream.model,
            **coordinate_keys(stream.coordinates),
            "fps": stream.fps,
            "look_ahead_s": stream.look_ahead_s,
            "lead_ms": stream.lead_ms,
            "leads_ms": stream.leads_ms,
            "face": rounded_points(face),
            "limits": limits,
        }
    )


def frames_message(piece: LandmarkSequence, encoding: str) -> str | bytes:
    """Some frames: text for `json`, bytes for `binary`."""
    if encoding == "binary":
        return HEADER.pack(piece.first_frame, len(piece)) + piece.points.astype("<f4").tobytes()
    return json.dumps(
        {
            "type": "frames",
            "first_frame": piece.first_frame,
            "times_s": np.round(piece.times_s, 6).tolist(),
            "points": rounded_points(piece.points),
        },
        separators=(",", ":"),
    )


def read_frames(message: bytes) -> tuple[int, Points]:
    """Number of the first frame, and the frames (T, 68, 2), of a binary message."""
    first, count = HEADER.unpack_from(message)
    return first, np.frombuffer(message, "<f4", offset=HEADER.size).reshape(count, POINT_COUNT, 2)


def error_message(refusal: RefusedError) -> str:
    """The server's last message before it closes for a reason."""
    return json.dumps({"type": "error", "code": refusal.code, "message": str(refusal)})


def first_problem(error: ValidationError) -> str:
    """The first thing that is wrong, on one line."""
    problem = error.errors(include_url=False, include_context=False)[0]
    where = shown(".".join(str(part) for part in problem["loc"]))
    found = "" if problem["type"] == "missing" else f", not {str(problem['input'])[:60]!r}"
    return f"{where}: {problem['msg']}{found}" if where else str(problem["msg"])


def _check_version(text: str) -> None:
    """Other versions may have other fields, so this comes first."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RefusedError("bad_request", "start: is no JSON: send the start message as text") from error
    version = content.get("version") if isinstance(content, dict) else None
    if isinstance(version, int) and version != VERSION:
        raise RefusedError("wrong_version", f"start: version is {version}: this server speaks version {VERSION}")
