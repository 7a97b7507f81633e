"""When nobody speaks.

The rule: the sound between 150 and 6000 Hz (rumble and hum do not count) is measured every 10 ms as the
RMS over 40 ms. It is quiet where that is 25 dB under the clip's loud moments (the 95th percentile of the
same measure), or under -60 dBFS. A frame is silent when everything within 0.1 s before and after it is
quiet, so pauses shorter than 0.2 s, such as the closure of a stop, do not count; beyond the two ends of
the clip nothing is heard. A recording with less than 25 dB between speech and noise has no silence.
"""

import numpy as np
from numpy.typing import NDArray

from kfusion.audio import SAMPLE_RATE_HZ, Samples

BAND_HZ = (150, 6000)
STEP_SAMPLES = SAMPLE_RATE_HZ // 100
LEVEL_SAMPLES = 4 * STEP_SAMPLES
UNDER_SPEECH_DB = 25.0
LOUD_PERCENTILE = 95
FLOOR_DBFS = -60.0
AROUND_S = 0.1


def find_silence(samples: Samples, frames: int, fps: int = 30) -> NDArray[np.bool_]:
    """Which of `frames` frames are silent, (frames,); frame t is heard at t / fps."""
    quiet = _quiet(samples)
    heard = np.concatenate([[0], np.cumsum(~quiet)])
    middle = np.round(np.arange(frames) / fps * SAMPLE_RATE_HZ / STEP_SAMPLES).astype(int)
    reach = round(AROUND_S * SAMPLE_RATE_HZ / STEP_SAMPLES)
    first, last = (np.clip(middle + edge, 0, len(quiet)) for edge in (-reach, reach + 1))
    silent: NDArray[np.bool_] = heard[last] == heard[first]
    return silent


def _quiet(samples: Samples) -> NDArray[np.bool_]:
    """Whether each 10 ms step is quiet; step i is centred on i * 10 ms."""
    if not len(samples):
        return np.zeros(0, np.bool_)
    level = _level_db(_speech_band(samples))
    quiet: NDArray[np.bool_] = level < max(FLOOR_DBFS, np.percentile(level, LOUD_PERCENTILE) - UNDER_SPEECH_DB)
    return quiet


def _speech_band(samples: Samples) -> NDArray[np.float64]:
    spectrum = np.fft.rfft(samples.astype(np.float64))
    frequency = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE_HZ)
    spectrum[(frequency < BAND_HZ[0]) | (frequency > BAND_HZ[1])] = 0
    return np.fft.irfft(spectrum, len(samples))


def _level_db(sound: NDArray[np.float64]) -> NDArray[np.float64]:
    power = np.concatenate([[0.0], np.cumsum(sound * sound)])
    middle = np.arange(0, len(sound), STEP_SAMPLES)
    first, last = (np.clip(middle + edge, 0, len(sound)) for edge in (-LEVEL_SAMPLES // 2, LEVEL_SAMPLES // 2))
    mean_power = (power[last] - power[first]) / (last - first)
    level: NDArray[np.float64] = 10 * np.log10(np.maximum(mean_power, 1e-12))
    return level
