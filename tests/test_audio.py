import tracemalloc
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from factories.media import shorten, sine, write_pcm, write_recording, write_video

from kfusion.assets import SAMPLE_SPEECH
from kfusion.audio import SAMPLE_RATE_HZ, audio_blocks, read_audio
from kfusion.errors import InputError

RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000, 192000)


def dark(_time_s: float) -> np.ndarray:
    return np.zeros((32, 32, 3), np.uint8)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_a_click_stands_at_its_sample_at_every_rate(tmp_path: Path, rate_hz: int) -> None:
    sound = np.zeros(rate_hz)
    sound[rate_hz // 2] = 0.9
    samples = read_audio(write_pcm(tmp_path / "a.wav", sound, rate_hz))
    assert len(samples) == SAMPLE_RATE_HZ
    assert abs(int(np.argmax(np.abs(samples))) - rate_hz // 2 / rate_hz * SAMPLE_RATE_HZ) <= 1


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8, 10, 16])
def test_mono_is_the_mean_of_any_number_of_channels(tmp_path: Path, channels: int) -> None:
    samples = read_audio(write_pcm(tmp_path / "a.wav", sine(0.5, 44_100), 44_100, channels))
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.01)


def test_one_loud_channel_of_two_counts_half(tmp_path: Path) -> None:
    both = np.stack([sine(0.5), np.zeros(8000)], -1)
    path = write_pcm(tmp_path / "a.wav", both.ravel(), 16_000)
    content = bytearray(path.read_bytes())
    content[22:24], content[32:34] = b"\x02\x00", b"\x04\x00"
    path.write_bytes(content)
    np.testing.assert_allclose(read_audio(path), sine(0.5) / 2, atol=1e-4)


@pytest.mark.parametrize(
    "kind",
    [
        "wav:pcm_s16le",
        "wav:pcm_s24le",
        "wav:pcm_f32le",
        "wav:pcm_u8",
        "flac:flac",
        "mp3:mp3",
        "ogg:libopus",
        "opus:libopus",
        "m4a:aac",
        "mkv:aac",
        "webm:libopus",
    ],
)
def test_every_kind_of_recording_is_read(tmp_path: Path, kind: str) -> None:
    ending, codec = kind.split(":")
    path = write_recording(tmp_path / f"a.{ending}", sine(1.0, 48_000), 48_000, codec=codec, layout="stereo")
    samples = read_audio(path)
    assert abs(len(samples) - SAMPLE_RATE_HZ) < 0.06 * SAMPLE_RATE_HZ
    assert np.abs(samples[2000:12000]).max() == pytest.approx(0.5, abs=0.05)


def test_the_sound_of_a_video_is_read(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [0, 0.1, 0.2], dark, sound=sine(0.5, 48_000), audio_codec="aac")
    assert np.abs(read_audio(path)).max() == pytest.approx(0.5, abs=0.05)


def test_a_silent_recording_is_read_as_it_is(tmp_path: Path) -> None:
    samples = read_audio(write_pcm(tmp_path / "a.wav", np.zeros(16_000), 16_000))
    assert len(samples) == 16_000
    assert not samples.any()


def test_a_very_short_recording_is_read_whole(tmp_path: Path) -> None:
    assert len(read_audio(write_pcm(tmp_path / "a.wav", sine(0.02), 16_000))) == 320


def test_blocks_joined_are_the_recording(tmp_path: Path) -> None:
    path = write_pcm(tmp_path / "a.wav", sine(3.0, 44_100), 44_100, 2)
    np.testing.assert_array_equal(np.concatenate(list(audio_blocks(path))), read_audio(path))


def test_a_long_recording_needs_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    path = write_pcm(tmp_path / "a.wav", np.zeros(300 * 16_000), 16_000)
    tracemalloc.start()
    try:
        assert sum(len(block) for block in audio_blocks(path)) == 300 * 16_000
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_change_of_rate_and_channels_on_the_way_is_followed(tmp_path: Path) -> None:
    first = write_recording(tmp_path / "a.mp3", sine(1.0, 44_100), 44_100, codec="mp3")
    second = write_recording(tmp_path / "b.mp3", sine(1.0, 48_000), 48_000, codec="mp3", layout="stereo")
    joined = tmp_path / "c.mp3"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    samples = read_audio(joined)
    assert len(samples) == pytest.approx(2 * SAMPLE_RATE_HZ, rel=0.1)
    assert np.abs(samples[20_000:]).max() == pytest.approx(0.5, abs=0.05)


def test_one_damaged_packet_is_left_out_with_a_notice(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_recording(tmp_path / "a.mkv", sine(4.0, 48_000), 48_000, codec="flac")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 300] = bytes(300)
    path.write_bytes(content)
    assert len(read_audio(path)) == pytest.approx(4 * SAMPLE_RATE_HZ, rel=0.05)
    assert "damaged" in caplog.text


@pytest.mark.parametrize("start_s", [-0.25, 0.0, 0.25])
def test_sample_zero_stands_at_the_asked_time_stamp(tmp_path: Path, start_s: float) -> None:
    sound = np.zeros(16_000)
    sound[8000] = 0.9
    samples = read_audio(write_pcm(tmp_path / "a.wav", sound, 16_000), start_s=start_s)
    assert int(np.argmax(samples)) == 8000 - round(start_s * 16_000)


def test_silence_stands_where_the_track_has_a_hole(tmp_path: Path) -> None:
    sound = np.zeros(2048 * 20)
    sound[-1000] = 0.9
    path = write_video(tmp_path / "a.mkv", [0, 0.1], dark, sound=sound, holes_s={10_240: 0.4})
    at_s = (len(sound) - 1000) / 48_000
    for start_s in (None, 0.0):
        assert int(np.argmax(read_audio(path, start_s=start_s))) == pytest.approx((at_s + 0.4) * 16_000, abs=16)


@pytest.mark.parametrize(
    "kind",
    [
        "wav:pcm_s16le",
        "wav:pcm_s24le",
        "wav:adpcm_ms",
        "flac:flac",
        "mp3:mp3",
        "m4a:aac",
        "mka:aac",
        "mka:pcm_s16le",
        "mp4:aac",
    ],
)
@pytest.mark.parametrize("share", [0.3, 0.7])
def test_a_truncated_recording_is_an_error(tmp_path: Path, kind: str, share: float) -> None:
    ending, codec = kind.split(":")
    path = write_recording(tmp_path / f"a.{ending}", sine(4.0, 48_000), 48_000, codec=codec)
    assert len(read_audio(path)) == pytest.approx(64_000, rel=0.02)
    with pytest.raises(InputError, match="truncated") as caught:
        read_audio(shorten(path, share))
    assert "\n" not in str(caught.value)


def test_a_truncated_video_is_an_error(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (60, 32, 32, 3), np.uint8)
    times_s = [index / 25 for index in range(60)]
    path = write_video(
        tmp_path / "a.mkv",
        times_s,
        lambda time_s: noise[round(time_s * 25)],
        sound=sine(2.4, 48_000),
        audio_codec="aac",
    )
    with pytest.raises(InputError, match="truncated"):
        read_audio(shorten(path, 0.5))


def test_a_recording_written_into_a_pipe_is_whole(tmp_path: Path) -> None:
    path = write_pcm(tmp_path / "a.wav", sine(1.0), 16_000)
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    assert len(read_audio(path)) == 16_000


def test_tags_in_an_old_encoding_do_no_harm(tmp_path: Path) -> None:
    path = write_pcm(tmp_path / "a.wav", sine(1.0), 16_000)
    tag = b"LIST" + (18).to_bytes(4, "little") + b"INFOINAM" + (6).to_bytes(4, "little") + b"caf\xe9\x00\x00"
    content = bytearray(path.read_bytes())
    content[36:36] = tag
    content[4:8] = (len(content) - 8).to_bytes(4, "little")
    path.write_bytes(content)
    assert len(read_audio(path)) == 16_000


def test_a_colon_in_the_name_is_no_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pcm(tmp_path / "take:1.wav", sine(0.5), 16_000)
    monkeypatch.chdir(tmp_path)
    assert len(read_audio("take:1.wav")) == 8000


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.wav", None, "no such recording"),
        ("empty.wav", b"", "0 bytes"),
        ("garbage.wav", bytes(range(256)) * 20, "cannot decode"),
        ("text.txt", b"this is no sound\n" * 50, "text.txt"),
        ("text.wav", b"this is no sound\n" * 50, "cannot decode"),
        ("head.wav", b"RIFF\x00\x00\x00\x00WAVEfmt ", "cannot decode"),
    ],
)
def test_a_file_without_sound_gives_one_clear_line(
    tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        read_audio(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_wav_without_samples_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.wav"):
        read_audio(write_pcm(tmp_path / "a.wav", np.zeros(0), 16_000))


def test_a_folder_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        read_audio(tmp_path)


def test_a_video_without_sound_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no audio track"):
        read_audio(write_video(tmp_path / "a.mp4", [0, 0.1], dark))


@pytest.mark.parametrize(("ending", "codec"), [("wav", "pcm_s16le"), ("flac", "flac"), ("mp3", "mp3"), ("m4a", "aac")])
def test_a_damaged_recording_gives_sound_or_a_clear_error(tmp_path: Path, ending: str, codec: str) -> None:
    path = write_recording(tmp_path / f"a.{ending}", sine(0.5, 44_100), 44_100, codec=codec)
    whole, random = path.read_bytes(), np.random.default_rng(0)
    for _ in range(40):
        content = bytearray(whole)
        for place in random.integers(0, len(content), 20):
            content[place] = random.integers(256)
        path.write_bytes(content)
        with suppress(InputError):
            assert read_audio(path).dtype == np.float32


def test_a_truncated_recording_is_one_error_and_no_notice(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "cut.flac"
    path.write_bytes(SAMPLE_SPEECH.read_bytes()[:30_000])
    with pytest.raises(InputError, match="is truncated"):
        read_audio(path)
    assert not caplog.records
