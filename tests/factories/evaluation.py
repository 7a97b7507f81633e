"""Small prepared data sets of made-up speakers, for the tests of the evaluation."""

from pathlib import Path

import numpy as np
from factories.inputs import FPS, SAMPLE_RATE_HZ, face_points, movement
from numpy.typing import NDArray

from kfusion.data.store import ClipStore, clip_table, write_shard
from kfusion.landmarks import Points

SILENT_S = 0.5
"""Every made-up clip starts with so much silence."""


def speech(seed: int, frames: int) -> NDArray[np.float32]:
    """Half a second of faint noise, then a 440 Hz tone whose loudness wanders."""
    random = np.random.default_rng(seed)
    count = frames * SAMPLE_RATE_HZ // FPS
    time_s = np.arange(count) / SAMPLE_RATE_HZ
    knots = random.uniform(0.05, 0.9, 4 + int(8 * time_s[-1]))
    level = np.interp(time_s * 8, np.arange(len(knots)), knots)
    level[time_s < SILENT_S] = 0
    noise = 1e-4 * random.standard_normal(count)
    return (level * np.sin(2 * np.pi * 440 * time_s) + noise).astype(np.float32)


def loudness(samples: NDArray[np.float32], frames: int) -> NDArray[np.float64]:
    """Mean of |samples| within half a frame of each frame, as the tiny bundle hears it."""
    sums = np.concatenate([[0], np.cumsum(np.abs(samples.astype(np.float64)))])
    edges = [
        np.clip(np.round((np.arange(frames) + side) * SAMPLE_RATE_HZ / FPS).astype(int), 0, len(samples))
        for side in (-0.5, 0.5)
    ]
    return (sums[edges[1]] - sums[edges[0]]) * FPS / SAMPLE_RATE_HZ


def talk(samples: NDArray[np.float32], frames: int, *, size: float = 100.0, seed: int = 0) -> Points:
    """A face (frames, 68, 2) that speaks as the tiny bundle would, with a little noise and a nodding head."""
    face = face_points(size=size)
    opened = loudness(samples, frames)[:, None, None] * movement() * size * 0.5
    nod = 1.5 * np.sin(np.arange(frames) / 9)[:, None, None] * np.array([0.3, 1.0])
    noise = np.random.default_rng(seed).normal(0, 0.05, (frames, 68, 2))
    return (face + opened + nod + noise).astype(np.float32)


def prepared(
    root: Path,
    splits: dict[str, dict[str, int]],
    *,
    frames: int = 60,
    corpus: str = "grid",
    emotions: tuple[str | None, ...] = (None,),
) -> ClipStore:
    """A data set with so many clips of each speaker in each split; speakers have faces of their own size.

    The clips of a speaker show `emotions` in turn.
    """
    seed = 0
    (root / "data").mkdir(parents=True)
    for split, speakers in splits.items():
        tables = []
        for place, (speaker, count) in enumerate(speakers.items()):
            for number in range(count):
                seed += 1
                samples = speech(seed, frames)
                landmarks = talk(samples, frames, size=95.0 + 5 * place, seed=seed)
                row = clip_row(f"{speaker}/{split}{number}", speaker, split, corpus, frames)
                row["emotion"] = emotions[number % len(emotions)]
                tables.append(clip_table(row, landmarks, samples))
        write_shard(root / "data" / f"{split}-0.parquet", tables)
    return ClipStore(root)


def clip_row(clip_id: str, speaker: str, split: str, corpus: str, frames: int) -> dict[str, object]:
    """What a prepared data set says of a clip without a label, beside its landmarks and its sound."""
    return {
        "clip_id": clip_id,
        "corpus": corpus,
        "speaker": speaker,
        "split": split,
        "emotion": None,
        "intensity": None,
        "fps": FPS,
        "frames": frames,
        "missing": 0,
        "crop": [0, 0, 256],
        "source": f"{clip_id}.mpg",
    }


class Listener:
    """A predictor that moves the mouth with the loudness, and counts how often it was asked."""

    model_id = "listener"
    emotions: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.calls = 0

    def predict(
        self, samples: NDArray[np.float32], identity: Points, emotion: str | None, intensity: int | None
    ) -> Points:
        """The identity, opened by what is heard."""
        self.calls += 1
        frames = int(np.ceil(len(samples) * FPS / SAMPLE_RATE_HZ))
        return (identity + loudness(samples, frames)[:, None, None] * movement()).astype(np.float32)


class Actor(Listener):
    """A listener that lifts the brows when it is told to be happy, and keeps what it was told."""

    model_id = "actor"
    emotions = ("angry", "happy")

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str | None] = []

    def predict(
        self, samples: NDArray[np.float32], identity: Points, emotion: str | None, intensity: int | None
    ) -> Points:
        """The identity, opened by what is heard, its brows lifted by what is told."""
        self.told.append(emotion)
        points = super().predict(samples, identity, emotion, intensity)
        points[:, 17:27, 1] -= 0.1 * (emotion == "happy")
        return points


def still(frames: int = 6) -> NDArray[np.float32]:
    """A face that does not move, (frames, 68, 2)."""
    return np.repeat(face_points()[None], frames, axis=0)


def wave(frames: int = 90, delay: float = 0.0) -> NDArray[np.float64]:
    """A mouth opening over time in inter-ocular distances, (frames,), late by `delay` frames."""
    time = np.arange(frames) - delay
    return 0.1 + 0.05 * np.sin(time / 3.1) + 0.03 * np.sin(time / 1.7 + 1)


def at(*places: float) -> NDArray[np.float32]:
    """Two points that stand at these x in turn, 10 px above each other."""
    points = np.zeros((len(places), 2, 2), np.float32)
    points[:, :, 0] = np.array(places)[:, None]
    points[:, 1, 1] = 10
    return points
