"""`POST /v1/generate`: a recording in, its landmarks out."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from fastapi import Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import ClientDisconnect

from kfusion.landmarks import LandmarkSequence, json_pieces
from kfusion.serve.form import boundary_of
from kfusion.serve.protocol import first_problem
from kfusion.serve.reader import BODY, FILES, SoundOrder
from kfusion.serve.reader_pool import FormContent
from kfusion.serve.refusal import STATUS, RefusedError
from kfusion.serve.service import Service

PATH = "/v1/generate"
MEDIA_TYPES = {"json": "application/json", "npz": "application/octet-stream"}
_CHUNK = 64 * 1024
_WRITTEN_AT_ONCE = 1 << 20


class GenerateFields(BaseModel):
    """The fields of the form beside the files."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fps: float = Field(30, gt=0, description="landmark frames a second")
    emotion: str | None = Field(None, description="one of kfusion.emotion.EMOTIONS")
    intensity: int | None = Field(None, description="1, 2 or 3, with an emotion")
    lead_ms: float | None = Field(None, description="lips so much earlier than the sound (later: below 0), -500 to 500")
    expressiveness: float | None = Field(None, description="how much the face moves, 0 (at rest) to 2")
    format: Literal["json", "npz"] = Field("json", description="of the answer, as `LandmarkSequence.save` writes it")
    allow_silence: bool = Field(False, description="animate a silent recording instead of refusing it")


def _documentation() -> dict[str, Any]:
    file = {"type": "string", "format": "binary"}
    schema = GenerateFields.model_json_schema()
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
class GenerateAnswer:
    """What came out of a recording."""

    content: bytes
    """Body of the answer."""
    frames: int
    """Landmark frames in it."""
    fields: GenerateFields
    notes: list[str]
    """What is worth knowing about the files."""


@dataclass(frozen=True, slots=True)
class GenerateTask:
    """A voice to animate, on a thread."""

    service: Service
    heard: FormContent
    fields: GenerateFields
    name: str
    stop: threading.Event

    def run(self) -> GenerateAnswer:
        """The landmarks, written.

        Raises:
            InputError: the emotion cannot be used.
            RefusedError: nobody waits any more.
        """
        sequence = self.service.generator.generate(
            self.heard.samples,
            self.heard.face,
            fps=self.fields.fps,
            emotion=self.fields.emotion,
            intensity=self.fields.intensity,
            **self.service.delivery(self.fields.lead_ms, self.fields.expressiveness),
            progress=self._watch,
        )
        content = self._written(replace(sequence, source=self.name))
        return GenerateAnswer(content=content, frames=len(sequence), fields=self.fields, notes=self.heard.notes)

    def _written(self, sequence: LandmarkSequence) -> bytes:
        """As `LandmarkSequence.save` writes it."""
        if self.fields.format == "npz":
            with TemporaryDirectory(prefix="kfusion-") as folder:
                return sequence.save(Path(folder) / "landmarks.npz").read_bytes()
        content = bytearray()
        for piece in json_pieces(sequence):
            self._watch()
            content += piece.encode()
        return bytes(content)

    def _watch(self, *_: float | None) -> None:
        if self.stop.is_set() or self.service.closing.is_set():
            raise RefusedError("busy", "the work was stopped: try again")


async def generate(request: Request) -> StreamingResponse:
    """The landmarks of a face saying a recording, as JSON or as the bytes of an .npz file."""
    service: Service = request.app.state.service
    boundary = boundary_of(request.headers.get("content-type", ""))
    with TemporaryDirectory(prefix="kfusion-", ignore_cleanup_errors=True) as folder:
        await _spool(request, Path(folder) / BODY)
        answer = await _unless_gone(request, _animate(service, Path(folder), boundary))
    service.metrics.frames.labels("generate").inc(answer.frames)
    service.metrics.speech_s.labels("generate").inc(answer.frames / answer.fields.fps)
    headers = {"Content-Length": str(len(answer.content))}
    if answer.notes:
        headers["Kfusion-Notes"] = json.dumps(answer.notes)
    return StreamingResponse(_chunks(answer.content), media_type=MEDIA_TYPES[answer.fields.format], headers=headers)


async def _spool(request: Request, path: Path) -> None:
    """The body as a file, as it comes: not a byte of it is looked at in this process."""
    held = bytearray()
    with path.open("wb") as file:
        async for chunk in request.stream():
            held += chunk
            if len(held) >= _WRITTEN_AT_ONCE:
                await asyncio.to_thread(file.write, bytes(held))
                held.clear()
        file.write(held)


async def _animate(service: Service, folder: Path, boundary: str) -> GenerateAnswer:
    async with service.readers.take() as reader:
        form = await reader.form(folder, boundary)
        fields = _read_fields(form["texts"], form["files"], service)
        wanted = SoundOrder(allow_silence=fields.allow_silence, max_duration_s=service.settings.max_duration_s)
        heard = await reader.hear(wanted)
    stop = threading.Event()
    try:
        return await service.jobs.run(
            GenerateTask(service, heard, fields, form["files"]["audio"] or "speech", stop).run
        )
    finally:
        stop.set()


def _read_fields(texts: dict[str, str], files: dict[str, str], service: Service) -> GenerateFields:
    if "_charset_" in texts:
        raise RefusedError("bad_request", "_charset_: this server takes UTF-8 only: leave the field out")
    if "audio" not in files:
        raise RefusedError("unusable_input", "audio: no such file: send multipart/form-data with a file called audio")
    if "face" in texts:
        raise RefusedError("unusable_input", "face: is no file: send a picture or a landmark file")
    try:
        unknown = {name: "" for name in files if name not in FILES}
        fields = GenerateFields.model_validate({name: text for name, text in texts.items() if text} | unknown)
    except ValidationError as error:
        raise RefusedError("unusable_input", first_problem(error)) from error
    service.check_fps(fields.fps)
    service.delivery(fields.lead_ms, fields.expressiveness)
    return fields


async def _unless_gone(request: Request, work: Coroutine[Any, Any, GenerateAnswer]) -> GenerateAnswer:
    """What `work` gives.

    Raises:
        ClientDisconnect: the client hung up first, and the work has ended.
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
        await asyncio.wait({job})


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), _CHUNK):
        yield content[start : start + _CHUNK]
