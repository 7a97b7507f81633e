"""One video to landmarks at 30 fps and sound that lies on them, sample by sample."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.signal import savgol_filter

from kfusion.audio import SAMPLE_RATE_HZ, Samples, audio_blocks
from kfusion.data.clip import Clip
from kfusion.data.crop import Crop as Crop
from kfusion.data.pictures import Reel, watch
from kfusion.errors import InputError
from kfusion.face import Finder as Finder
from kfusion.landmarks import MOUTH, POINT_COUNT, STABLE_POINTS, Points, Similarity, fit_similarity

FPS = 30
"""Landmark frames a second in every prepared data set."""
MAX_MISSING_SHARE = 0.2
MIN_FRAMES = 6
NOTED_S = 0.5
"""Sound and pictures whose ends are further apart than this are noted."""
_POSE_WINDOW, _FACE_WINDOW, _ORDER = 9, 5, 2


@dataclass(frozen=True, kw_only=True, slots=True)
class ExtractedClip:
    """What one clip gives."""

    landmarks: Points
    """(T, 68, 2), crop pixels, frame t at t / 30 s after the first picture."""
    samples: Samples
    """(T * 16000 // 30,), from the same instant."""
    crop: Crop
    missing: int
    """Pictures without a found face, filled in from their neighbours."""
    notes: tuple[str, ...] = ()
    """What is odd."""


def extract_clip(
    video: Path, finder: Finder, audio: Path | None = None, *, near: Finder | None = None, crowd: Finder | None = None
) -> ExtractedClip:
    """The landmarks and the sound of one video (and of `audio`, where the sound is kept apart).

    Args:
        video: a file.
        finder: of the face.
        audio: the sound, where it is kept apart.
        near: of the face in its crop; None for `finder`.
        crowd: of several faces, to note where there are others.

    Raises:
        InputError: the clip cannot be decoded, is too short, or shows no face too often.
    """
    reel = watch(video, finder, crowd)
    times_s, faces = _detect(reel, near or finder)
    landmarks, missing = _even_landmarks(video, times_s, faces)
    samples, notes = _sound(audio or video, float(times_s[0]) if audio is None else None, _samples_beside(landmarks))
    notes = (*reel.notes, *notes)
    return ExtractedClip(landmarks=landmarks, samples=samples, crop=reel.crop, missing=missing, notes=notes)


def extract_track(clip: Clip) -> ExtractedClip:
    """The landmarks that the corpus brings itself, and their sound; the crop is in the corpus's unit.

    Raises:
        InputError: a file cannot be read, or the clip is too short or without a face too often.
    """
    assert clip.track is not None
    assert clip.audio_path is not None
    track = clip.track(clip.path)
    _check_length(clip.path, len(track.points))
    if np.isnan(track.points).all():
        raise InputError(f"{clip.path}: no face found in any picture")
    crop = Crop.around(track.points)
    landmarks, missing = _even_landmarks(clip.path, track.times_s, crop.to_crop(track.points))
    samples, notes = _sound(clip.audio_path, float(track.times_s[0]), _samples_beside(landmarks))
    return ExtractedClip(landmarks=landmarks, samples=samples, crop=crop, missing=missing, notes=notes)


def _even_landmarks(path: Path, times_s: NDArray[np.float64], faces: Points) -> tuple[Points, int]:
    """Faces as they were found, filled in, smoothed and at 30 fps, and how many were missing."""
    missing = int(np.isnan(faces[:, 0, 0]).sum())
    if missing > MAX_MISSING_SHARE * len(faces):
        raise InputError(f"{path}: no face in {missing} of {len(faces)} pictures: too many to fill in")
    points = smooth(_fill(times_s, faces))
    return resample_monotone(points, times_s - times_s[0]), missing


def _samples_beside(landmarks: Points) -> int:
    return len(landmarks) * SAMPLE_RATE_HZ // FPS


def _detect(reel: Reel, finder: Finder) -> tuple[NDArray[np.float64], Points]:
    times: list[float] = []
    faces: list[Points] = []
    nothing = np.full((POINT_COUNT, 2), np.nan, np.float32)
    for time_s, picture in reel.crops():
        if times and time_s <= times[-1]:
            continue
        found = finder.find(picture)
        times.append(time_s)
        faces.append(found[0] if found else nothing)
    _check_length(reel.video, len(times))
    return np.array(times), np.stack(faces)


def _check_length(path: Path, pictures: int) -> None:
    if pictures < MIN_FRAMES:
        raise InputError(f"{path}: {pictures} pictures: at least {MIN_FRAMES} are needed")


def _fill(times_s: NDArray[np.float64], faces: Points) -> Points:
    """Faces (T, 68, 2) with missing ones put on the line between their neighbours."""
    seen = ~np.isnan(faces[:, 0, 0])
    flat = faces.reshape(len(faces), -1)
    filled = [np.interp(times_s, times_s[seen], column[seen]) for column in flat.T]
    return np.stack(filled, -1).reshape(faces.shape).astype(np.float32)


def smooth(points: Points) -> Points:
    """Points (T, 68, 2) with less extraction noise and every lip closure kept.

    Savitzky-Golay over 9 frames on the head's position, size and rotation, over 5 frames on what is
    not the mouth; the mouth itself moves against the head exactly as it was seen.
    """
    if len(points) < _POSE_WINDOW:
        return points
    stable = list(STABLE_POINTS)
    reference = np.median(points, axis=0).astype(np.float32)
    pose = fit_similarity(reference[None, stable], points[:, stable])
    face = pose.inverse()(points)
    smoothed = savgol_filter(face, _FACE_WINDOW, _ORDER, axis=0)
    smoothed[:, MOUTH] = face[:, MOUTH]
    steady = Similarity(
        savgol_filter(pose.matrix, _POSE_WINDOW, _ORDER, axis=0),
        savgol_filter(pose.offset, _POSE_WINDOW, _ORDER, axis=0),
    )
    return steady(smoothed.astype(np.float32))


def resample_monotone(points: Points, times_s: NDArray[np.float64]) -> Points:
    """Landmarks (T', 68, 2) at t / 30 from landmarks (T, 68, 2) at `times_s`, by monotone cubics: no overshoot."""
    count = int(np.floor(times_s[-1] * FPS + 1e-6)) + 1
    wanted = np.minimum(np.arange(count) / FPS, times_s[-1])
    resampled = [PchipInterpolator(times_s, points[:, point])(wanted) for point in range(points.shape[1])]
    return np.stack(resampled, 1).astype(np.float32)


def _sound(path: Path, start_s: float | None, count: int) -> tuple[Samples, tuple[str, ...]]:
    """The first `count` samples, silence after the end, and what is odd about them.

    The whole recording is decoded, so that damage is found.
    """
    samples, heard, notes = np.zeros(count, np.float32), 0, list[str]()

    def note(words: str, *values: object) -> None:
        notes.append((words % values).removeprefix(f"{path}: "))

    for block in audio_blocks(path, start_s=start_s, note=note):
        kept = block[: max(0, count - heard)]
        samples[heard : heard + len(kept)] = kept
        heard += len(block)
    longer_s = (heard - count) / SAMPLE_RATE_HZ
    if longer_s > NOTED_S:
        notes.append(f"its sound lasts {longer_s:.2f} s longer than its pictures: it is cut off")
    elif -longer_s > NOTED_S:
        notes.append(f"its sound ends {-longer_s:.2f} s before its pictures: silence stands there")
    return samples, tuple(dict.fromkeys(notes))
