import logging
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from factories.inputs import click, face_points, movement, tone, write_bundle, write_float_wav, write_wav

import kfusion
from kfusion import LandmarkSequence, assets
from kfusion.audio import read_audio
from kfusion.errors import CheckpointError, InputError, MissingWeightsError
from kfusion.inference.generator import Generator
from kfusion.landmarks import frame_count, inter_ocular_distance, mouth_opening, unit_frame


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("bundle") / "model.onnx")


@pytest.fixture(scope="module")
def model(bundle: Path) -> Generator:
    return kfusion.load(bundle, threads=1)


def reacting_frame(sequence: LandmarkSequence) -> int:
    return int(mouth_opening(sequence.points).argmax())


@pytest.mark.parametrize("at_s", [0.0, 0.31, 1.234, 5.97, 6.04, 9.5, 11.96])
def test_the_frame_that_shows_a_click_is_its_time_times_the_frame_rate(model: Generator, at_s: float) -> None:
    assert reacting_frame(model.generate(click(12, at_s), face_points())) == round(at_s * 30)


@pytest.mark.parametrize("fps", [25, 30, 60])
@pytest.mark.parametrize("at_s", [0.2, 1.0, 7.4])
def test_a_click_is_shown_at_its_time_at_every_frame_rate(
    model: Generator, tmp_path: Path, fps: float, at_s: float
) -> None:
    path = write_wav(tmp_path / "click.wav", click(8, at_s, 44_100), 44_100)
    model.generate(path, face_points(), fps=fps).save(tmp_path / "landmarks.npz")
    sequence = LandmarkSequence.load(tmp_path / "landmarks.npz")
    assert sequence.fps == fps
    assert reacting_frame(sequence) == round(at_s * fps)


@pytest.mark.parametrize("duration_s", [0.1, 0.11, 1.0, 5.99, 6.0, 6.01, 9.999, 10.0, 25.3])
@pytest.mark.parametrize("fps", [24, 25, 29.97, 30, 60])
def test_the_last_partial_frame_is_included(model: Generator, duration_s: float, fps: float) -> None:
    samples = tone(duration_s)
    sequence = model.generate(samples, face_points(), fps=fps)
    assert len(sequence) == frame_count(len(samples) / 16_000, fps)


def test_a_long_recording_gives_what_one_long_run_gives(model: Generator, tmp_path: Path) -> None:
    whole = kfusion.load(write_bundle(tmp_path / "whole.onnx", window_s=60), threads=1)
    samples = tone(31.7) * np.linspace(0.2, 1, round(31.7 * 16_000), dtype=np.float32)
    cut, once = (run.generate(samples, face_points()).points for run in (model, whole))
    np.testing.assert_allclose(cut, once, atol=1e-3)


@pytest.mark.parametrize("threads", [2, 3])
def test_the_result_is_the_same_on_any_number_of_threads(model: Generator, bundle: Path, threads: int) -> None:
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, 31 * 16_000).astype(np.float32)
    once, again, shared = (
        run.generate(samples, face_points()).points for run in (model, model, kfusion.load(bundle, threads=threads))
    )
    assert once.tobytes() == again.tobytes() == shared.tobytes()


@pytest.mark.parametrize("threads", [0, -1])
def test_an_impossible_number_of_threads_is_refused(bundle: Path, threads: int) -> None:
    with pytest.raises(InputError, match=f"threads is {threads}: use 1 or more"):
        kfusion.load(bundle, threads=threads)


def test_nothing_heavy_is_loaded_but_onnxruntime(bundle: Path) -> None:
    heavy = {"torch", "mediapipe", "onnx", "scipy", "matplotlib", "cv2", "pyarrow", "pandas", "transformers", "fastapi"}
    program = f"import sys, kfusion; kfusion.load({str(bundle)!r}); print(*{heavy!r} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert found.stdout.split() == []


def test_the_same_sound_from_a_file_and_from_an_array_gives_the_same(model: Generator, tmp_path: Path) -> None:
    samples = np.round(tone(2.0) * 32767).astype(np.float32) / 32768
    path = write_wav(tmp_path / "tone.wav", samples * 32768 / 32767)
    from_file, from_array = (model.generate(audio, face_points()).points for audio in (path, samples))
    np.testing.assert_allclose(from_file, from_array, atol=1e-3)


def test_the_result_lies_where_the_face_lies(model: Generator) -> None:
    face = face_points(center=(900, 400), size=300)
    angle = np.deg2rad(20)
    face = (face @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])).astype(np.float32)
    silent = model.generate(np.zeros(16_000, np.float32), face)
    np.testing.assert_allclose(silent.points, np.tile(face, (30, 1, 1)), atol=1e-3)
    loud = model.generate(np.full(16_000, 0.1, np.float32), face).points[10] - face
    expected = unit_frame(face).inverse().matrix @ (0.1 * movement()).T
    np.testing.assert_allclose(loud, expected.T, atol=0.05 * inter_ocular_distance(face) * 0.1)


@pytest.mark.parametrize("fps", [25, 30, 60])
@pytest.mark.parametrize("lead_ms", [-500, -125, 0, 40, 500])
def test_lips_move_before_the_sound_by_the_lead(model: Generator, lead_ms: float, fps: float) -> None:
    sequence = model.generate(click(8, 6.04), face_points(), fps=fps, lead_ms=lead_ms)
    assert len(sequence) == 8 * fps
    assert reacting_frame(sequence) == pytest.approx((6.04 - lead_ms / 1000) * fps, abs=1)


def test_a_lead_of_whole_frames_gives_the_frames_without_one_earlier_or_later(model: Generator) -> None:
    samples = tone(3.0) * np.linspace(0.2, 1, 48_000, dtype=np.float32)
    plain, early, late = (model.generate(samples, face_points(), lead_ms=lead_ms).points for lead_ms in (0, 200, -300))
    np.testing.assert_allclose(early, plain[np.minimum(np.arange(90) + 6, 89)], atol=1e-3)
    np.testing.assert_allclose(late, plain[np.maximum(np.arange(90) - 9, 0)], atol=1e-3)


def test_a_lead_of_0_and_an_expressiveness_of_1_change_no_byte(model: Generator) -> None:
    plain, told = (
        model.generate(tone(7.0), face_points(), **options).points
        for options in ({}, {"lead_ms": 0.0, "expressiveness": 1.0})
    )
    assert told.tobytes() == plain.tobytes()


@pytest.mark.parametrize("amount", [0, 0.5, 1.5, 2])
def test_motion_is_scaled_about_the_face_at_rest(model: Generator, amount: float) -> None:
    """The tiny model's face at rest is the identity, which has its lips apart; there they are together."""
    samples = tone(2.0) * np.linspace(0, 1, 32_000, dtype=np.float32)
    plain, scaled = (
        model.generate(samples, face_points(), expressiveness=one).points - face_points() for one in (1, amount)
    )
    np.testing.assert_allclose(scaled[:, :48], amount * plain[:, :48], atol=1e-3)
    if not amount:
        still = model.generate(samples, face_points(), expressiveness=0).points
        assert np.ptp(still, axis=0).max() < 1e-3
        assert mouth_opening(still).max() < 1e-3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lead_ms": 501}, "lead_ms is 501: use -500 to 500"),
        ({"lead_ms": float("nan")}, "lead_ms is nan"),
        ({"expressiveness": -1}, r"expressiveness is -1: use 0 \(a face at rest\) to 2"),
        ({"expressiveness": 2.5}, "expressiveness is 2.5"),
    ],
)
def test_motion_that_there_cannot_be_is_refused_before_anything_is_read(
    model: Generator, options: dict[str, float], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        model.generate("missing.wav", "missing.jpg", **options)
    with pytest.raises(InputError, match=message):
        model.generate_many(["missing.wav"], "missing.jpg", **options)


def test_the_packaged_weights_close_the_same_lips_however_expressive_the_face_is() -> None:
    packaged, sound = kfusion.load(threads=1), read_audio(assets.SAMPLE_SPEECH)[: 4 * 16_000]
    unit = unit_frame(kfusion.load(threads=1).generate(np.zeros(1600, np.float32)).points[0])
    openings = {
        amount: mouth_opening(unit(packaged.generate(sound, expressiveness=amount).points))
        for amount in (0.5, 1, 1.5, 2)
    }
    closed = openings[1] < 0.03
    assert closed.mean() > 0.1
    for amount in (1.5, 2):
        np.testing.assert_array_equal(openings[amount] < 0.03, closed)
        assert openings[amount][~closed].std() > 1.2 * openings[1][~closed].std()
    assert (openings[0.5][closed] < 0.03).all()


def test_a_short_recording_is_padded_and_cut(model: Generator) -> None:
    assert len(model.generate(tone(0.1), face_points())) == 3


def test_every_kind_of_identity_is_taken(model: Generator, tmp_path: Path) -> None:
    np.save(tmp_path / "face.npy", face_points())
    sequence = model.generate(tone(0.5), face_points())
    for identity in (tmp_path / "face.npy", str(tmp_path / "face.npy"), sequence):
        assert np.isfinite(model.generate(tone(0.5), identity).points).all()


def test_without_an_identity_the_mean_face_fills_a_crop(
    model: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mean = tmp_path / "mean_face.npy"
    np.save(mean, unit_frame(face_points())(face_points()))
    monkeypatch.setattr(assets, "MEAN_FACE", mean)
    sequence = model.generate(np.zeros(3200, np.float32))
    assert sequence.coordinates == "crop"
    low, high = sequence.points.min((0, 1)), sequence.points.max((0, 1))
    np.testing.assert_allclose((low + high) / 2, 128, atol=1)
    np.testing.assert_allclose((high - low).max(), 256 * 2 / 3, atol=1)


def test_a_portrait_gives_landmarks_in_its_own_pixels(model: Generator) -> None:
    sequence = model.generate(np.zeros(3200, np.float32), assets.SAMPLE_PORTRAIT)
    nose = sequence.points[0, 30]
    assert sequence.coordinates == "image"
    assert 120 < nose[0] < 170
    assert 110 < nose[1] < 160


def test_the_sequence_says_where_it_comes_from(model: Generator, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "tone.wav", tone(0.5))
    sequence = model.generate(path, face_points())
    assert (sequence.model, sequence.source, sequence.fps) == ("tiny-loudness", str(path), 30.0)


def test_an_emotion_that_the_model_knows_has_an_effect(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = kfusion.load(write_bundle(tmp_path / "model.onnx", emotions="happy,sad"), threads=1)
    neutral, happy = (model.generate(tone(0.5), face_points(), emotion=name).points for name in (None, "happy"))
    assert np.abs(happy - neutral).max() > 0.1
    assert not caplog.records


def test_an_emotion_that_the_model_never_saw_gets_a_notice(model: Generator, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        model.generate(tone(0.5), face_points(), emotion="happy", intensity=2)
    assert [record.getMessage() for record in caplog.records] == [
        (
            "emotion 'happy' is rule-based, action units added to the speaking face: "
            "model tiny-loudness was trained without emotion labels"
        )
    ]


def test_an_emotion_that_the_model_never_saw_is_seen_all_the_same(model: Generator) -> None:
    neutral, happy, happier = (
        model.generate(tone(0.5), face_points(), **options).points
        for options in ({}, {"emotion": "happy", "intensity": 1}, {"emotion": "happy", "intensity": 3})
    )
    assert (happier[:, 54, 1] < happy[:, 54, 1]).all()
    assert (happy[:, 54, 1] < neutral[:, 54, 1] - 0.5).all()


def test_an_emotion_that_the_model_learnt_gets_nothing_by_rule(tmp_path: Path) -> None:
    path = write_bundle(tmp_path / "model.onnx", emotions="happy")
    model = kfusion.load(path, threads=1)
    points = model.generate(tone(0.5), face_points(), emotion="happy").points
    neutral = model.generate(tone(0.5), face_points()).points
    np.testing.assert_allclose(points[:, 48:], neutral[:, 48:], atol=1e-4)  # this model moves the brows alone


def test_progress_reaches_the_end(model: Generator) -> None:
    calls: list[tuple[float, float | None]] = []
    model.generate(tone(20), face_points(), progress=lambda *call: calls.append(call))
    assert len(calls) > 3
    assert calls[-1] == (20.0, 20.0)


def test_a_silent_array_gives_a_resting_face(model: Generator) -> None:
    points = model.generate(np.zeros(8000, np.float32), face_points()).points
    np.testing.assert_allclose(points[0], points[-1])


def test_a_silent_file_is_refused_unless_allowed(model: Generator, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "silent.wav", np.zeros(8000, np.float32))
    with pytest.raises(InputError, match=r"is silent \(every sample is 0\)"):
        model.generate(path, face_points())
    assert len(model.generate(path, face_points(), allow_silence=True)) == 15


# --- several recordings


@pytest.fixture(scope="module", params=[1, 2])
def shared(bundle: Path, request: pytest.FixtureRequest) -> Generator:
    return kfusion.load(bundle, threads=request.param)


def test_many_recordings_give_what_each_gives_alone_in_order(model: Generator, shared: Generator) -> None:
    recordings = [tone(duration_s) for duration_s in (0.5, 13.0, 7.1, 0.2, 2.0)]
    found = [*shared.generate_many(recordings, face_points(), fps=25)]
    for outcome, samples in zip(found, recordings, strict=True):
        assert isinstance(outcome, LandmarkSequence)
        np.testing.assert_array_equal(outcome.points, model.generate(samples, face_points(), fps=25).points)


def test_a_bad_recording_gives_its_error_and_the_others_go_on(shared: Generator, tmp_path: Path) -> None:
    good = write_wav(tmp_path / "good.wav", tone(0.5))
    found = [*shared.generate_many([good, tmp_path / "none.wav", np.zeros((2, 5)), str(good)], face_points())]
    assert isinstance(found[1], InputError)
    assert "none.wav: no such recording" in str(found[1])
    assert isinstance(found[2], InputError)
    for outcome in (found[0], found[3]):
        assert isinstance(outcome, LandmarkSequence)
        assert (len(outcome), outcome.source) == (15, str(good))


def test_wrong_arguments_of_many_are_refused_at_once(shared: Generator, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="fps is 0"):
        shared.generate_many([tone(0.5)], face_points(), fps=0)
    with pytest.raises(InputError, match="no such picture"):
        shared.generate_many([tone(0.5)], tmp_path / "none.jpg")


def test_recordings_are_drawn_as_they_are_needed(shared: Generator) -> None:
    drawn: list[int] = []
    recordings = (drawn.append(number) or tone(0.2) for number in range(100))
    outcomes = shared.generate_many(recordings, face_points())
    assert drawn == []
    next(outcomes)
    assert len(drawn) <= 4
    outcomes.close()


def test_leaving_many_stops_what_is_at_work(bundle: Path) -> None:
    model = kfusion.load(bundle, threads=2)
    hours = np.broadcast_to(np.float32(0.1), (10**9,))
    before = {*threading.enumerate()}
    outcomes = model.generate_many([tone(0.2), hours], face_points())
    assert isinstance(next(outcomes), LandmarkSequence)
    files = {*threading.enumerate()} - before
    outcomes.close()
    del outcomes
    deadline_s = time.monotonic() + 20
    while sum(thread.is_alive() for thread in files) > 2:  # the two that run windows stay with the model
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


@pytest.mark.parametrize("fps", [0, -1, 241, float("nan"), float("inf")])
def test_an_impossible_frame_rate_is_refused(model: Generator, fps: float) -> None:
    with pytest.raises(InputError, match="fps is"):
        model.generate(tone(0.5), face_points(), fps=fps)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(320, np.float32), "lasts 0.02 s"),
        (np.zeros(0, np.float32), "lasts 0 s"),
        (np.array([0.1] * 8000 + [np.nan] * 8000, np.float32), "0.500 s is not a finite number"),
        (np.zeros((2, 16_000), np.float32), r"shape \(2, 16000\)"),
        (np.zeros(16_000, np.int16), "int16"),
    ],
)
def test_samples_that_cannot_be_used_are_refused(model: Generator, samples: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        model.generate(samples, face_points())


def test_a_file_with_samples_that_are_not_numbers_is_refused(model: Generator, tmp_path: Path) -> None:
    samples = tone(0.5)
    samples[4000] = np.nan
    with pytest.raises(InputError, match="not a finite number"):
        model.generate(write_float_wav(tmp_path / "nan.wav", samples), face_points())


def test_a_clipped_recording_gets_a_notice(model: Generator, caplog: pytest.LogCaptureFixture) -> None:
    model.generate(np.clip(tone(1.0, level=3), -1, 1), face_points())
    assert "samples are clipped" in caplog.text


@pytest.mark.parametrize(
    "identity", [np.zeros((5, 2)), np.zeros((10, 10), np.uint8), np.zeros((10, 10, 4), np.uint8), np.zeros((68, 2))]
)
def test_an_array_that_is_no_face_is_refused(model: Generator, identity: np.ndarray) -> None:
    with pytest.raises(InputError):
        model.generate(tone(0.5), identity)


def test_a_folder_with_a_model_is_loaded(bundle: Path) -> None:
    assert kfusion.load(bundle.parent).card.model_id == "tiny-loudness"


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingWeightsError, match="no such model"):
        kfusion.load(tmp_path / "none.onnx")
    with pytest.raises(MissingWeightsError, match="kfusion export"):
        kfusion.load(tmp_path)


def test_missing_default_weights_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "DEFAULT_MODEL", tmp_path / "default.onnx")
    with pytest.raises(MissingWeightsError, match="install kfusion again"):
        kfusion.load()


def test_a_bundle_of_another_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="bundle format 7, this version of kfusion reads 1"):
        kfusion.load(write_bundle(tmp_path / "new.onnx", version="7"))


@pytest.mark.parametrize("content", [b"", b"not a network", b"\x00" * 1000])
def test_a_file_that_is_no_bundle_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="not a kfusion bundle"):
        kfusion.load(path)


def test_a_bundle_with_damaged_metadata_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="damaged metadata"):
        kfusion.load(write_bundle(tmp_path / "model.onnx", window_s=1, context_s=1))
