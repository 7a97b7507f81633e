"""Speech of any length: the packaged recording, over and over."""

import wave
from pathlib import Path

import numpy as np

from kfusion.assets import SAMPLE_SPEECH
from kfusion.audio import SAMPLE_RATE_HZ, Samples, read_audio


def speech(duration_s: float) -> Samples:
    """So many seconds, mono, 16 kHz."""
    return np.resize(read_audio(SAMPLE_SPEECH), round(duration_s * SAMPLE_RATE_HZ))


def speech_file(folder: Path, duration_s: float) -> Path:
    """The same as a 16-bit WAV file in `folder`."""
    path = folder / f"speech-{duration_s:g}s.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE_HZ, 0, "NONE", ""))
        file.writeframes((speech(duration_s) * 32767).round().astype("<i2").tobytes())
    return path
