"""Corpora that bring landmarks in place of videos."""

from pathlib import Path

import numpy as np
import pytest
from factories.media import plain_face, write_recording
from scipy.spatial.transform import Rotation

from kfusion.audio import SAMPLE_RATE_HZ
from kfusion.data.clip import EMOTION, SENTENCES, check_speakers
from kfusion.data.corpora import CorpusRequest, protocol_of, read_corpus
from kfusion.data.facegood import read_facegood
from kfusion.data.preparation import prepare
from kfusion.data.ravdess import frontal_track, read_ravdess
from kfusion.data.store import ClipStore
from kfusion.errors import InputError
from kfusion.landmarks import Points, fit_similarity, mouth_opening

FRAMES = 90


def opening_face(frames: int = FRAMES) -> Points:
    """(T, 68, 2), a mouth that opens and closes once a second."""
    face = np.repeat(plain_face()[None], frames, 0)
    face[:, 66, 1] += 4 * np.sin(2 * np.pi * np.arange(frames) / 30)
    return face


def write_ravdess(root: Path, names: list[str], fps: float = 30.0, doubtful: tuple[int, ...] = ()) -> Path:
    """Faces that nod and turn before the camera while they speak."""
    (root / "landmarks").mkdir(parents=True)
    (root / "sound").mkdir()
    time = np.arange(FRAMES) / fps
    angles = np.stack([0.2 * np.sin(time), 0.3 * np.cos(2 * time), 0.1 * time], -1)
    place = np.stack([5 * time, -3 * time, 400 + 20 * np.sin(time)], -1)
    depth = np.random.default_rng(1).uniform(-20, 20, 68)
    head = np.concatenate([opening_face(), np.broadcast_to(depth[None, :, None], (FRAMES, 68, 1))], -1)
    points = np.einsum("tij,tpj->tpi", Rotation.from_euler("XYZ", angles).as_matrix(), head) + place[:, None]
    confidence = np.full(FRAMES, 0.98)
    confidence[list(doubtful)] = 0.3
    for name in names:
        np.savez(
            root / "landmarks" / f"{name}.npz",
            points=points.astype(np.float32),
            pose=np.concatenate([place, angles], -1).astype(np.float32),
            confidence=confidence.astype(np.float32),
            fps=np.float64(fps),
        )
        sound = np.arange(FRAMES * SAMPLE_RATE_HZ // 30) % 1000 / 2000
        write_recording(root / "sound" / f"{name}.flac", sound, SAMPLE_RATE_HZ, codec="flac")
    return root


def write_facegood(root: Path, recordings: int = 4, frames: int = 700) -> Path:
    (root / "landmarks").mkdir(parents=True)
    (root / "sound").mkdir()
    for number in range(recordings):
        path = root / "landmarks" / f"r{number}.npz"
        np.savez(path, points=opening_face(frames).astype(np.float32) / 10, fps=np.int64(30))
        ramp = np.arange(frames * SAMPLE_RATE_HZ // 30) / (frames * SAMPLE_RATE_HZ // 30)
        write_recording(root / "sound" / f"r{number}.flac", ramp, SAMPLE_RATE_HZ, codec="flac")
    return root


def test_ravdess_names_give_emotion_intensity_and_actor(tmp_path: Path) -> None:
    names = ["05-01-01-01-01", "08-02-02-02-08", "02-01-01-01-09", "05-02-01-01-24"]
    clips = {clip.clip_id: clip for clip in read_ravdess(write_ravdess(tmp_path, names))}
    found = {name: (clip.emotion, clip.intensity, clip.speaker, clip.split) for name, clip in clips.items()}
    assert found == {
        "05-01-01-01-01": ("angry", 1, "actor01", "val"),
        "08-02-02-02-08": ("surprised", 3, "actor08", "val"),
        "02-01-01-01-09": ("neutral", 1, "actor09", "test"),
        "05-02-01-01-24": ("angry", 3, "actor24", "test"),
    }


def test_the_emotion_protocol_of_ravdess_trains_on_other_actors(tmp_path: Path) -> None:
    names = [f"05-01-01-01-{actor:02d}" for actor in (1, 14, 15, 18, 19, 24)]
    clips = read_corpus("ravdess", CorpusRequest(source=write_ravdess(tmp_path, names), protocol=EMOTION))
    assert [clip.split for clip in clips] == ["train", "train", "val", "val", "test", "test"]
    check_speakers(clips, EMOTION)


def test_another_name_in_ravdess_is_left_out_with_a_notice(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_ravdess(tmp_path, ["05-01-01-01-01", "05-01-01-01-25", "09-01-01-01-01", "notes"])
    assert len(read_ravdess(tmp_path)) == 1
    assert caplog.text.count("left out") == 3


def test_a_turning_head_is_seen_from_the_front(tmp_path: Path) -> None:
    write_ravdess(tmp_path, ["05-01-01-01-01"])
    points = frontal_track(tmp_path / "landmarks" / "05-01-01-01-01.npz").points
    assert np.abs(points - opening_face()).max() < 0.01


def test_ravdess_is_prepared_without_a_face_finder(tmp_path: Path) -> None:
    source = write_ravdess(tmp_path / "in", ["05-01-01-01-09"], fps=29.97, doubtful=(3, 4, 40))
    prepare(read_ravdess(source), tmp_path / "out", workers=1, make_finder=_no_finder)
    (clip,) = ClipStore(tmp_path / "out").split("test")
    landmarks, samples = clip.landmarks(), clip.samples()
    assert clip.frames == FRAMES
    assert len(samples) == FRAMES * SAMPLE_RATE_HZ // 30
    wanted = opening_face()
    back = fit_similarity(landmarks[0], wanted[0])(landmarks)
    assert np.corrcoef(mouth_opening(back), mouth_opening(wanted))[0, 1] > 0.99
    assert 0 < landmarks.min() < landmarks.max() < 256


def test_doubtful_faces_are_filled_in_and_counted(tmp_path: Path) -> None:
    source = write_ravdess(tmp_path / "in", ["05-01-01-01-09"], doubtful=(3, 4, 40))
    prepare(read_ravdess(source), tmp_path / "out", workers=1, make_finder=_no_finder)
    assert "| test | 1 | 0.1 | 1 | 3 |" in (tmp_path / "out" / "README.md").read_text()


def test_too_many_doubtful_faces_are_an_error(tmp_path: Path) -> None:
    source = write_ravdess(tmp_path / "in", ["05-01-01-01-09"], doubtful=tuple(range(40)))
    with pytest.raises(InputError, match="no face in 40 of 90 pictures"):
        prepare(read_ravdess(source), tmp_path / "out", workers=1, make_finder=_no_finder)


def test_facegood_is_cut_into_pieces_with_the_last_recordings_held_out(tmp_path: Path) -> None:
    clips = read_facegood(write_facegood(tmp_path))
    assert [clip.clip_id for clip in clips[:3]] == ["r0/01", "r0/02", "r1/01"]
    assert {clip.clip_id[:2]: clip.split for clip in clips} == {"r0": "train", "r1": "val", "r2": "test", "r3": "test"}
    check_speakers(clips, protocol_of("facegood", None))


def test_a_piece_of_facegood_has_the_sound_of_its_own_part(tmp_path: Path) -> None:
    source = write_facegood(tmp_path / "in")
    prepare(read_facegood(source), tmp_path / "out", workers=1, protocol=SENTENCES, make_finder=_no_finder)
    first, second = ClipStore(tmp_path / "out").split("val")
    assert first.frames == second.frames == 350
    assert np.allclose([first.samples()[0], second.samples()[0]], [0, 0.5], atol=0.01)
    assert np.allclose([first.samples()[-1], second.samples()[-1]], [0.5, 1], atol=0.01)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({}, "no array 'points'"),
        ({"points": np.zeros((5, 66, 2))}, "no array 'points' of shape"),
        ({"points": np.zeros((0, 68, 2))}, "do not have one length"),
        ({"points": np.zeros((9, 68, 2))}, "0 frames a second"),
        ({"points": np.full((9, 68, 2), "a"), "fps": 30}, "no array 'points'"),
    ],
)
def test_a_damaged_landmark_file_gives_one_clear_line(tmp_path: Path, arrays: dict[str, object], words: str) -> None:
    source = write_facegood(tmp_path)
    np.savez(source / "landmarks" / "r1.npz", **arrays)
    with pytest.raises(InputError, match=words):
        read_facegood(source)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not an archive"])
def test_a_file_that_is_no_archive_gives_one_clear_line(tmp_path: Path, content: bytes) -> None:
    source = write_facegood(tmp_path)
    (source / "landmarks" / "r1.npz").write_bytes(content)
    with pytest.raises(
        InputError, match=r"r1\.npz: .*: (take the corpus's own file|record or export it again)"
    ) as caught:
        read_facegood(source)
    assert "\n" not in str(caught.value)


def test_points_that_are_no_numbers_and_missing_sound_are_failures_of_their_clip(tmp_path: Path) -> None:
    source = write_facegood(tmp_path / "in")
    np.savez(source / "landmarks" / "r1.npz", points=np.full((700, 68, 2), np.nan), fps=30)
    (source / "sound" / "r2.flac").unlink()
    prepare(read_facegood(source), tmp_path / "out", workers=1, protocol=SENTENCES, make_finder=_no_finder)
    failures = (tmp_path / "out" / "failures.csv").read_text()
    assert failures.count("not finite numbers") == 2
    assert failures.count("r2.flac") >= 2


def _no_finder() -> None:
    raise AssertionError("there is no video to look at")
