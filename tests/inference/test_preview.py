import errno
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from factories.inputs import click, face_points, tone, write_bundle, write_wav

import kfusion
from kfusion import LandmarkSequence, assets
from kfusion.audio import read_audio
from kfusion.errors import InputError, OutputError
from kfusion.inference.drawing import DARK, FacePainter, make_ground
from kfusion.inference.film import FILM_KINDS
from kfusion.inference.identity import Identity, Portrait, read_identity
from kfusion.inference.preview import write_preview
from kfusion.video import video_frames


def still(frames: int, fps: float = 30, face: np.ndarray | None = None) -> LandmarkSequence:
    points = np.tile(face_points() if face is None else face, (frames, 1, 1))
    return LandmarkSequence(points=points, fps=fps)


def with_portrait(width: int, height: int, face: np.ndarray) -> Identity:
    picture = np.full((height, width, 3), 90, np.uint8)
    return Identity(points=face, portrait=Portrait(picture=picture, size_px=(width, height)))


@pytest.mark.parametrize("fps", [12.5, 25, 29.97, 30, 60])
def test_pictures_stand_at_t_over_fps(tmp_path: Path, fps: float) -> None:
    sequence = still(20, fps)
    path = write_preview(tmp_path / "preview.mp4", sequence, tone(20 / fps), face_points())
    times_s = [time_s for time_s, _ in video_frames(path)]
    np.testing.assert_allclose(times_s, sequence.times_s, atol=1e-3)


@pytest.mark.parametrize("fps", [25, 30, 60])
def test_the_sound_and_the_picture_of_a_click_meet(tmp_path: Path, fps: float) -> None:
    speech = write_wav(tmp_path / "click.wav", click(1, 0.6, 44_100), 44_100)
    model = kfusion.load(write_bundle(tmp_path / "model.onnx"), threads=1)
    path = write_preview(
        tmp_path / "preview.mp4", model.generate(speech, face_points(), fps=fps), speech, face_points()
    )
    heard_s = np.abs(read_audio(path, start_s=0.0)).argmax() / 16_000
    pictures = [(time_s, picture[::2, ::2].astype(int)) for time_s, picture in video_frames(path)]
    moved = [np.abs(picture - pictures[0][1]).mean() for _, picture in pictures]
    seen_s = pictures[int(np.argmax(moved))][0]
    assert heard_s == pytest.approx(0.6, abs=0.01)
    assert seen_s == pytest.approx(0.6, abs=0.01)


def test_the_video_plays_everywhere(tmp_path: Path) -> None:
    path = write_preview(tmp_path / "preview.mp4", still(45), tone(1.5), assets.SAMPLE_PORTRAIT)
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert video.codec_context.name in {"h264", "mpeg4"}
        assert video.codec_context.pix_fmt == "yuv420p"
        assert (video.width % 2, video.height % 2) == (0, 0)
        assert max(video.width, video.height) <= 640
        assert video.average_rate == Fraction(30)
        assert audio.codec_context.name == "aac"
        assert container.duration / av.time_base == pytest.approx(1.5, abs=0.1)


def test_the_whole_sound_is_in_the_video(tmp_path: Path) -> None:
    samples = tone(2.05)
    path = write_preview(tmp_path / "preview.mp4", still(62), samples, face_points())
    heard = read_audio(path, start_s=0.0)[: len(samples)]
    assert np.corrcoef(heard, samples[: len(heard)])[0, 1] > 0.95
    assert len(heard) > len(samples) - 100


def test_only_the_face_is_painted() -> None:
    face = face_points((200, 150), 100)
    ground = make_ground(with_portrait(401, 301, face), face[None])
    painted = FacePainter(ground, face[None]).paint(face)
    changed = np.argwhere((painted != ground.picture).any(-1))
    low, high = ground.place(face).min(0), ground.place(face).max(0)
    assert len(changed) > 500
    assert (changed.min(0)[::-1] > low - 6).all()
    assert (changed.max(0)[::-1] < high + 6).all()


@pytest.mark.parametrize("size", [(401, 301), (33, 57), (2000, 1500), (640, 640)])
def test_the_ground_is_even_and_not_too_large(size: tuple[int, int]) -> None:
    face = face_points((size[0] / 2, size[1] / 2), min(size) / 2)
    picture = make_ground(with_portrait(*size, face), face[None]).picture
    assert picture.shape[0] % 2 == picture.shape[1] % 2 == 0
    assert 500 <= max(picture.shape) <= 640


def test_a_point_is_drawn_where_it_is_in_a_portrait_that_was_scaled_down() -> None:
    portrait = Portrait(picture=np.zeros((300, 400, 3), np.uint8), size_px=(4000, 3000))
    face = face_points((2000, 1500), 2000)
    ground = make_ground(Identity(points=face, portrait=portrait), face[None])
    painted = FacePainter(ground, face[None]).paint(face)
    column, row = ground.place(face[30:31])[0].astype(int)
    assert painted[row, column].min() > 150
    np.testing.assert_allclose(ground.place(np.array([[0.0, 0.0]])), [[0, 0]], atol=1)


def test_a_small_face_is_shown_near() -> None:
    face = face_points((1000, 600), 100)
    ground = make_ground(with_portrait(2000, 1200, face), face[None])
    assert np.ptp(ground.place(face), axis=0).max() > 150


def test_points_outside_of_the_portrait_are_cut_off() -> None:
    face = face_points((10, 10), 200)
    ground = make_ground(with_portrait(300, 300, face), face[None])
    assert FacePainter(ground, face[None] + 5000).paint(face).shape == ground.picture.shape
    assert FacePainter(ground, face[None]).paint(face).shape == ground.picture.shape


def test_without_a_portrait_the_ground_is_dark_and_holds_all() -> None:
    points = np.stack([face_points((1e5, -3e4), 900), face_points((1e5 + 300, -3e4), 900)])
    ground = make_ground(read_identity(points[0]), points)
    assert (ground.picture == DARK).all()
    placed = ground.place(points)
    assert (placed > 0).all()
    assert (placed < np.array(ground.picture.shape[1::-1])).all()


def test_a_failure_leaves_no_video(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such recording"):
        write_preview(tmp_path / "preview.mp4", still(3), tmp_path / "none.wav", face_points())
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_an_output_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise av.error.OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(FacePainter, "paint", full)
    with pytest.raises(OutputError, match="No space left"):
        write_preview(tmp_path / "preview.mp4", still(3), tone(0.1), face_points())
    assert not list(tmp_path.iterdir())


def test_without_x264_the_video_is_mpeg4(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without = replace(FILM_KINDS[".mp4"], video="no-such-encoder")
    monkeypatch.setitem(FILM_KINDS, ".mp4", without)
    path = write_preview(tmp_path / "preview.mp4", still(10), tone(0.4), face_points())
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.name == "mpeg4"
