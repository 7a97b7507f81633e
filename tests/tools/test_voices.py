"""The synthetic voices, but for the synthesisers themselves: those need programs that a test machine lacks."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from align import grid_words, read_alignment, write_alignment
from check_clocks import best_lag_ms, correlations
from factories.inputs import face_points, tone
from make import (
    Face,
    Plan,
    finish,
    landmarks_of,
    placed,
    plan_clip,
    turns,
    write_part,
)
from motion import REACH, MotionNet, Pair, opening_correlation, predict, steps_for, train
from phones import ARPABET, FEATURES, PHONES, Segment, close_gaps, parse_arpabet, parse_ipa, shifted, track
from sentences import WORDS, clauses, draw_line, foreign_words, grid_command, pseudo_words
from speak import (
    SYNTHESISERS,
    Spoken,
    cut_at_silence,
    espeak_segments,
    flite_segments,
    kokoro_segments,
    kokoro_spelling,
)

from kfusion.data.clip import Clip
from kfusion.data.store import ClipStore
from kfusion.errors import InputError, KfusionError
from kfusion.landmarks import unit_frame

SILENCE = ("sil",)
TEXTS = ["and the earth was without form", "in the beginning", "and god saw the light"]


def segment(start_s: float, end_s: float, *phones: str) -> Segment:
    return Segment(start_s=start_s, end_s=end_s, phones=phones)


def column(values: np.ndarray, feature: str) -> np.ndarray:
    return values[:, FEATURES.index(feature)]


def assert_segments(found: list[Segment], wanted: list[Segment]) -> None:
    assert [part.phones for part in found] == [part.phones for part in wanted]
    np.testing.assert_allclose(
        [(part.start_s, part.end_s) for part in found], [(part.start_s, part.end_s) for part in wanted], atol=1e-9
    )


# phones


@pytest.mark.parametrize(
    ("ipa", "phones"),
    [
        ("aɪ", ("a", "ɪ")),
        ("t͡ʃ", ("tʃ",)),
        ("t‍ʃ", ("tʃ",)),
        ("ʧ", ("tʃ",)),
        ("ˈiː", ("i",)),
        ("a:", ("a",)),
        ("pʰ", ("p",)),
        ("tʃʲ", ("tʃ",)),
        ("ɐ̃ʊ̃", ("ɐ", "ʊ")),
        ("n̩", ("n",)),
        ("ç", ("ç",)),
        ("g", ("ɡ",)),
        ("ɔːɹ", ("ɔ", "ɹ")),
        ("ʲ", ()),
        ("", ()),
    ],
)
def test_ipa_is_parsed_without_its_marks(ipa: str, phones: tuple[str, ...]) -> None:
    assert parse_ipa(ipa) == phones


def test_an_unknown_symbol_is_an_error_never_silence() -> None:
    with pytest.raises(InputError, match="unknown IPA symbol '5' in 'a5'"):
        parse_ipa("a5")
    with pytest.raises(InputError, match="unknown ARPAbet phone 'XY'"):
        parse_arpabet("XY")


def test_arpabet_is_parsed_with_stress_and_in_any_case() -> None:
    assert parse_arpabet("AY1") == ("a", "ɪ")
    assert parse_arpabet("ch") == ("tʃ",)
    assert parse_arpabet("pau") == parse_arpabet("+SPN+") == SILENCE


def test_every_arpabet_phone_has_features_of_its_own() -> None:
    parsed = {name: parse_arpabet(name) for name in ARPABET}
    assert len(parsed) >= 39
    assert {phone for phones in parsed.values() for phone in phones} <= PHONES.keys()
    told_apart = {tuple(np.concatenate([PHONES[phone] for phone in phones])) for phones in parsed.values()}
    assert len(told_apart) == len(parsed) - 2  # NX is a short N, and AXR an unstressed ER


def test_lips_meet_in_p_b_m_alone() -> None:
    closed = {name for name, features in PHONES.items() if features[FEATURES.index("bilabial")] == 1}
    assert closed == {"p", "b", "m"}


def test_a_track_holds_the_mean_of_each_10_ms() -> None:
    values = track([segment(0.02, 0.04, "p"), segment(0.04, 0.055, "a")], 7)
    np.testing.assert_allclose(column(values, "bilabial"), [0, 0, 1, 1, 0, 0, 0], atol=1e-6)
    np.testing.assert_allclose(column(values, "open"), [0, 0, 0, 0, 1, 0.5, 0], atol=1e-6)
    np.testing.assert_allclose(column(values, "sil"), [1, 1, 0, 0, 0, 0.5, 1], atol=1e-6)


def test_a_closure_between_two_steps_is_not_lost() -> None:
    assert column(track([segment(0.012, 0.018, "p")], 3), "bilabial")[1] == pytest.approx(0.6)


def test_the_parts_of_a_diphthong_are_equally_long() -> None:
    values = track([segment(0, 0.04, "a", "u")], 4)
    np.testing.assert_allclose(column(values, "open"), [1, 1, 0.15, 0.15], atol=1e-6)


def test_what_starts_before_the_sound_is_cut() -> None:
    np.testing.assert_allclose(column(track([segment(-0.02, 0.01, "p")], 2), "bilabial"), [1, 0], atol=1e-6)


def test_a_short_silence_goes_to_both_neighbours_and_a_long_one_stays() -> None:
    spoken = [segment(0, 0.2, "a"), segment(0.2, 0.26, "sil"), segment(0.26, 0.4, "p"), segment(0.4, 0.6, "sil")]
    assert_segments(close_gaps(spoken), [segment(0, 0.23, "a"), segment(0.23, 0.4, "p"), segment(0.4, 0.6, "sil")])


def test_short_silences_in_a_row_are_one_pause() -> None:
    spoken = [segment(0, 0.2, "a"), segment(0.2, 0.28, "sil"), segment(0.28, 0.36, "sil"), segment(0.36, 0.5, "p")]
    assert_segments(close_gaps(spoken), [spoken[0], segment(0.2, 0.36, "sil"), spoken[3]])


def test_a_short_silence_at_the_start_or_the_end_stays() -> None:
    spoken = [segment(0, 0.05, "sil"), segment(0.05, 0.2, "a"), segment(0.2, 0.25, "sil")]
    assert_segments(close_gaps(spoken), spoken)


# synthesisers


def test_flite_prints_the_end_of_every_phone() -> None:
    wanted = [segment(0, 0.2, "sil"), segment(0.2, 0.25, "b"), segment(0.25, 0.4, "a", "ɪ")]
    assert_segments(flite_segments("pau:0.200 b:0.250 ay:0.400 \n"), wanted)


def test_an_event_of_espeak_without_a_name_is_silence_and_marks_go_with_the_phone_before() -> None:
    events = [(0.1, "dʲ"), (0.2, "ʲ"), (0.25, "aɪ"), (0.4, "(en)"), (0.4, ""), (0.7, "n̩")]
    wanted = [segment(0.1, 0.25, "d"), segment(0.25, 0.4, "a", "ɪ"), segment(0.4, 0.7, "sil"), segment(0.7, 0.8, "n")]
    assert_segments(espeak_segments(events, 0.8), wanted)


def test_stress_goes_with_the_vowel_after_it_and_length_with_the_one_before() -> None:
    ends_s = np.array([0.1, 0.2, 0.25, 0.4, 0.45, 0.5, 0.6, 0.7])
    wanted = [segment(0, 0.1, "sil"), segment(0.1, 0.2, "b"), segment(0.2, 0.45, "i"), segment(0.45, 0.5, "sil")]
    assert_segments(kokoro_segments(list("bˈiː ʧ"), ends_s), [*wanted, segment(0.5, 0.6, "tʃ")])


def test_kokoro_reads_an_affricate_as_one_symbol_and_two_consonants_as_two() -> None:
    assert kokoro_spelling("ɪ_t_s tʃ_ɪ_p_s dʒ_ʌ_dʒ") == "ɪts ʧɪps ʤʌʤ"


def test_a_phone_does_not_last_through_the_pause_after_it() -> None:
    samples = np.concatenate([np.full(4800, 0.5), np.zeros(8000)]).astype(np.float32)
    cut = cut_at_silence(samples, [segment(0, 0.2, "a"), segment(0.2, 0.7, "z")])
    assert_segments(cut, [segment(0, 0.2, "a"), segment(0.2, 0.3, "z"), segment(0.3, 0.7, "sil")])


def test_a_phone_that_is_never_heard_keeps_a_little_time_and_a_closure_keeps_all() -> None:
    samples = np.concatenate([np.full(4800, 0.5), np.zeros(1600), np.full(1600, 0.5), np.zeros(8000)])
    spoken = [segment(0, 0.3, "a"), segment(0.3, 0.4, "p"), segment(0.4, 0.5, "a"), segment(0.5, 0.9, "m")]
    cut = cut_at_silence(samples.astype(np.float32), spoken)
    assert_segments(cut, [*spoken[:3], segment(0.5, 0.56, "m"), segment(0.56, 0.9, "sil")])


# text


def test_verses_are_cut_into_clauses_of_plain_letters() -> None:
    printed = (
        "Ge1:1 In the beginning God created the heaven.\nGe1:2 Void; and [it] was upon the face of the deep: so.\n"
    )
    assert clauses(printed) == ["In the beginning God created the heaven", "and it was upon the face of the deep"]


def test_arabic_is_not_among_the_languages() -> None:
    assert "ar" not in WORDS
    assert not any("\u0600" <= letter <= "\u06ff" for words in WORDS.values() for letter in words)


def test_sentences_follow_from_the_seed() -> None:
    for make in (grid_command, pseudo_words, lambda random: foreign_words(random, "de")):
        first, again, other = (make(np.random.default_rng(seed)) for seed in (1, 1, 2))
        assert first == again != other


def test_pseudo_words_can_be_parsed() -> None:
    random = np.random.default_rng(0)
    for _ in range(50):
        assert len(parse_ipa(pseudo_words(random))) >= 8


def test_lines_name_voices_that_exist() -> None:
    random = np.random.default_rng(0)
    for name, kind in SYNTHESISERS.items():
        lines = [draw_line(name, TEXTS[0], random) for _ in range(40)]
        assert {line.voice for line in lines} - {"mixed"} <= set(kind.voices)
        assert all(line.blend or line.voice != "mixed" for line in lines)


# motion


def test_the_network_gives_68_points_a_frame_and_the_same_ones_from_the_same_seed() -> None:
    pairs = [pair(seed) for seed in range(4)]
    first, again = (train(pairs, epochs=2, seed=3) for _ in range(2))
    assert predict(first, [segment(0, 0.3, "a")], 11).shape == (11, 68, 2)
    for name, value in first.state_dict().items():
        torch.testing.assert_close(value, again.state_dict()[name], rtol=0, atol=0)


def pair(seed: int, frames: int = 20) -> Pair:
    """A mouth that opens in each `a`, and a random text of `a` and `m`."""
    random = np.random.default_rng(seed)
    spoken = [segment(i / 10, (i + 1) / 10, str(random.choice(["a", "m"]))) for i in range(10)]
    phones = track(spoken, steps_for(frames))
    motion = np.zeros((frames, 68, 2), np.float32)
    motion[:, 65:68, 1] = 0.1 * column(phones, "open")[np.arange(frames) * 10 // 3][:, None]
    return Pair(phones, motion)


def test_training_teaches_the_network_to_open_the_mouth() -> None:
    network = train([pair(seed) for seed in range(12)], epochs=60)
    assert opening_correlation(network, [pair(99)]) > 0.8


def test_a_phone_moves_only_the_frames_within_reach_of_it() -> None:
    torch.manual_seed(0)
    network, frames, at_s = MotionNet(), 60, 1.0
    difference = predict(network, [segment(at_s, at_s + 0.01, "a")], frames) - predict(network, [], frames)
    moved = np.flatnonzero(np.abs(difference).max((1, 2)) > 1e-7) / 30
    assert moved.min() == pytest.approx(at_s - REACH / 100, abs=1 / 30)
    assert moved.max() == pytest.approx(at_s + REACH / 100, abs=1 / 30)
    assert abs(moved.mean() - at_s) < 1 / 60


def test_frame_t_stands_at_t_thirtieths_between_two_steps() -> None:
    network = MotionNet().eval()
    with torch.no_grad():
        for value in network.parameters():
            value.zero_()
        network.first.weight[0, FEATURES.index("open"), 2] = 1  # the middle of the kernel: the step itself
        network.last.weight[0, 0] = 100
    values = np.zeros((1, steps_for(4), len(FEATURES)), np.float32)
    values[0, :, FEATURES.index("open")] = 100 * np.arange(steps_for(4))  # far out, where GELU is the identity
    with torch.no_grad():
        motion = network(torch.from_numpy(values), 4)
    np.testing.assert_allclose(motion[0, :, 0, 0], np.arange(4) * 1000 / 3, rtol=1e-5)


def test_what_stands_after_a_clip_never_changes_it() -> None:
    network = train([pair(0)], epochs=1)
    alone = torch.from_numpy(pair(1).phones)[None]
    silence = torch.from_numpy(track([], 40))[None]
    with torch.no_grad():
        longer = network(torch.cat([alone, silence], 1), 32)[:, :20]
        torch.testing.assert_close(network(alone, 20), longer, rtol=0, atol=1e-6)


# alignment


def test_grids_words_are_read_without_silences(tmp_path: Path) -> None:
    path = tmp_path / "bbaf2n.align"
    path.write_text("0 23750 sil\n23750 29500 bin\n29500 34000 sp\n34000 35500 blue\n")
    assert grid_words(path) == ["bin", "blue"]
    path.write_text("no alignment")
    with pytest.raises(InputError, match="not a GRID alignment"):
        grid_words(path)


def test_an_alignment_survives_its_file(tmp_path: Path) -> None:
    aligned = {"s1/a": [segment(0, 0.1, "sil"), segment(0.1, 0.3, "a", "ɪ")]}
    write_alignment(tmp_path / "phones.json", aligned)
    assert read_alignment(tmp_path / "phones.json") == aligned


# the data set


def plan(index: int, seed: int = 0, names: tuple[str, ...] = ("flite", "espeak", "kokoro")) -> Plan:
    return plan_clip(index, turns(names), TEXTS, seed, "source")


def test_a_plan_follows_from_the_seed_and_the_number() -> None:
    assert plan(5) == plan(5) != plan(5, seed=1)
    names = {plan(index).clip.clip_id for index in range(31)}
    assert len(names) == 31


def test_synthesisers_take_turns_and_can_be_left_out() -> None:
    order = turns(["flite", "espeak", "kokoro"])
    assert {name: order.count(name) for name in order} == {"flite": 12, "espeak": 8, "kokoro": 11}
    assert set(order[:3]) == {"flite", "espeak", "kokoro"}
    assert set(turns(["flite"])) == {"flite"}


def made_up() -> Spoken:
    return Spoken(tone(1.0), [segment(0, 0.5, "a"), segment(0.5, 1.0, "m")])


def test_speech_is_placed_between_silences_and_cut_to_whole_frames() -> None:
    spoken = placed(made_up(), (0.1, 0.215), level=0.5)
    frames = (1600 + 16000 + 3440) * 30 // 16000
    assert len(spoken.samples) == frames * 16000 // 30
    assert np.abs(spoken.samples).max() == pytest.approx(0.5)
    assert not spoken.samples[:1600].any()
    assert_segments(spoken.segments, shifted(made_up().segments, 0.1))


def face() -> Face:
    frame = unit_frame(face_points())
    return Face(frame(face_points()), frame)


def store_clips(out: Path, count: int) -> list[Clip]:
    network = MotionNet().eval()
    for index in range(count):
        spoken = placed(made_up(), plan(index).pad_s, plan(index).level)
        frames = -(-len(spoken.samples) * 30 // 16000)
        write_part(plan(index), spoken.samples, landmarks_of(network, spoken.segments, frames, face()), out)
    return [plan(index).clip for index in range(count)]


def test_a_face_that_does_not_move_stays_where_it_is_in_the_crop() -> None:
    network = MotionNet()
    with torch.no_grad():
        network.last.weight.zero_()
        network.last.bias.zero_()
    np.testing.assert_allclose(landmarks_of(network, [], 2, face()), np.stack([face_points()] * 2), atol=1e-3)


def test_made_clips_are_a_prepared_data_set(tmp_path: Path) -> None:
    clips = store_clips(tmp_path, 3)
    finish(clips, {}, 0.894, tmp_path)
    store = ClipStore(tmp_path)
    assert {clip.clip_id for clip in store.split("train")} == {clip.clip_id for clip in clips}
    assert not store.split("val", "test")
    for index, made in enumerate(clips):
        clip = store.by_id[made.clip_id]
        wanted = placed(made_up(), plan(index).pad_s, plan(index).level)
        np.testing.assert_allclose(clip.samples(), wanted.samples, atol=1 / 32767)
        assert clip.landmarks().shape == (clip.frames, 68, 2)
        assert len(clip.samples()) == clip.frames * 16000 // 30
        assert (clip.corpus, clip.emotion, clip.speaker) == ("voices", None, made.speaker)
    card = (tmp_path / "README.md").read_text()
    assert "0.894" in card
    assert "GRID" in card
    assert "Apache-2.0" in card


def test_a_clip_that_failed_is_named(tmp_path: Path) -> None:
    clips = store_clips(tmp_path, 20)
    left_out = plan(20).clip
    finish([*clips, left_out], {left_out.clip_id: "espeak said nothing"}, 0.9, tmp_path)
    with (tmp_path / "failures.csv").open() as file:
        assert list(csv.reader(file)) == [["clip_id", "reason"], [left_out.clip_id, "espeak said nothing"]]
    assert len(ClipStore(tmp_path).split("train")) == 20


def test_too_many_failed_clips_are_an_error(tmp_path: Path) -> None:
    clips = store_clips(tmp_path, 2)
    with pytest.raises(KfusionError, match="1 of 2 clips failed, such as: espeak said nothing"):
        finish(clips, {clips[1].clip_id: "espeak said nothing"}, 0.9, tmp_path)


# clocks


def test_a_lag_between_two_openings_is_found() -> None:
    time_s = np.arange(300) / 30
    early, late = (np.sin(2 * np.pi * 1.7 * (time_s - by_s)).astype(np.float32) for by_s in (0, 0.05))
    assert best_lag_ms(correlations(early, late)) == pytest.approx(50, abs=3)
    assert best_lag_ms(correlations(late, early)) == pytest.approx(-50, abs=3)
