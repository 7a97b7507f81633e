"""A streamed voice to frames: however it is cut, and only from sound that has been heard."""

import logging
from pathlib import Path

import numpy as np
import pytest
from factories.inputs import LIVE_AHEAD, click, face_points, tone, write_bundle, write_stream_bundle

import kfusion
from kfusion import LandmarkSequence, assets
from kfusion.audio import Samples, read_audio
from kfusion.errors import InputError
from kfusion.inference.generator import Generator
from kfusion.inference.landmark_stream import HOP_BLOCKS, OVERLAP_BLOCKS, Stream
from kfusion.landmarks import frame_count, mouth_opening

BLOCK = 1600


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Generator:
    return kfusion.load(write_stream_bundle(tmp_path_factory.mktemp("stream") / "model.onnx"), threads=1)


def voice(duration_s: float) -> Samples:
    """A tone whose level wanders, so that no two moments are alike."""
    samples = tone(duration_s)
    wander = 0.5 + 0.4 * np.sin(np.arange(len(samples)) / 7_000)
    return (samples * wander).astype(np.float32)


def pushed(stream: Stream, samples: Samples, sizes: list[int]) -> list[LandmarkSequence]:
    """All pieces of a sound that is pushed in chunks of `sizes`, over and over."""
    pieces, place = [], 0
    while place < len(samples):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(stream.push(samples[place : place + size]))
        place += size
    return [*pieces, stream.flush()]


def joined(pieces: list[LandmarkSequence]) -> np.ndarray:
    return np.concatenate([piece.points for piece in pieces])


@pytest.mark.parametrize("fps", [30, 25, 29.97, 60, 12.5])
@pytest.mark.parametrize("sizes", [[160], [1], [1600], [7, 0, 3333], [512], [10**6]], ids=str)
def test_the_frames_do_not_depend_on_how_the_sound_is_cut(model: Generator, sizes: list[int], fps: float) -> None:
    samples = voice(1.0 if sizes == [1] else 3.377)
    whole = joined(pushed(model.stream(face_points(), fps=fps), samples, [len(samples)]))
    np.testing.assert_array_equal(joined(pushed(model.stream(face_points(), fps=fps), samples, sizes)), whole)


@pytest.mark.parametrize("fps", [24, 25, 29.97, 30, 60])
@pytest.mark.parametrize("duration_s", [0.001, 0.1, 0.2525, 1.0, 2.34])
def test_the_last_partial_frame_is_included(model: Generator, duration_s: float, fps: float) -> None:
    samples = voice(duration_s)
    pieces = pushed(model.stream(face_points(), fps=fps), samples, [160])
    assert len(joined(pieces)) == frame_count(len(samples) / 16_000, fps)


def test_every_piece_says_when_its_frames_are(model: Generator) -> None:
    pieces = pushed(model.stream(face_points(), fps=25), voice(2.0), [1000])
    times = np.concatenate([piece.times_s for piece in pieces])
    np.testing.assert_allclose(times, np.arange(50) / 25)


@pytest.mark.parametrize("fps", [25, 30])
@pytest.mark.parametrize("at_s", [0.31, 1.234, 9.95, 10.5, 11.4, 12.1])
def test_a_click_is_shown_at_its_time_also_where_runs_take_over(model: Generator, at_s: float, fps: float) -> None:
    points = joined(pushed(model.stream(face_points(), fps=fps), click(13, at_s), [4000]))
    assert abs(int(mouth_opening(points).argmax()) - at_s * fps) < 1


@pytest.mark.parametrize("fps", [30, 25])
def test_a_frame_comes_no_later_than_the_look_ahead_says(model: Generator, fps: float) -> None:
    stream, samples = model.stream(face_points(), fps=fps), voice(2.0)
    lateness = []
    for place in range(0, len(samples), 8):
        piece = stream.push(samples[place : place + 8])
        lateness += [(place + 8) / 16_000 - time_s for time_s in piece.times_s]
    assert 0.1 < max(lateness) <= stream.look_ahead_s + 8 / 16_000


def test_the_next_frames_come_with_the_last_missing_sample(model: Generator) -> None:
    stream = model.stream(face_points())
    for size in (1000, 0, 700, 2000):
        stream.push(voice(1.0)[:size])
        assert len(stream.push(voice(1.0)[: stream.missing_samples - 1])) == 0
        assert len(stream.push(voice(1.0)[:1])) == 3


def test_the_look_ahead_is_152_5_ms_at_the_rate_of_the_model(model: Generator) -> None:
    assert model.stream(face_points()).look_ahead_s == pytest.approx(0.1525)


@pytest.mark.parametrize("fps", [30, 25, 60, 12.5])
@pytest.mark.parametrize("lead_ms", [-500, -70, -40, 45, 100, 214])
def test_a_lead_changes_neither_the_count_nor_the_cuts(model: Generator, lead_ms: float, fps: float) -> None:
    samples = voice(2.377)
    whole, *others = (
        joined(pushed(model.stream(face_points(), fps=fps, lead_ms=lead_ms), samples, sizes))
        for sizes in ([len(samples)], [160], [7, 0, 3333])
    )
    assert len(whole) == frame_count(len(samples) / 16_000, fps)
    for other in others:
        np.testing.assert_array_equal(other, whole)


@pytest.mark.parametrize("fps", [30, 25])
@pytest.mark.parametrize("lead_ms", [-500, -120, 0, 45, 200])
def test_lips_move_before_the_sound_by_the_lead(model: Generator, lead_ms: float, fps: float) -> None:
    pieces = pushed(model.stream(face_points(), fps=fps, lead_ms=lead_ms), click(4, 2.0), [1600])
    shown_s = np.concatenate([piece.times_s for piece in pieces])[int(mouth_opening(joined(pieces)).argmax())]
    assert shown_s == pytest.approx(2.0 - lead_ms / 1000, abs=1 / fps)


def test_a_lead_of_whole_frames_gives_the_frames_without_one_earlier_or_later(model: Generator) -> None:
    samples = voice(2.3)
    plain, early, late = (
        joined(pushed(model.stream(face_points(), lead_ms=lead_ms), samples, [160])) for lead_ms in (0, 200, -300)
    )
    np.testing.assert_allclose(early, plain[np.minimum(np.arange(len(plain)) + 6, len(plain) - 1)], atol=1e-4)
    np.testing.assert_allclose(late, plain[np.maximum(np.arange(len(plain)) - 9, 0)], atol=1e-4)


@pytest.mark.parametrize("fps", [30, 25, 60])
@pytest.mark.parametrize("lead_ms", [-500, -150, -20, 20, 100, 214])
def test_a_frame_with_a_lead_comes_after_its_sound_and_no_later_than_said(
    model: Generator, lead_ms: float, fps: float
) -> None:
    stream, samples = model.stream(face_points(), fps=fps, lead_ms=lead_ms), voice(2.0)
    lateness = []
    for place in range(0, len(samples), 8):
        piece = stream.push(samples[place : place + 8])
        lateness += [(place + 8) / 16_000 - time_s for time_s in piece.times_s]
    assert min(lateness) > 0
    assert max(lateness) <= stream.look_ahead_s + 9 / 16_000
    assert stream.look_ahead_s <= 0.4


def test_a_stream_says_which_leads_it_can_have_and_refuses_others(model: Generator) -> None:
    stream = model.stream(face_points(), lead_ms=100)
    assert (stream.lead_ms, stream.leads_ms) == (100, (-500, 214))
    assert stream.look_ahead_s == pytest.approx(0.2525)
    for lead_ms in (215, -501, float("nan")):
        with pytest.raises(InputError, match="streams of model tiny-stream allows -500 to 214"):
            model.stream(face_points(), lead_ms=lead_ms)


@pytest.mark.parametrize("amount", [0.5, 1.5])
def test_expressive_streams_are_what_expressive_recordings_are(model: Generator, amount: float) -> None:
    samples = voice(2.3)
    plain, streamed = (
        joined(pushed(model.stream(face_points(), expressiveness=one), samples, [777])) for one in (1, amount)
    )
    whole = model.generate(samples, face_points(), expressiveness=amount).points
    np.testing.assert_allclose(streamed, whole, atol=1e-3)
    assert mouth_opening(streamed).std() == pytest.approx(amount * mouth_opening(plain).std(), rel=0.02)


def test_an_expressiveness_of_1_changes_no_byte_and_0_moves_nothing(model: Generator) -> None:
    samples = voice(1.3)
    plain, one, none = (
        joined(pushed(model.stream(face_points(), **options), samples, [160]))
        for options in ({}, {"expressiveness": 1.0, "lead_ms": 0.0}, {"expressiveness": 0})
    )
    assert one.tobytes() == plain.tobytes()
    assert np.ptp(none, axis=0).max() < 1e-3
    with pytest.raises(InputError, match="expressiveness is 3"):
        model.stream(face_points(), expressiveness=3)


def test_later_sound_changes_no_frame_that_has_come(model: Generator) -> None:
    samples, place = voice(3.0), 20_000
    other = samples.copy()
    other[place:] = voice(9.0)[-len(other) + place :]
    first, second = (model.stream(face_points()).push(sound[:place]).points for sound in (samples, other))
    np.testing.assert_array_equal(first, second)
    one, two = (joined(pushed(model.stream(face_points()), sound, [160])) for sound in (samples, other))
    told = 1 + (place - LIVE_AHEAD) // BLOCK * 3
    np.testing.assert_array_equal(one[:told], two[:told])
    assert np.abs(one - two).max() > 0.01


def test_a_run_takes_over_from_the_one_before_without_a_jump(model: Generator) -> None:
    samples = np.full(26 * 16_000, 0.3, np.float32)
    points = joined(pushed(model.stream(face_points()), samples, [16_000]))
    assert np.abs(np.diff(points[40:-10], axis=0)).max() < 0.6
    np.testing.assert_allclose(points[290], points[-20], atol=0.01)


def test_the_past_is_remembered_over_the_seam_of_two_runs(model: Generator) -> None:
    assert OVERLAP_BLOCKS < HOP_BLOCKS
    samples = voice(13.0)
    fresh = joined(pushed(model.stream(face_points()), samples[10 * 16_000 :], [1600]))
    running = joined(pushed(model.stream(face_points()), samples, [1600]))[300:]
    assert np.abs(running[0] - fresh[0]).max() > 0.1
    np.testing.assert_array_equal(running[60:], fresh[60:])


def test_memory_does_not_grow(model: Generator) -> None:
    stream = model.stream(face_points())
    for _ in range(300):
        stream.push(np.zeros(BLOCK, np.float32))
    assert len(stream._held) < LIVE_AHEAD + BLOCK
    assert len(stream._relay._runs) <= 2


def test_int16_is_the_same_as_floats(model: Generator) -> None:
    samples = np.round(voice(1.0) * 32767).astype(np.int16)
    one = joined(pushed(model.stream(face_points()), samples, [160]))
    two = joined(pushed(model.stream(face_points()), samples / np.float32(32768), [160]))
    np.testing.assert_array_equal(one, two)


def test_generate_with_a_model_for_streams_gives_the_frames_of_a_stream(model: Generator) -> None:
    samples = voice(13.3)
    streamed = joined(pushed(model.stream(face_points(), fps=25), samples, [777]))
    np.testing.assert_allclose(model.generate(samples, face_points(), fps=25).points, streamed, atol=1e-3)


def test_a_stream_without_sound_has_no_frames(model: Generator) -> None:
    stream = model.stream(face_points())
    assert len(stream.push(np.zeros(0, np.float32))) == 0
    assert len(stream.flush()) == 0


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.array([0.1, np.nan], np.float32), "sample 1 is not a finite number"),
        (np.zeros((2, 160), np.float32), r"shape \(2, 160\)"),
        (np.zeros(160, np.int32), "int32"),
    ],
)
def test_bad_samples_are_refused_and_the_stream_goes_on(model: Generator, samples: np.ndarray, message: str) -> None:
    stream = model.stream(face_points())
    with pytest.raises(InputError, match=message):
        stream.push(samples)
    stream.push(voice(0.5))
    assert len(stream.flush()) > 0


def test_after_its_end_a_stream_takes_nothing(model: Generator) -> None:
    stream = model.stream(face_points())
    stream.flush()
    for action in (stream.flush, lambda: stream.push(voice(0.1))):
        with pytest.raises(InputError, match="the stream has ended"):
            action()


def test_a_model_for_recordings_does_not_stream(tmp_path: Path) -> None:
    model = kfusion.load(write_bundle(tmp_path / "model.onnx"), threads=1)
    with pytest.raises(InputError, match="tiny-loudness hears whole recordings: for streams train the preset live"):
        model.stream(face_points())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"fps": 0}, "fps is 0"), ({"latency": "none"}, "latency is 'none'"), ({"emotion": "bored"}, "bored")],
)
def test_wrong_arguments_are_refused(model: Generator, arguments: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        model.stream(face_points(), **arguments)


def test_an_emotion_that_the_model_never_saw_gets_a_notice(model: Generator, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        model.stream(face_points(), emotion="happy")
    assert "emotion 'happy' is rule-based, action units added to the speaking face: model tiny-stream" in caplog.text


def test_an_emotion_by_rule_is_seen_and_is_that_of_the_recording(model: Generator) -> None:
    stream = model.stream(face_points(), emotion="happy", intensity=3)
    streamed = np.concatenate([stream.push(tone(1.0)).points, stream.flush().points])
    whole = model.generate(tone(1.0), face_points(), emotion="happy", intensity=3).points
    neutral = model.generate(tone(1.0), face_points()).points
    np.testing.assert_allclose(streamed, whole, atol=1e-3)
    assert (whole[:, 54, 1] < neutral[:, 54, 1] - 1).all()


def test_the_default_streams_with_weights_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "DEFAULT_MODEL", write_bundle(tmp_path / "default.onnx"))
    monkeypatch.setattr(assets, "STREAM_MODEL", write_stream_bundle(tmp_path / "stream.onnx"))
    model = kfusion.load(threads=1)
    assert model.stream(face_points()).push(voice(0.5)).model == "tiny-stream"
    assert model.generate(voice(0.5), face_points()).model == "tiny-loudness"


def test_the_packaged_weights_give_the_same_frames_however_the_sound_is_cut() -> None:
    model, samples = kfusion.load(threads=1), read_audio(assets.SAMPLE_SPEECH)[: 3 * 16_000]
    whole = joined(pushed(model.stream(), samples, [len(samples)]))
    np.testing.assert_array_equal(joined(pushed(model.stream(), samples, [1, 333, 4000])), whole)
    assert mouth_opening(whole).std() > 1.0
