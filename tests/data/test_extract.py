"""Landmarks at t / 30 and sound that lies on them, from videos with something drawn at known places."""

import tracemalloc
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest
from factories.media import (
    BlobFinder,
    FlashFinder,
    LostFinder,
    blob_picture,
    plain_face,
    sine,
    write_pcm,
    write_video,
)
from PIL import Image

import kfusion
from kfusion.data import pictures
from kfusion.data.extract import Crop, extract_clip, resample_monotone, smooth
from kfusion.data.pictures import watch
from kfusion.data.scout import MAX_SEARCHES, Scout, most_often_seen
from kfusion.errors import InputError
from kfusion.face import FaceFinder
from kfusion.landmarks import MOUTH, frame_count, inter_ocular_distance, mouth_opening

RATES = {
    "25 fps": [i / 25 for i in range(38)],
    "29.97 fps": [i * 1001 / 30000 for i in range(45)],
    "30 fps": [i / 30 for i in range(45)],
    "60 fps, starting late": [0.7 + i / 60 for i in range(80)],
    "variable": list(accumulate([0.03, 0.05, 0.02, 0.1, 0.04, 0.033] * 6)),
}


def mouth_x(time_s: float) -> float:
    return 140 + 30 * time_s


def moving(time_s: float) -> np.ndarray:
    return blob_picture((mouth_x(time_s), 140))


def sounding(seconds: float) -> np.ndarray:
    return sine(seconds, 48_000)


@pytest.mark.parametrize("rate", RATES)
def test_landmarks_stand_at_t_over_30_whatever_the_video_rate(tmp_path: Path, rate: str) -> None:
    times_s = RATES[rate]
    path = write_video(tmp_path / "a.mkv", times_s, moving, sound=sounding(2.5))
    clip = extract_clip(path, BlobFinder())
    duration_s = times_s[-1] - times_s[0]
    assert len(clip.landmarks) == int(duration_s * 30 + 1e-3) + 1
    seen_x = clip.crop.to_image(clip.landmarks)[:, MOUTH, 0].mean(1)
    expected_x = mouth_x(times_s[0] + np.arange(len(seen_x)) / 30)
    np.testing.assert_allclose(seen_x, expected_x, atol=0.2)
    assert abs(np.mean(seen_x - expected_x)) < 0.05
    assert len(clip.samples) == len(clip.landmarks) * 16_000 // 30
    assert frame_count(len(clip.samples) / 16_000, 30) == len(clip.landmarks)


def flash(at_s: float, picture_s: float) -> object:
    def draw(time_s: float) -> np.ndarray:
        return np.full((256, 256, 3), 255 if abs(time_s - at_s) < picture_s / 2 else 0, np.uint8)

    return draw


@pytest.mark.parametrize("ending", ["mov", "mkv"])
@pytest.mark.parametrize(
    ("video_start_s", "sound_start_s"), [(0.0, 0.0), (0.0, 0.25), (0.4, 0.0), (0.4, 0.15), (0.2, 0.2)]
)
def test_a_click_and_a_flash_stay_together(
    tmp_path: Path, ending: str, video_start_s: float, sound_start_s: float
) -> None:
    at_s = video_start_s + 0.8
    times_s = [video_start_s + i / 30 for i in range(45)]
    sound = np.zeros(2 * 48_000)
    sound[round((at_s - sound_start_s) * 48_000)] = 0.9
    draw = flash(at_s, 1 / 30)
    path = write_video(tmp_path / f"a.{ending}", times_s, draw, sound=sound, sound_start_s=sound_start_s)
    clip = extract_clip(path, FlashFinder())
    assert int(np.argmax(mouth_opening(clip.landmarks))) == 24
    assert abs(int(np.argmax(clip.samples)) - 0.8 * 16_000) <= 1
    assert len(clip.samples) == 45 * 16_000 // 30


def test_sound_kept_apart_starts_with_the_first_picture(tmp_path: Path) -> None:
    sound = np.zeros(32_000)
    sound[8000] = 0.9
    video = write_video(tmp_path / "a.mkv", [i / 25 for i in range(25)], moving)
    clip = extract_clip(video, BlobFinder(), write_pcm(tmp_path / "a.wav", sound, 16_000))
    assert int(np.argmax(clip.samples)) == 8000


def test_sound_that_ends_early_is_followed_by_silence(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", RATES["25 fps"], moving, sound=sounding(0.5))
    clip = extract_clip(path, BlobFinder())
    assert len(clip.samples) == len(clip.landmarks) * 16_000 // 30
    assert not clip.samples[8100:].any()


def test_gaps_are_filled_from_their_neighbours_and_counted(tmp_path: Path) -> None:
    times_s = RATES["25 fps"]
    hidden = {10, 11, 12, 30}

    def draw(time_s: float) -> np.ndarray:
        return blob_picture(None if round(time_s * 25) in hidden else (mouth_x(time_s), 140))

    clip = extract_clip(write_video(tmp_path / "a.mkv", times_s, draw, sound=sounding(1.5)), BlobFinder())
    assert clip.missing == 4
    seen_x = clip.crop.to_image(clip.landmarks)[:, MOUTH, 0].mean(1)
    np.testing.assert_allclose(seen_x, mouth_x(np.arange(len(seen_x)) / 30), atol=0.3)


def test_too_many_gaps_are_an_error(tmp_path: Path) -> None:
    def draw(time_s: float) -> np.ndarray:
        return blob_picture(None if round(time_s * 25) % 3 == 0 else (150, 140))

    path = write_video(tmp_path / "a.mkv", RATES["25 fps"], draw, sound=sounding(1.5))
    with pytest.raises(InputError, match="no face in 13 of 38 pictures"):
        extract_clip(path, BlobFinder())


@pytest.mark.parametrize("finder", [LostFinder(), BlobFinder()])
def test_a_video_without_a_face_is_an_error(tmp_path: Path, finder: LostFinder) -> None:
    path = write_video(tmp_path / "a.mkv", RATES["25 fps"], lambda _: np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(InputError, match="no face found in any picture"):
        extract_clip(path, finder)


def test_a_video_that_is_too_short_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="5 pictures: at least 6"):
        extract_clip(write_video(tmp_path / "a.mkv", RATES["25 fps"][:5], moving), BlobFinder())


def test_a_video_without_sound_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no audio track"):
        extract_clip(write_video(tmp_path / "a.mkv", RATES["25 fps"], moving), BlobFinder())


def test_the_crop_holds_the_face_throughout_and_does_not_move(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", RATES["25 fps"], moving)
    crop = watch(path, BlobFinder()).crop
    for time_s in RATES["25 fps"]:
        points = crop.to_crop(BlobFinder().find(moving(time_s))[0])
        assert points.min() > 0
        assert points.max() < 256


def test_the_face_that_is_there_most_often_is_followed() -> None:
    walking = [plain_face() + np.array([20 * step, 0]) for step in range(6)]
    other = [plain_face() * 2 + np.array([400, 0]) for _ in range(3)]
    faces = [face for pair in zip(walking[:3], other, strict=True) for face in pair] + walking[3:]
    np.testing.assert_array_equal(most_often_seen(faces), walking)
    np.testing.assert_array_equal(most_often_seen([*walking[:3], *other]), other)


def test_tiles_are_searched_a_bounded_number_of_times() -> None:
    looks = []

    class Watched(LostFinder):
        def find(self, image: np.ndarray) -> list[np.ndarray]:
            looks.append(image.shape)
            return super().find(image)

    scout, picture = Scout(Watched()), np.random.default_rng(0).integers(0, 255, (108, 192, 3), np.uint8)
    counts = []
    for _ in range(MAX_SEARCHES + 2):
        looks.clear()
        assert scout.find(picture) is None
        counts.append(len(looks))
    assert counts[0] > 10
    assert counts == [counts[0]] * MAX_SEARCHES + [1, 1]


@pytest.mark.parametrize("face_px", [62, 165])
def test_a_small_face_in_a_large_picture_is_followed(tmp_path: Path, face_px: int) -> None:
    with FaceFinder(max_faces=1) as finder:
        portrait = Image.open(Path(kfusion.__file__).parent / "assets" / "portrait.jpg").convert("RGB")
        alone = finder.find(np.asarray(portrait))[0]
        shrunk = face_px / np.ptp(alone, axis=0).max()
        small = np.asarray(portrait.resize((round(portrait.width * shrunk),) * 2))

        def draw(time_s: float) -> np.ndarray:
            picture = np.full((1080, 1920, 3), 110, np.uint8)
            left = 1100 + round(100 * time_s)
            picture[400 : 400 + len(small), left : left + len(small)] = small
            return picture

        path = write_video(
            tmp_path / "webcam.mp4", [i / 10 for i in range(8)], draw, sound=sounding(0.8), audio_codec="aac"
        )
        clip = extract_clip(path, finder)
    assert clip.missing == 0
    start = clip.crop.to_image(clip.landmarks)[0]
    error = np.linalg.norm(start - (alone * shrunk + [1100, 400]), axis=-1).mean()
    assert error / inter_ocular_distance(alone * np.float32(shrunk)) < 0.06


def test_crop_to_image_and_back_does_not_drift() -> None:
    crop = Crop(left=-13, top=40, side=317)
    points = plain_face()
    for _ in range(20):
        points = crop.to_image(crop.to_crop(points))
    np.testing.assert_allclose(points, plain_face(), atol=1e-3)


def test_the_crop_picture_and_the_crop_points_agree() -> None:
    picture = blob_picture((160, 140))
    crop = Crop(left=60, top=20, side=200)
    in_picture, in_crop = BlobFinder().find(picture)[0], BlobFinder().find(crop.image(picture))[0]
    np.testing.assert_allclose(crop.to_crop(in_picture)[MOUTH].mean(0), in_crop[MOUTH].mean(0), atol=0.1)


def test_what_lies_outside_the_picture_is_black() -> None:
    picture = np.full((100, 100, 3), 200, np.uint8)
    square = Crop(left=-50, top=0, side=100).image(picture)
    assert not square[:, :120].any()
    assert (square[:, 136:] == 200).all()


def shaking(count: int) -> np.ndarray:
    random = np.random.default_rng(1)
    head = random.normal(0, 0.3, (count, 1, 2)) + np.cumsum(random.normal(0, 0.5, (count, 1, 2)), 0)
    return (plain_face()[None] + head + random.normal(0, 0.2, (count, 68, 2))).astype(np.float32)


def test_smoothing_keeps_a_sharp_closure_closed() -> None:
    points = shaking(40)
    points[17, 66] = points[17, 62]
    smoothed = smooth(points)
    assert float(mouth_opening(smoothed)[17]) < 1e-4
    assert float(mouth_opening(smoothed)[16]) > 5


def test_smoothing_leaves_the_mouth_against_the_head_as_it_was_seen() -> None:
    points = shaking(40)
    ratio = mouth_opening(smooth(points)) / mouth_opening(points)
    np.testing.assert_allclose(ratio, 1, atol=0.02)


def test_smoothing_takes_noise_off_a_still_face() -> None:
    random = np.random.default_rng(2)
    noisy = (plain_face()[None] + random.normal(0, 0.3, (60, 68, 2))).astype(np.float32)
    still = [*range(48)]
    before, after = (np.diff(points[:, still], axis=0).std() for points in (noisy, smooth(noisy)))
    assert after < 0.6 * before


def test_resampling_adds_no_overshoot_and_no_lag() -> None:
    times_s = np.arange(20) / 25
    opening = np.zeros(20)
    opening[10:] = 12
    points = np.repeat(plain_face()[None], 20, 0)
    points[:, 66, 1] += opening.astype(np.float32)
    resampled = resample_monotone(points, times_s)
    moved = resampled[:, 66, 1] - plain_face()[66, 1]
    assert moved.min() >= -1e-4
    assert moved.max() <= 12 + 1e-4
    assert np.searchsorted(moved, 6) == np.ceil(9.5 / 25 * 30)


def test_a_closure_at_a_picture_stays_closed_at_30_fps() -> None:
    points = np.repeat(plain_face()[None], 31, 0)
    points[15, 66] = points[15, 62]
    resampled = resample_monotone(smooth(points), np.arange(31) / 30)
    assert float(mouth_opening(resampled)[15]) < 1e-4


def test_a_long_video_needs_no_more_memory_than_a_short_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_KEPT_BYTES", 1 << 20)

    def peak(count: int) -> int:
        times_s = [i / 25 for i in range(count)]
        picture = blob_picture((150, 140))
        path = write_video(tmp_path / f"{count}.mkv", times_s, lambda _: picture, sound=sounding(0.2))
        tracemalloc.start()
        try:
            extract_clip(path, BlobFinder())
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    pictures_bytes = 80 * 240 * 320 * 3
    assert peak(100) - peak(20) < pictures_bytes / 5


@pytest.mark.slow
def test_the_landmarks_of_a_real_face_follow_it(tmp_path: Path) -> None:
    portrait = Path(kfusion.__file__).parent / "assets" / "portrait.jpg"
    face = np.asarray(Image.open(portrait).convert("RGB").resize((240, 240)))

    def shift(time_s: float) -> int:
        return round(40 * time_s)

    def draw(time_s: float) -> np.ndarray:
        picture = np.full((280, 400, 3), 90, np.uint8)
        picture[20:260, 60 + shift(time_s) : 300 + shift(time_s)] = face
        return picture

    times_s = [i / 25 for i in range(26)]
    path = write_video(tmp_path / "a.mp4", times_s, draw, sound=sounding(1.1), audio_codec="aac")
    with FaceFinder(max_faces=1) as finder:
        clip = extract_clip(path, finder)
        alone = finder.find(face)[0]
    seen = clip.crop.to_image(clip.landmarks)
    expected = alone + np.array([[[60 + 40 * frame / 30, 20]] for frame in range(len(seen))])
    error = np.linalg.norm(seen - expected, axis=-1) / inter_ocular_distance(alone)
    assert clip.missing == 0
    assert len(seen) == 31
    assert error.mean() < 0.03
    travelled = (seen[-1] - seen[0])[:, 0].mean()
    assert travelled == pytest.approx(40, abs=2)
