"""Sound as microphones and voice frameworks hand it over: raw 16-bit PCM of any rate and number of channels."""

import av
import numpy as np

from kfusion.audio import SAMPLE_RATE_HZ, MonoResampler, Samples
from kfusion.errors import InputError

BYTES_PER_SAMPLE = 2
FULL_SCALE = 32768
MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 192_000


class PcmReader:
    """Pieces of PCM to mono samples at one rate, as they come.

    Another rate than that is resampled on the way, which holds back at most 2 ms of sound until more comes.
    The rate and the channels may change from one piece to the next.
    """

    def __init__(self, to_hz: int = SAMPLE_RATE_HZ) -> None:
        self._mono = MonoResampler(to_hz)

    def __call__(self, pcm: bytes, rate_hz: int = SAMPLE_RATE_HZ, channels: int = 1) -> Samples:
        """The samples (N,), full scale 1, of interleaved signed 16-bit little-endian PCM; the mean of the channels.

        Raises:
            InputError: the rate is out of range, or the bytes are not whole samples of all channels.
        """
        check_rate(rate_hz)
        if channels < 1 or len(pcm) % (BYTES_PER_SAMPLE * channels):
            raise InputError(
                f"{len(pcm)} bytes are not whole samples of {channels} channel(s): "
                f"pass a multiple of {BYTES_PER_SAMPLE * max(1, channels)} bytes of 16-bit PCM"
            )
        if not pcm:
            return np.zeros(0, np.float32)
        interleaved = np.frombuffer(pcm, "<i2").reshape(-1, channels)
        samples = interleaved.mean(axis=1, dtype=np.float32) / np.float32(FULL_SCALE)
        frame = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
        frame.sample_rate = rate_hz
        return _joined(self._mono(frame))

    def flush(self) -> Samples:
        """What the resampler still holds back."""
        return _joined(self._mono.flush())


def check_rate(rate_hz: int) -> None:
    """Raises `InputError` unless sound may have this sample rate."""
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise InputError(f"sample rate is {rate_hz} Hz: use {MIN_RATE_HZ} to {MAX_RATE_HZ}")


def _joined(pieces: list[Samples]) -> Samples:
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
