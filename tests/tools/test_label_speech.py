"""Speech alone becomes a data set: the weights for recordings say how a face speaks it."""

import csv
import sys
from pathlib import Path

import label_speech
import numpy as np
import pytest

import kfusion
from kfusion import assets
from kfusion.audio import read_audio
from kfusion.data.store import ClipStore, encode_wav

SPEAKERS = [f"s{number}" for number in range(4)]


@pytest.fixture
def listing(tmp_path: Path) -> Path:
    """Two seconds of each of four speakers, two clips of one, and a clip that is too short."""
    speech = read_audio(assets.SAMPLE_SPEECH)
    rows = []
    for speaker, seconds in [*((name, 2.0) for name in SPEAKERS), ("s0", 2.0), ("s1", 0.5)]:
        path = f"{speaker}-{len(rows)}.wav"
        (tmp_path / path).write_bytes(encode_wav(speech[: int(seconds * 16_000)]))
        rows.append({"path": path, "dataset": "home", "speaker": speaker, "seconds": seconds})
    with (tmp_path / "speech.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return tmp_path / "speech.csv"


def test_the_labels_are_what_the_packaged_weights_say(
    listing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(label_speech, "FORMANTS", (1.0,))
    monkeypatch.setattr(label_speech, "SPEAKER_S", 3.5)
    monkeypatch.setattr(label_speech, "VAL_SHARE", 0.5)
    monkeypatch.setattr(sys, "argv", ["label_speech.py", str(listing), str(tmp_path / "out")])
    label_speech.main()
    clips = ClipStore(tmp_path / "out").clips
    assert sorted(clip.clip_id for clip in clips) == ["s0-0", "s0-4", "s1-1", "s2-2", "s3-3"]
    assert {clip.clip_id: clip.frames for clip in clips}["s0-4"] == 45  # a speaker's 3.5 s are full
    sides = {clip.speaker: {other.split for other in clips if other.speaker == clip.speaker} for clip in clips}
    assert all(len(side) == 1 for side in sides.values())
    clip = next(clip for clip in clips if clip.clip_id == "s2-2")
    said = kfusion.load(threads=1).generate(read_audio(listing.parent / "s2-2.wav")).points
    np.testing.assert_allclose(clip.landmarks(), said, atol=1e-3)
    assert len(clip.samples()) == clip.frames * 16_000 // 30


def test_other_voices_move_the_mean_a_little(listing: Path) -> None:
    sound, model = read_audio(listing.parent / "s2-2.wav"), kfusion.load(threads=1)
    plain, deeper = (label_speech._spoken(sound, formant, model) for formant in (1.0, 0.85))
    assert abs(len(deeper) - len(plain)) <= 1
    assert 0 < np.abs(deeper[:55] - plain[:55]).mean() < 3


def test_labels_are_the_mean_of_the_teachers_with_its_motion_scaled(
    listing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(label_speech, "FORMANTS", (1.0,))
    sound = read_audio(listing.parent / "s2-2.wav")
    teachers = [kfusion.load(path, threads=1) for path in (assets.DEFAULT_MODEL, assets.STREAM_MODEL)]
    each = [np.asarray(teacher.generate(sound, fps=30).points) for teacher in teachers]
    plain, scaled = (label_speech._said(sound, teachers, gain) for gain in (1.0, 1.2))
    np.testing.assert_allclose(plain, (each[0] + each[1]) / 2, atol=1e-3)
    spreads = [points.std(0)[48:].mean() for points in (plain, scaled)]
    assert spreads[1] / spreads[0] == pytest.approx(1.2, abs=1e-3)
