"""Log-mel, MFCC and deltas at any instants."""

import numpy as np
import pytest
import scipy.fft
import torch
from torch.nn import functional as F

from kfusion.models.acoustics import (
    Acoustics,
    Mfcc,
    deltas,
    frame_centres,
    hop_centres,
    log_power,
    nearest_hops,
    silent_after_end,
)
from kfusion.models.baselines.eskimez_2018 import MelChanges
from kfusion.models.baselines.mead_baseline import MfccAndDeltas
from kfusion.models.speech.mel import MelPower


def noise(count: int = 16_000, clips: int = 2) -> torch.Tensor:
    return 0.1 * torch.randn(clips, count, generator=torch.Generator().manual_seed(0))


def test_frames_and_hops_stand_at_their_instants() -> None:
    assert frame_centres(-1, 4).tolist() == [-533, 0, 533, 1067, 1600]
    assert hop_centres(-1, 3).tolist() == [-160, 0, 160, 320]
    assert nearest_hops(4).tolist() == [0, 3, 7, 10]
    assert nearest_hops(4, 256).tolist() == [0, 2, 4, 6]


def test_nothing_drifts_in_an_hour() -> None:
    frame = 30 * 3600
    assert frame_centres(frame, frame + 1).item() == 3600 * 16_000
    assert nearest_hops(frame + 1)[-1] == 3600 * 100


def test_power_every_10_ms_is_that_of_the_speech_encoder() -> None:
    samples = noise()
    expected = MelPower()(F.pad(samples, (200, 200))).transpose(1, 2)
    torch.testing.assert_close(Acoustics().power(samples, hop_centres(0, 101)), expected, rtol=1e-4, atol=1e-6)


def test_beyond_the_ends_there_is_silence() -> None:
    samples, sound = noise(3200), Acoustics()
    centres = hop_centres(-5, 30)
    inside = sound.power(F.pad(samples, (4000, 4000)), centres + 4000)
    torch.testing.assert_close(sound.power(samples, centres), inside)
    assert not sound.power(samples, hop_centres(22, 24)).any()


def test_mfcc_are_the_orthonormal_cosine_transform_of_the_log_mel() -> None:
    samples, centres = noise(), frame_centres(0, 30)
    for first, count in ((0, 14), (1, 12)):
        sound = Mfcc(first, count, 26)
        log_mel = log_power(sound.power(samples, centres)).numpy()
        expected = scipy.fft.dct(log_mel, type=2, norm="ortho", axis=-1)[..., first : first + count]
        np.testing.assert_allclose(sound(samples, centres).numpy(), expected, atol=1e-4)


def test_deltas_of_a_line_are_its_slope_and_those_of_a_square_its_derivative() -> None:
    time = torch.arange(9.0)[None, :, None]
    torch.testing.assert_close(deltas(3 * time + 1), torch.full((1, 5, 1), 3.0))
    torch.testing.assert_close(deltas(time.square()), 2 * time[:, 2:-2])


@pytest.mark.parametrize("sound", [Acoustics(64, 64), Mfcc(1, 12, 26), MelChanges(), MfccAndDeltas()])
def test_fitted_features_are_standardised(sound: Acoustics) -> None:
    samples = noise(32_000)
    sound.fit(samples)
    values = sound(samples, sound.instants(samples.shape[1])).flatten(0, 1)
    torch.testing.assert_close(values.mean(0), torch.zeros(values.shape[1]), atol=1e-4, rtol=0)
    torch.testing.assert_close(values.std(0, correction=0), torch.ones(values.shape[1]), atol=1e-4, rtol=0)


def test_the_delta_of_a_frame_is_told_from_the_frames_around_it() -> None:
    """The changes of frames 10 to 14 alone are those they have among all frames."""
    samples = noise()
    for sound in (MelChanges(), MfccAndDeltas()):
        whole = sound(samples, frame_centres(0, 30))
        torch.testing.assert_close(sound(samples, frame_centres(10, 15)), whole[:, 10:15], atol=1e-5, rtol=1e-4)
        assert whole[:, 10].sub(whole[:, 11]).abs().max() > 1e-3


def test_what_a_batch_has_after_the_end_of_a_clip_is_silenced() -> None:
    samples = torch.ones(2, 1600)
    silenced = silent_after_end(samples, torch.tensor([3, 1]))
    assert silenced.sum(1).tolist() == [1600, 533]
    assert silent_after_end(samples, None) is samples


def test_digital_silence_is_finite() -> None:
    for sound in (Acoustics(), Mfcc(0, 14, 80), MelChanges(), MfccAndDeltas()):
        silence = torch.zeros(1, 3200)
        sound.fit(silence)
        assert sound(silence, frame_centres(0, 6)).isfinite().all()
