from itertools import pairwise

import numpy as np
import pytest
from factories.visemes import saying

from kfusion import assets
from kfusion.audio import SAMPLE_RATE_HZ, read_audio
from kfusion.errors import InputError
from kfusion.motion.visemes import PRESTON_BLAIR, RHUBARB_SHAPES, VISEMES, VRM_VOWELS, VisemeStream, read_visemes

CLOSED_S = (0.593, 1.078, 1.663, 1.868, 2.273, 2.773, 3.418, 4.103, 4.528, 4.818, 6.488, 7.418, 7.918, 8.133, 8.433)
"""Middles of the clearest p, b and m in the packaged speech, as pocketsphinx aligns its text."""


@pytest.fixture(scope="module")
def speech():
    return read_audio(assets.SAMPLE_SPEECH)


@pytest.fixture(scope="module")
def said(speech):
    return read_visemes(speech)


def test_on_b_p_and_m_the_lips_are_closed(said):
    cues = [next(cue for cue in said.cues() if cue.start_s <= at_s < cue.end_s) for at_s in CLOSED_S]
    assert [cue.viseme for cue in cues] == ["PP"] * len(CLOSED_S)


def test_weights_are_shares_at_the_rate_and_number_of_frames(said):
    for fps, frames in ((30, -(-said.duration_s * 30 // 1)), (24, -(-said.duration_s * 24 // 1))):
        weights = said.weights(fps)
        assert weights.shape == (frames, 15)
        np.testing.assert_allclose(weights.sum(1), 1, atol=1e-5)
    with pytest.raises(InputError, match="fps is 0"):
        said.weights(0)


def test_weights_lie_between_the_steps_around_a_frame():
    said = saying("sil PP", each_s=0.02)
    weights = said.weights(100)
    assert weights[:3, VISEMES.index("PP")] == pytest.approx([0.1 / 14, (0.9 + 0.1 / 14) / 2, 0.9])


def test_cues_touch_from_the_start_to_the_end_of_the_sound(said):
    cues = said.cues()
    assert cues[0].start_s == 0
    assert cues[-1].end_s == said.duration_s
    for cue, following in pairwise(cues):
        assert cue.start_s < cue.end_s == following.start_s
        assert cue.viseme != following.viseme


def test_a_flicker_is_no_cue():
    said = saying("sil aa E aa sil", each_s=0.1)
    assert [cue.viseme for cue in said.cues()] == ["sil", "aa", "E", "aa", "sil"]
    said.steps[12] = np.where(np.arange(15) == VISEMES.index("aa"), 0.4, 0.5 / 13)
    said.steps[12, VISEMES.index("E")] = 0.1
    assert [cue.viseme for cue in said.cues()] == ["sil", "aa", "E", "aa", "sil"]


def test_a_stream_says_the_same_however_the_sound_is_cut(speech, said):
    sound = speech[: 2 * SAMPLE_RATE_HZ + 77]
    for piece in (160, 1601, len(sound)):
        stream = VisemeStream()
        steps = [stream.push(sound[first : first + piece]) for first in range(0, len(sound), piece)]
        found = np.concatenate([*steps, stream.flush()])
        assert len(found) == 101
        np.testing.assert_allclose(found[:90], said.steps[:90], atol=1e-5)
        with pytest.raises(InputError, match="the stream has ended"):
            stream.push(sound)


def test_a_stream_waits_for_no_more_sound_than_it_says(speech):
    stream = VisemeStream()
    wait = round(stream.look_ahead_s * SAMPLE_RATE_HZ)
    assert not len(stream.push(speech[: wait - 1]))
    assert len(stream.push(speech[wait - 1 : wait])) == 5
    assert stream.look_ahead_s < 0.16


def test_nobody_speaks_in_silence_and_noise():
    random = np.random.default_rng(5)
    for sound in (np.zeros(24_000, np.float32), 1e-3 * random.standard_normal(24_000).astype(np.float32)):
        assert {cue.viseme for cue in read_visemes(sound).cues()} == {"sil"}


def test_a_quiet_voice_says_what_a_loud_one_says(speech, said):
    quiet = read_visemes(0.2 * speech)
    assert (quiet.steps.argmax(1) == said.steps.argmax(1)).mean() > 0.8


def test_the_tables_know_every_viseme():
    assert set(RHUBARB_SHAPES) == set(VISEMES)
    assert set(RHUBARB_SHAPES.values()) <= set(PRESTON_BLAIR) == set("ABCDEFGHX")
    assert set(VISEMES) - set(VRM_VOWELS) == {"sil", "PP", "FF"}
    assert {vowel for vowel, _ in VRM_VOWELS.values()} == {"aa", "ih", "ou", "ee", "oh"}
    assert VRM_VOWELS["U"] == ("ou", 1.0)
    assert PRESTON_BLAIR[RHUBARB_SHAPES["PP"]] == "MBP"


def test_a_silent_file_is_refused_unless_allowed(tmp_path):
    from factories.inputs import write_wav

    path = write_wav(tmp_path / "silent.wav", np.zeros(16_000, np.float32))
    with pytest.raises(InputError, match="silent"):
        read_visemes(path)
    assert [cue.viseme for cue in read_visemes(path, allow_silence=True).cues()] == ["sil"]


@pytest.mark.parametrize("lead_ms", [100, -100, 30])
def test_a_lead_moves_the_cues_and_holds_the_ends(said, lead_ms):
    moved, cues = said.earlier(lead_ms).cues(), said.cues()
    assert (moved[0].start_s, moved[-1].end_s) == (0, said.duration_s)
    (start_s,) = {cue.start_s for cue in cues if cue.start_s <= 1.078 < cue.end_s}
    closed = min(
        (cue.start_s for cue in moved if cue.viseme == "PP"), key=lambda at_s: abs(at_s + lead_ms / 1000 - start_s)
    )
    assert closed == pytest.approx(start_s - lead_ms / 1000, abs=0.021)
    assert said.earlier(0).cues() == cues
