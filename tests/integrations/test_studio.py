from pathlib import Path

import numpy as np
import pytest
from factories.inputs import face_points, tone, write_wav

import kfusion
from kfusion import Generator, assets
from kfusion.errors import InputError
from kfusion.integrations.studio import LIVE_FPS, LiveFace, Studio, Wishes
from kfusion.motion.life import Life, LifeOptions
from kfusion.picture.sitter import read_sitter
from kfusion.picture.talking import TalkingPicture
from kfusion.video import video_frames


@pytest.fixture(scope="module")
def model() -> Generator:
    return kfusion.load(threads=1)


def test_the_film_shows_what_was_wished(model: Generator, tmp_path: Path) -> None:
    speech = write_wav(tmp_path / "speech.wav", tone(0.6), 16_000)
    wishes = Wishes(shown="points", fps=20, files=("csv", "talkinghead"))
    film, files = Studio(model, 10).film(speech, None, wishes, tmp_path)
    assert len(list(video_frames(film))) == 12
    assert [path.name for path in files] == ["landmarks.csv", "motion.talkinghead.json"]
    assert all(path.stat().st_size for path in files)


def test_a_face_without_a_picture_is_shown_as_points(model: Generator, tmp_path: Path) -> None:
    np.save(tmp_path / "face.npy", face_points())
    speech = write_wav(tmp_path / "speech.wav", tone(0.5), 16_000)
    film, _ = Studio(model, 10).film(speech, tmp_path / "face.npy", Wishes(), tmp_path)
    assert len(list(video_frames(film))) == 15


def test_a_recording_that_announces_no_length_ends_at_the_longest(
    model: Generator, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("kfusion.inference.recording.Recording.announced_s", lambda _: None)
    speech = write_wav(tmp_path / "speech.wav", tone(20), 16_000)
    with pytest.raises(InputError, match="at most 5 s"):
        Studio(model, 5).film(speech, None, Wishes(), tmp_path)


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_a_live_face_shows_the_last_frame_of_the_same_stream(model: Generator, rate_hz: int) -> None:
    wishes = Wishes(life=("blinks", "sway"), seed=3)
    sound = (tone(1.0) * 20_000).astype(np.int16)
    live = LiveFace(model, assets.SAMPLE_PORTRAIT, wishes)
    pieces = np.array_split(np.repeat(sound, rate_hz // 16_000), 7)
    for piece in pieces:
        live.hear(rate_hz, np.stack([piece, piece], 1))
    seen = live.end()
    assert live.heard_s == pytest.approx(1, abs=0.01)

    sitter = read_sitter(assets.SAMPLE_PORTRAIT)
    stream = model.stream(sitter.identity)
    points = np.concatenate([stream.push(sound).points, stream.flush().points]) * np.float32(sitter.scale)
    talking = TalkingPicture(sitter.picture, sitter.points)
    life = Life(LIVE_FPS, LifeOptions(gaze=False, brows=False, breath=False, seed=3))
    signs = [life.step(talking.opening(face)) for face in points]
    if rate_hz == 16_000:
        assert np.array_equal(seen, talking.frame(points[-1], signs[-1]))
    else:
        assert np.abs(seen.astype(int) - talking.frame(points[-1], signs[-1])).mean() < 1


def test_a_live_face_needs_a_picture(model: Generator) -> None:
    with pytest.raises(InputError, match="drop a portrait first"):
        LiveFace(model, None, Wishes())


@pytest.mark.parametrize(
    "wrong", [{"shown": "hologram"}, {"life": ["blinks", "sneezes"]}, {"files": ["npz", "fbx"]}], ids=str
)
def test_a_wish_that_nobody_grants_is_named(wrong: dict) -> None:
    with pytest.raises(InputError, match="use "):
        Wishes(**wrong)
