"""A client in Python: recordings to landmarks, and streamed speech to landmarks, on another machine.

>>> client = Client("http://127.0.0.1:8000")
>>> sequence = client.generate("speech.wav", "portrait.jpg")
>>> with client.stream() as stream:
...     for samples in microphone:
...         show(stream.push(samples))
...     show(stream.flush())
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kfusion.audio import SAMPLE_RATE_HZ
from kfusion.errors import InputError, KfusionError, MissingExtraError
from kfusion.inference.landmark_stream import checked_sound
from kfusion.landmarks import POINT_COUNT, LandmarkSequence, Points, check_landmarks, coordinates_of

try:
    import httpx
    from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
    from websockets.sync.client import ClientConnection, connect

    from kfusion.serve.protocol import SAMPLE_TYPES, VERSION, read_frames
except ImportError as error:
    raise MissingExtraError("kfusion.serve.client", "serve") from error

TIMEOUT_S = 300
SampleFormat = Literal["pcm16", "float32"]
_MESSAGE_SAMPLES = SAMPLE_RATE_HZ // 2
_MOST_AHEAD_S = 5


class ServiceError(KfusionError):
    """The server refused, failed, or could not be reached; `code` is its error code, or `unreachable`.

    `restarting` is also that of a stream whose server is gone: another one takes the sound that is still to come.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Client:
    """One server.

    Args:
        url: its address, such as `http://127.0.0.1:8000`.
        token: its bearer token; None where it has none.
        timeout_s: for an answer.
    """

    def __init__(self, url: str, token: str | None = None, *, timeout_s: float = TIMEOUT_S) -> None:
        self._url, self._token, self._timeout_s = url.rstrip("/"), token, timeout_s
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    def generate(
        self,
        audio: str | Path,
        face: str | Path | None = None,
        *,
        fps: float = 30,
        emotion: str | None = None,
        intensity: int | None = None,
        lead_ms: float | None = None,
        expressiveness: float | None = None,
        allow_silence: bool = False,
    ) -> LandmarkSequence:
        """The landmarks of `face` saying `audio`, as `Generator.generate` gives them; both are files.

        What is None is left to the server.

        Raises:
            InputError: a file cannot be read.
            ServiceError: the server refused, failed, or could not be reached.
        """
        fields: dict[str, object] = {"fps": fps, "emotion": emotion, "intensity": intensity}
        fields |= {"lead_ms": lead_ms, "expressiveness": expressiveness, "allow_silence": allow_silence}
        sent = {name: str(value) for name, value in fields.items() if value is not None}
        with ExitStack() as opened:
            paths = {"audio": Path(audio)} | ({} if face is None else {"face": Path(face)})
            files = {name: (path.name, opened.enter_context(_open(path))) for name, path in paths.items()}
            try:
                response = httpx.post(
                    f"{self._url}/v1/generate",
                    data={**sent, "format": "npz"},
                    files=files,
                    headers=self._headers,
                    timeout=self._timeout_s,
                )
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise ServiceError("unreachable", f"{self._url}: {error}: check the address and the server") from error
        if response.status_code != httpx.codes.OK:
            raise _http_error(response)
        with TemporaryDirectory(prefix="kfusion-") as folder:
            answer = Path(folder, "landmarks.npz")
            answer.write_bytes(response.content)
            return LandmarkSequence.load(answer)

    @contextmanager
    def stream(
        self,
        face: NDArray[Any] | None = None,
        *,
        fps: float = 30,
        emotion: str | None = None,
        intensity: int | None = None,
        lead_ms: float | None = None,
        expressiveness: float | None = None,
        sample_format: SampleFormat = "pcm16",
    ) -> "Iterator[RemoteStream]":
        """A stream while the block runs.

        Args:
            face: landmarks (68, 2), image pixels; None for the mean face.
            fps: frames a second.
            emotion: as in `Generator.stream`.
            intensity: as in `Generator.stream`.
            lead_ms: as in `Generator.stream`; None for what the server has.
            expressiveness: as in `Generator.stream`; None for what the server has.
            sample_format: of the sound on the wire; `float32` is exact and twice as long as `pcm16`.

        Raises:
            InputError: `face` cannot be used.
            ServiceError: the server refused, or could not be reached.
        """
        start: dict[str, Any] = {
            "type": "start",
            "version": VERSION,
            "sample_rate": SAMPLE_RATE_HZ,
            "format": sample_format,
            "encoding": "binary",
            "fps": fps,
            "face": None if face is None else check_landmarks(face, "face").tolist(),
            "emotion": emotion,
            "intensity": intensity,
        }
        delivery = {"lead_ms": lead_ms, "expressiveness": expressiveness}
        start |= {name: value for name, value in delivery.items() if value is not None}
        url = "ws" + self._url.removeprefix("http") + "/v1/stream"
        options: dict[str, Any] = {"compression": None, "max_size": None, "max_queue": None, "ping_interval": None}
        with ExitStack() as opened:
            try:
                connection = opened.enter_context(connect(url, additional_headers=self._headers, **options))
            except (OSError, InvalidHandshake, InvalidURI) as error:
                raise ServiceError("unreachable", f"{url}: {error}: check the address and the server") from error
            yield RemoteStream(connection, start, self._timeout_s)


class RemoteStream:
    """A `Stream` on a server: the same calls give the same frames, some time later; made by `Client.stream`."""

    def __init__(self, connection: ClientConnection, start: dict[str, Any], timeout_s: float) -> None:
        self._connection, self._timeout_s = connection, timeout_s
        self._format = start["format"]
        self._send(json.dumps(start))
        ready = json.loads(self._receive(timeout_s))
        self.fps: float = ready["fps"]
        self.coordinates: str = coordinates_of(ready)
        """The coordinate frame of the points: `image`, or `crop` for the mean face."""
        self.look_ahead_s: float = ready["look_ahead_s"]
        """As of `Stream`, without the way to the server and back."""
        self.lead_ms: float = ready.get("lead_ms", 0.0)
        self.leads_ms: tuple[int, int] = tuple(ready.get("leads_ms", (0, 0)))
        """As of `Stream`; servers of 0.1 and before have no leads."""
        self.model: str = ready["model"]
        self.limits: dict[str, float] = ready["limits"]
        self._received = 0
        self._sent_s = 0.0
        self._most_ahead_s = _MOST_AHEAD_S + self.look_ahead_s + 1 / self.fps

    def push(self, samples: NDArray[Any]) -> LandmarkSequence:
        """Send sound, and take the frames that have come back by now, maybe none.

        Waits for frames where the sound is more than 5 s ahead of them, so that neither side piles anything up.

        Args:
            samples: (N,), mono at 16 kHz; floats with full scale 1, or int16.

        Raises:
            InputError: the samples cannot be used.
            ServiceError: the server broke the stream off.
        """
        pieces: list[Points] = []
        sound = self._encoded(samples)
        for start in range(0, len(sound), _MESSAGE_SAMPLES):
            message = sound[start : start + _MESSAGE_SAMPLES]
            self._send(message.tobytes())
            self._sent_s += len(message) / SAMPLE_RATE_HZ
            while self._sent_s - self._received / self.fps > self._most_ahead_s:
                pieces.append(self._taken(self._receive(self._timeout_s)))
        with suppress(TimeoutError):
            while True:
                pieces.append(self._taken(self._receive(0)))
        return self._sequence(pieces)

    def flush(self) -> LandmarkSequence:
        """The frames of all sound that was sent; the stream has then ended.

        Raises:
            ServiceError: the server broke the stream off.
        """
        self._send('{"type": "flush"}')
        pieces = []
        while isinstance(message := self._receive(self._timeout_s), bytes):
            pieces.append(self._taken(message))
        return self._sequence(pieces)

    def _encoded(self, samples: NDArray[Any]) -> NDArray[Any]:
        if self._format == "pcm16" and samples.dtype == np.int16 and samples.ndim == 1:
            return samples.astype("<i2")
        sound = checked_sound(samples)
        if self._format == "float32":
            return sound.astype(SAMPLE_TYPES["float32"])
        return np.clip(np.round(sound * 32768), -32768, 32767).astype(SAMPLE_TYPES["pcm16"])

    def _taken(self, message: str | bytes) -> Points:
        assert isinstance(message, bytes)
        _, points = read_frames(message)
        self._received += len(points)
        return points

    def _sequence(self, pieces: list[Points]) -> LandmarkSequence:
        points = np.concatenate([np.zeros((0, POINT_COUNT, 2), np.float32), *pieces])
        return LandmarkSequence(
            points=points,
            fps=self.fps,
            coordinates=self.coordinates,
            model=self.model,
            source="stream",
            first_frame=self._received - len(points),
        )

    def _send(self, message: str | bytes) -> None:
        try:
            self._connection.send(message)
        except ConnectionClosed:
            while True:  # what came before the end; the last says why
                self._receive(0)

    def _receive(self, timeout_s: float) -> str | bytes:
        """The next message.

        Raises:
            TimeoutError: none came in time.
            ServiceError: it is an error, or the connection is gone.
        """
        try:
            message = self._connection.recv(timeout_s)
        except ConnectionClosed as error:
            raise ServiceError("restarting", f"the server is gone ({error}): connect again") from error
        if isinstance(message, str) and (content := json.loads(message))["type"] == "error":
            raise ServiceError(content["code"], content["message"])
        return message


def _open(path: Path) -> Any:
    try:
        return path.open("rb")
    except OSError as error:
        raise InputError(f"{path}: cannot read ({error.strerror}): check the path") from error


def _http_error(response: httpx.Response) -> ServiceError:
    try:
        error = response.json()["error"]
        return ServiceError(error["code"], error["message"])
    except (ValueError, LookupError, TypeError):
        return ServiceError("internal", f"{response.url}: status {response.status_code}: is this a kfusion server?")
