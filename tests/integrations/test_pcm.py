import numpy as np
import pytest
from factories.inputs import tone

from kfusion.errors import InputError
from kfusion.integrations.pcm import PcmReader


def pcm_of(samples: np.ndarray, channels: int = 1) -> bytes:
    return np.round(samples * 32767).astype("<i2").repeat(channels).tobytes()


def test_sound_at_16_khz_comes_out_as_it_is():
    pcm = np.array([0, 16384, -32768, 32767], "<i2").tobytes()
    np.testing.assert_array_equal(PcmReader()(pcm), np.array([0, 0.5, -1, 32767 / 32768], np.float32))


def test_channels_are_averaged():
    pcm = np.array([[1000, 3000], [-2000, 0]], "<i2").tobytes()
    np.testing.assert_array_equal(PcmReader()(pcm, channels=2) * 32768, [2000, -1000])


@pytest.mark.parametrize(("rate_hz", "channels"), [(8_000, 1), (24_000, 1), (44_100, 2), (48_000, 8)])
def test_another_rate_is_resampled_piece_by_piece_and_keeps_its_time(rate_hz, channels):
    pcm, piece = pcm_of(tone(2.0, rate_hz=rate_hz), channels), rate_hz // 50 * 2 * channels
    reader, heard = PcmReader(), []
    for start in range(0, len(pcm), piece):
        heard.append(reader(pcm[start : start + piece], rate_hz, channels))
        late_s = min(start + piece, len(pcm)) / (2 * channels * rate_hz) - sum(map(len, heard)) / 16_000
        assert late_s < 0.0021
    samples = np.concatenate([*heard, reader.flush()])
    assert len(samples) == 32_000
    np.testing.assert_allclose(samples[100:-100], tone(2.0)[100:-100], atol=2e-3)


def test_the_rate_may_change_on_the_way():
    reader = PcmReader()
    pieces = [
        reader(bytes(2 * 4800), 48_000),
        reader(bytes(4 * 2400), 24_000, 2),
        reader(bytes(2 * 1600)),
        reader.flush(),
    ]
    assert sum(map(len, pieces)) == 4800


def test_nothing_in_nothing_out():
    assert len(PcmReader()(b"", 48_000)) == len(PcmReader().flush()) == 0


@pytest.mark.parametrize("rate_hz", [0, -16_000, 7_999, 1_000_000])
def test_a_rate_that_no_sound_has_is_refused(rate_hz):
    with pytest.raises(InputError, match=f"sample rate is {rate_hz} Hz: use 8000 to 192000"):
        PcmReader()(bytes(2), rate_hz)


@pytest.mark.parametrize(("size", "channels"), [(3, 1), (6, 2), (2, 0)])
def test_bytes_that_are_not_whole_samples_are_refused(size, channels):
    with pytest.raises(InputError, match="not whole samples"):
        PcmReader()(bytes(size), channels=channels)
