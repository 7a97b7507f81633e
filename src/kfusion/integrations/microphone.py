"""A microphone as a source of PCM, through PortAudio (`sounddevice`, the extra `microphone`).

The queue between the sound card and the reader is bounded: a reader that falls behind loses the oldest sound.
Silence of the same length stands in its place, so that every sample keeps its time.
"""

import logging
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any, Self

from kfusion.errors import InputError, MissingExtraError, one_line
from kfusion.integrations.pcm import BYTES_PER_SAMPLE, check_rate

log = logging.getLogger(__name__)

QUEUE_S = 1.0
"""The most sound that waits for the reader."""
BLOCK_S = 0.02
"""Sound that the card hands over at a time."""
PATIENCE_S = 5.0
"""A microphone that gives no sound for this long is taken for unplugged."""
GAP_S = 0.05
"""A jump of the card's clock by more than this, after it says that it lost sound, is a hole; less is jitter."""
_PIECE_SAMPLES = 16_000
"""Silence is handed over in pieces of at most this."""


class SoundQueue:
    """PCM between a thread that must never wait and a reader that may fall behind; the oldest sound is dropped."""

    def __init__(self, capacity_samples: int) -> None:
        self._capacity = capacity_samples
        self._held = 0
        self._blocks: deque[tuple[int, bytes]] = deque()
        self._lost_before = 0
        self._ended = False
        self._ready = threading.Condition()
        self.lost_samples = 0
        """Samples that were dropped, or reported as lost, so far."""

    def put(self, pcm: bytes, missing: int = 0) -> None:
        """Append mono PCM; `missing` samples before it were lost on the way here."""
        with self._ready:
            self.lost_samples += missing
            self._blocks.append((missing, pcm))
            self._held += len(pcm) // BYTES_PER_SAMPLE
            while self._held > self._capacity and len(self._blocks) > 1:
                self._drop_oldest()
            self._ready.notify()

    def end(self) -> None:
        """No more sound will come."""
        with self._ready:
            self._ended = True
            self._ready.notify()

    def get(self, timeout_s: float) -> tuple[int, bytes] | None:
        """How many samples are missing before the next PCM, and that PCM; None once the sound has ended.

        Raises:
            TimeoutError: nothing came for `timeout_s`.
        """
        with self._ready:
            if not self._ready.wait_for(lambda: self._blocks or self._ended, timeout_s):
                raise TimeoutError
            if not self._blocks:
                return None
            missing, pcm = self._blocks.popleft()
            missing += self._lost_before
            self._lost_before = 0
            self._held -= len(pcm) // BYTES_PER_SAMPLE
            return missing, pcm

    def _drop_oldest(self) -> None:
        missing, pcm = self._blocks.popleft()
        dropped = len(pcm) // BYTES_PER_SAMPLE
        self._held -= dropped
        self.lost_samples += dropped
        self._lost_before += missing + dropped


class Microphone:
    """An open microphone; a context manager whose `blocks` are mono PCM at `rate_hz`."""

    def __init__(self, device: str = "", rate_hz: int | None = None) -> None:
        """Find the device.

        Args:
            device: its number, or a part of its name; empty for the system's default.
            rate_hz: samples a second; None for what the device prefers.

        Raises:
            MissingExtraError: `sounddevice` or the PortAudio library is not installed.
            InputError: there is no such device, or it does not record at this rate.
        """
        self._portaudio = _portaudio()
        self._name = f"microphone '{device}'" if device else "the default microphone"
        wanted = int(device) if device.isdecimal() else device or None
        try:
            found = self._portaudio.query_devices(wanted, "input")
            self.rate_hz = round(found["default_samplerate"]) if rate_hz is None else rate_hz
            check_rate(self.rate_hz)
            self._queue = SoundQueue(round(QUEUE_S * self.rate_hz))
            self._stream = self._portaudio.RawInputStream(
                samplerate=self.rate_hz,
                blocksize=round(BLOCK_S * self.rate_hz),
                device=wanted,
                channels=1,
                dtype="int16",
                callback=self._take,
                finished_callback=self._queue.end,
            )
        except (ValueError, self._portaudio.PortAudioError) as error:
            raise InputError(
                f"{self._name} cannot be opened ({one_line(error)}): "
                "`python -m sounddevice` lists the devices; or pipe sound into stdin"
            ) from error
        self._expected_s: float | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        lost_s = self._queue.lost_samples / self.rate_hz
        if lost_s:
            log.warning(
                "%s: %.2f s of sound were dropped, because reading fell behind; silence stands in their place",
                self._name,
                lost_s,
            )

    def blocks(self) -> Iterator[bytes]:
        """The sound from now on, as it comes, until the device ends.

        Raises:
            InputError: the device does not start, or no sound comes any more.
        """
        try:
            self._stream.start()
        except self._portaudio.PortAudioError as error:
            raise InputError(f"{self._name} cannot be started ({one_line(error)}): close what else uses it") from error
        while True:
            try:
                block = self._queue.get(PATIENCE_S)
            except TimeoutError:
                raise InputError(
                    f"{self._name} gave no sound for {PATIENCE_S:g} s: check that it is connected"
                ) from None
            if block is None:
                return
            missing, pcm = block
            yield from _silence(missing)
            yield pcm

    def _take(self, data: Any, frames: int, time: Any, status: Any) -> None:
        """Runs in PortAudio's thread for every block."""
        missing = 0
        if status.input_overflow and self._expected_s is not None:
            gap_s = time.inputBufferAdcTime - self._expected_s
            missing = round(gap_s * self.rate_hz) if gap_s > GAP_S else 0
        self._expected_s = time.inputBufferAdcTime + frames / self.rate_hz
        self._queue.put(bytes(data), missing)


def _silence(samples: int) -> Iterator[bytes]:
    for start in range(0, samples, _PIECE_SAMPLES):
        yield bytes(BYTES_PER_SAMPLE * min(_PIECE_SAMPLES, samples - start))


def _portaudio() -> Any:
    try:
        import sounddevice
    except ImportError as error:
        raise MissingExtraError("kfusion stream --microphone", "microphone") from error
    except OSError as error:
        raise MissingExtraError(
            "kfusion stream --microphone",
            "microphone",
            "install the PortAudio library (Debian and Ubuntu: apt install libportaudio2)",
        ) from error
    return sounddevice
