"""`POST /v1/generate`: a recording in, its landmarks out."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from fastapi import Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.requests import ClientDisconnect

from kfusion.errors import InputError
from kfusion.inference.identity import LANDMARK_ENDINGS, Identity, read_identity
from kfusion.landmarks import LandmarkSequence
from kfusion.serve.protocol import first_problem
from kfusion.serve.refusal import STATUS, RefusedError
from kfusion.serve.service import Service
from kfusion.serve.uploads import check_small, shown_name, spool, spool_recording

PATH = "/v1/generate"
MEDIA_TYPES = {"json": "application/json", "npz": "application/octet-stream"}
_CHUNK = 64 * 1024
_FILES = ("audio", "face")
_one_face_at_a_time = threading.Lock()
"""Looking for a face turns stderr off and on again, which only one thread may do."""


class Fields(BaseModel):
    """The fields of the form beside the files."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fps: float = Field(30, gt=0, description="landmark frames a second")
    emotion: str | None = Field(None, description="one of kfusion.emotion.EMOTIONS")
    intensity: int | None = Field(None, description="1, 2 or 3, with an emotion")
    format: Literal["json", "npz"] = Field("json", description="of the answer, as `LandmarkSequence.save` writes it")
    allow_silence: bool = Field(False, description="animate a silent recording instead of refusing it")


def _documentation() -> dict[str, Any]:
    file = {"type": "string", "format": "binary"}
    schema = Fields.model_json_schema()
    described = {
        "audio": {**file, "description": "any audio or video file that FFmpeg reads"},
        "face": {**file, "description": "a picture of a face, or its 68 landmarks as .npy, .npz, .json or .csv"},
    }
    body = {"type": "object", "required": ["audio"], "properties": described | schema["properties"]}
    error = {"type": "object", "properties": {"code": {"enum": list(STATUS)}, "message": {"type": "string"}}}
    refused = {"schema": {"type": "object", "properties": {"error": error}}}
    binary = {"schema": file}
    return {
        "summary": "Animate a face with a recording",
        "openapi_extra": {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": body}}}},
        "responses": {
            200: {"description": "The landmarks", "content": {MEDIA_TYPES["npz"]: binary, MEDIA_TYPES["json"]: {}}},
            "default": {"description": "An error", "content": {"application/json": refused}},
        },
    }


DOCUMENTATION = _documentation()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came out of a job."""

    content: bytes
    """Body of the answer."""
    frames: int
    """Landmark frames in it."""


@dataclass(frozen=True, slots=True)
class Job:
    """One recording to animate, in a folder of its own."""

    service: Service
    form: FormData
    fields: Fields
    stop: threading.Event

    def run(self) -> Answer:
        """The landmarks, written.

        Raises:
            InputError: the recording or the face cannot be used.
            RefusedError: the recording is too long, or nobody waits any more.
        """
        with TemporaryDirectory(prefix="kfusion-") as name:
            folder = Path(name)
            try:
                sequence = self._animate(folder)
            except InputError as error:
                raise InputError(str(error).replace(f"{folder}/", "")) from error
            written = sequence.save(folder / f"landmarks.{self.fields.format}")
            return Answer(content=written.read_bytes(), frames=len(sequence))

    def _animate(self, folder: Path) -> LandmarkSequence:
        audio = self.form["audio"]
        assert isinstance(audio, UploadFile)
        sequence = self.service.generator.generate(
            spool_recording(audio, folder / "speech"),
            self._identity(folder),
            fps=self.fields.fps,
            emotion=self.fields.emotion,
            intensity=self.fields.intensity,
            allow_silence=self.fields.allow_silence,
            progress=self._watch,
        )
        return replace(sequence, source=shown_name(audio))

    def _identity(self, folder: Path) -> Identity:
        face = self.form.get("face")
        if not isinstance(face, UploadFile):
            return read_identity(None)
        path = spool(face, folder / "face")
        if path.suffix in LANDMARK_ENDINGS:
            check_small(path)
            return read_identity(path)
        with _one_face_at_a_time:
            return read_identity(path)

    def _watch(self, done_s: float, _: float | None) -> None:
        limit_s = self.service.settings.max_duration_s
        if done_s > limit_s:
            raise RefusedError("too_large", f"the recording lasts longer than {limit_s:g} s: send it in parts")
        if self.stop.is_set() or self.service.closing.is_set():
            raise RefusedError("busy", "the work was stopped: try again")


async def generate(request: Request) -> StreamingResponse:
    """The landmarks of a face saying a recording, as JSON or as the bytes of an .npz file."""
    service: Service = request.app.state.service
    async with request.form(max_files=len(_FILES), max_fields=16, max_part_size=_CHUNK) as form:
        fields = _read_fields(form, service)
        stop = threading.Event()
        try:
            answer = await _unless_gone(request, service.jobs.run(Job(service, form, fields, stop).run))
        finally:
            stop.set()
    service.metrics.frames.labels("generate").inc(answer.frames)
    service.metrics.speech_s.labels("generate").inc(answer.frames / fields.fps)
    headers = {"Content-Length": str(len(answer.content))}
    return StreamingResponse(_chunks(answer.content), media_type=MEDIA_TYPES[fields.format], headers=headers)


def _read_fields(form: FormData, service: Service) -> Fields:
    if not isinstance(form.get("audio"), UploadFile):
        raise RefusedError("unusable_input", "audio: no such file: send multipart/form-data with a file called audio")
    if not isinstance(form.get("face", None), UploadFile | None):
        raise RefusedError("unusable_input", "face: is no file: send a picture or a landmark file")
    try:
        fields = Fields.model_validate({name: text for name, text in form.items() if name not in _FILES and text})
    except ValidationError as error:
        raise RefusedError("unusable_input", first_problem(error)) from error
    service.check_fps(fields.fps)
    return fields


async def _unless_gone(request: Request, work: Awaitable[Answer]) -> Answer:
    """What `work` gives.

    Raises:
        ClientDisconnect: the client hung up first.
    """
    job = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(request.receive())  # the body is read: what else can come is the end
    try:
        await asyncio.wait({job, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not job.done():
            raise ClientDisconnect
        return job.result()
    finally:
        gone.cancel()
        job.cancel()


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), _CHUNK):
        yield content[start : start + _CHUNK]
