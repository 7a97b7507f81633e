import errno
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from factories.inputs import click, face_points, tone
from factories.portraits import painted_portrait, speaking_face
from PIL import Image

from kfusion import LandmarkSequence, __version__
from kfusion.audio import read_audio
from kfusion.errors import InputError, OutputError
from kfusion.inference.film import synthetic_mark
from kfusion.inference.identity import Identity, Portrait
from kfusion.motion.life import LifeOptions
from kfusion.picture.movie import talking_pictures, write_talking
from kfusion.picture.sitter import MAX_SIDE_PX, seat
from kfusion.picture.talking import TalkingPicture
from kfusion.video import video_frames

SIZE = 130.0


def sitter(width: int = 320, height: int = 240, opening: float = 0.0) -> Identity:
    picture, face = painted_portrait(width, height, size=SIZE, opening=opening)
    return Identity(points=face, portrait=Portrait(picture=picture, size_px=(width, height)))


def speech(frames: int, fps: float = 30.0, width: int = 320, height: int = 240) -> LandmarkSequence:
    """A mouth that opens four times a second."""
    openings = 0.1 - 0.1 * np.cos(2 * np.pi * 4 * np.arange(frames) / fps)
    points = np.stack([speaking_face((width / 2, height / 2), SIZE, gap) for gap in openings])
    return LandmarkSequence(points=points, fps=fps, model="tiny")


@pytest.mark.parametrize("ending", [".mp4", ".webm"])
def test_the_film_holds_every_picture_the_whole_sound_and_says_that_it_is_synthetic(
    tmp_path: Path, ending: str
) -> None:
    path = write_talking(tmp_path / f"talking{ending}", speech(30), tone(1.0), sitter())
    with av.open(str(path)) as film:
        marks = {key.lower(): text for key, text in film.metadata.items()}
        assert "Synthetic" in marks["comment"]
        assert f"kfusion {__version__}" in marks["comment"]
        assert marks["description"].endswith("with model tiny")
        video = film.streams.video[0].codec_context
        assert (video.width, video.height, video.pix_fmt) == (320, 240, "yuv420p")
    times_s = [time_s for time_s, _ in video_frames(path)]
    np.testing.assert_allclose(times_s, np.arange(30) / 30, atol=2e-3)
    assert len(read_audio(path, start_s=0.0)) > 15_500


def test_a_film_plays_before_it_has_come_whole(tmp_path: Path) -> None:
    """Its index stands before its pictures."""
    content = write_talking(tmp_path / "talking.mp4", speech(10), tone(0.3), sitter()).read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_the_colours_of_the_portrait_are_those_of_the_film(tmp_path: Path) -> None:
    for width, height in ((320, 240), (1280, 720)):
        identity = sitter(width, height)
        assert identity.portrait is not None
        sequence = speech(3, width=width, height=height)
        path = write_talking(tmp_path / "talking.mp4", sequence, tone(0.1), identity)
        seen = next(picture for _, picture in video_frames(path)).astype(float)
        face = identity.points.mean(0).astype(int)
        patch = np.s_[face[1] - 8 : face[1] + 8, face[0] - 8 : face[0] + 8]
        np.testing.assert_allclose(seen[patch].mean((0, 1)), identity.portrait.picture[patch].mean((0, 1)), atol=4)
        with av.open(str(path)) as film:
            assert film.streams.video[0].codec_context.colorspace == (1 if height >= 720 else 6)


def test_the_mouth_opens_with_the_sound(tmp_path: Path) -> None:
    frames = 30
    points = np.stack([speaking_face((160, 120), SIZE, 0.25 if frame == 18 else 0) for frame in range(frames)])
    path = write_talking(tmp_path / "talking.mp4", LandmarkSequence(points=points, fps=30.0), click(1, 0.6), sitter())
    pictures = [(time_s, picture.astype(int)) for time_s, picture in video_frames(path)]
    moved = [np.abs(picture - pictures[0][1]).mean() for _, picture in pictures]
    assert pictures[int(np.argmax(moved))][0] == pytest.approx(0.6, abs=0.01)
    assert np.abs(read_audio(path, start_s=0.0)).argmax() / 16_000 == pytest.approx(0.6, abs=0.01)


def test_a_gif_moves_at_the_speed_of_the_sequence(tmp_path: Path) -> None:
    path = write_talking(tmp_path / "talking.gif", speech(30, fps=25), tone(1.2), sitter())
    with Image.open(path) as gif:
        durations = []
        for frame in range(gif.n_frames):
            gif.seek(frame)
            durations.append(gif.info["duration"])
        assert gif.size == (320, 240)
        assert sum(durations) == pytest.approx(1200, abs=60)
        assert len(durations) > 5


def test_png_frames_are_the_pictures_themselves(tmp_path: Path) -> None:
    folder = tmp_path / "talking"
    for frames in (5, 3):
        write_talking(folder, speech(frames), tone(0.2), sitter())
    assert sorted(path.name for path in folder.iterdir()) == ["000000.png", "000001.png", "000002.png"]
    expected = list(talking_pictures(speech(3), seat(sitter())))
    for index, picture in enumerate(expected):
        with Image.open(folder / f"{index:06}.png") as image:
            assert (np.asarray(image) == picture).all()
            assert image.info["Comment"] == synthetic_mark("")["comment"]


def test_picture_and_points_stand_side_by_side(tmp_path: Path) -> None:
    path = write_talking(tmp_path / "both.mp4", speech(5), tone(0.2), sitter(), beside_points=True)
    picture = next(picture for _, picture in video_frames(path))
    assert picture.shape[0] == 240
    assert picture.shape[1] > 500
    assert picture.shape[1] % 2 == 0


@pytest.mark.parametrize("size", [(321, 241), (320, 241), (63, 97)])
def test_odd_portraits_lose_a_row_or_column(tmp_path: Path, size: tuple[int, int]) -> None:
    picture, face = painted_portrait(*size)
    identity = Identity(points=face, portrait=Portrait(picture=picture, size_px=size))
    sequence = LandmarkSequence(points=np.stack([face, face]), fps=25.0)
    path = write_talking(tmp_path / "talking.mp4", sequence, tone(0.1), identity)
    assert next(p for _, p in video_frames(path)).shape[:2] == (size[1] // 2 * 2, size[0] // 2 * 2)


def test_a_portrait_is_drawn_at_its_full_size_and_above_4k_at_that(tmp_path: Path) -> None:
    picture, face = painted_portrait(2000, 1500, size=600)
    Image.fromarray(picture).save(tmp_path / "portrait.png")
    small = np.asarray(Image.fromarray(picture).resize((1600, 1200)))
    identity = Identity(points=face, portrait=Portrait(picture=small, size_px=(2000, 1500)))
    whole = seat(identity, tmp_path / "portrait.png")
    assert (whole.picture == picture).all()
    np.testing.assert_allclose(whole.points, face)
    np.testing.assert_allclose(seat(identity).points, face * 0.8)
    huge = np.asarray(Image.fromarray(picture).resize((5000, 3750)))
    Image.fromarray(huge).save(tmp_path / "huge.png")
    identity = Identity(points=face * 2.5, portrait=Portrait(picture=small, size_px=(5000, 3750)))
    sitter_4k = seat(identity, tmp_path / "huge.png")
    assert max(sitter_4k.picture.shape) == MAX_SIDE_PX
    np.testing.assert_allclose(sitter_4k.points, face * 2.5 * MAX_SIDE_PX / 5000, rtol=1e-4)


@pytest.mark.parametrize("mode", ["L", "RGBA", "LA", "P", "I;16", "CMYK"])
def test_portraits_of_any_mode_talk(tmp_path: Path, mode: str) -> None:
    picture, face = painted_portrait(320, 240, size=SIZE)
    image = Image.fromarray(picture)
    if mode == "I;16":
        image = Image.fromarray((picture.mean(-1) * 256).astype(np.uint16))
    else:
        image = image.convert("L").convert(mode) if mode == "LA" else image.convert(mode)
    path = tmp_path / ("portrait.tif" if mode == "CMYK" else "portrait.png")
    image.save(path)
    identity = Identity(points=face, portrait=Portrait(picture=picture, size_px=(320, 240)))
    shown = list(talking_pictures(speech(3), seat(identity, path)))
    assert [frame.shape for frame in shown] == [(240, 320, 3)] * 3


def test_without_a_picture_of_the_face_there_is_no_talking_picture() -> None:
    with pytest.raises(InputError, match="needs a picture of the face"):
        seat(Identity(points=face_points()))


def test_a_covered_mouth_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    identity = sitter()
    assert identity.portrait is not None
    covered = identity.portrait.picture.copy()
    x, y = identity.points[48:68].mean(0).astype(int)
    covered[y - 25 : y + 25, x - 40 : x + 40] = (150, 190, 215)
    identity = Identity(points=identity.points, portrait=Portrait(picture=covered, size_px=(320, 240)))
    with pytest.raises(InputError, match="the portrait: the mouth cannot be seen"):
        write_talking(tmp_path / "talking.mp4", speech(3), tone(0.1), identity)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["talking.mp4", "talking.gif", "talking"])
def test_an_interrupted_film_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def stop(done: int, _: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_talking(tmp_path / name, speech(10), tone(0.3), sitter(), progress=stop)
    assert not list(tmp_path.iterdir())

    def full(*_: object) -> None:
        raise av.error.OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(TalkingPicture, "frame", full)
    with pytest.raises((OutputError, OSError), match="No space left"):
        write_talking(tmp_path / name, speech(10), tone(0.3), sitter())
    assert not list(tmp_path.iterdir())


def test_pictures_come_one_at_a_time_and_memory_does_not_grow() -> None:
    def peak(frames: int) -> int:
        pictures: Iterator[np.ndarray] = talking_pictures(speech(frames), seat(sitter()), LifeOptions())
        next(pictures)
        tracemalloc.start()
        for _ in pictures:
            pass
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(60) < 1.2 * peak(15) + 200_000


def test_the_same_seed_draws_the_same_film() -> None:
    first, again = (list(talking_pictures(speech(40), seat(sitter()), LifeOptions(seed=5))) for _ in range(2))
    other = list(talking_pictures(speech(40), seat(sitter()), LifeOptions(seed=6)))
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert any((a != b).any() for a, b in zip(first, other, strict=True))
