"""The readers of the corpora, on small trees of empty files."""

import logging
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from factories.media import make_clip

from kfusion.data.clip import Clip, check_speakers, videos_below
from kfusion.data.corpora import CORPORA, CorpusRequest, read_corpus
from kfusion.data.cremad import read_cremad
from kfusion.data.folder import read_folder
from kfusion.data.grid import read_grid
from kfusion.data.lrwar import read_lrwar
from kfusion.data.mead import read_mead
from kfusion.errors import InputError


def plant(root: Path, names: Iterable[str]) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def splits(clips: list[Clip]) -> dict[str, str]:
    return {clip.clip_id: clip.split for clip in clips}


def test_videos_are_found_at_any_depth_and_hidden_files_are_none(tmp_path: Path) -> None:
    plant(tmp_path, ["a.mp4", "b/c/d.MPG", "b/._d.mpg", "b/notes.txt"])
    assert [path.name for path in videos_below(tmp_path)] == ["a.mp4", "d.MPG"]


def test_links_that_lead_nowhere_are_videos_that_are_missing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    plant(tmp_path, ["a.mp4", "folder/b.txt"])
    (tmp_path / "annexed.mp4").symlink_to(".git/annex/objects/a.mp4")
    (tmp_path / "loop.mp4").symlink_to("loop.mp4")
    (tmp_path / "good.mp4").symlink_to("a.mp4")
    (tmp_path / "to_a_folder.mp4").symlink_to("folder")
    assert [path.name for path in videos_below(tmp_path)] == ["a.mp4", "annexed.mp4", "good.mp4", "loop.mp4"]
    assert "1 has the name of a video and is no file, such as to_a_folder.mp4: left out" in caplog.text


def test_a_speaker_on_both_sides_of_the_test_split_is_an_error() -> None:
    clips = [make_clip("anna/1"), make_clip("ben/1", split="val"), make_clip("anna/2", split="test")]
    with pytest.raises(InputError, match="'anna' is in the test split and in another"):
        check_speakers(clips)


def test_a_speaker_in_val_and_test_is_an_error_too() -> None:
    with pytest.raises(InputError, match="'anna'"):
        check_speakers([make_clip("anna/1", split="val"), make_clip("anna/2", split="test")])


def test_the_sentence_protocol_has_to_be_asked_for_by_name() -> None:
    clips = [make_clip("anna/1"), make_clip("anna/2", split="test")]
    check_speakers(clips, "sentences")
    with pytest.raises(InputError, match="unknown protocol 'any'"):
        check_speakers(clips, "any")


def test_a_clip_id_that_stands_twice_is_an_error() -> None:
    with pytest.raises(InputError, match="'anna/1' stands twice"):
        check_speakers([make_clip("anna/1"), make_clip("anna/1")])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"split": "dev"}, "'dev'"),
        ({"emotion": "bored"}, "clip anna/1: unknown emotion 'bored'"),
        ({"intensity": 2}, "2"),
    ],
)
def test_a_clip_with_a_wrong_value_is_an_error(fields: dict[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        make_clip("anna/1", **fields)


def test_grid_splits_by_speaker_and_validates_on_the_last_sentences(tmp_path: Path) -> None:
    plant(tmp_path, [f"s1/{index:03d}.mpg" for index in range(40)])
    plant(tmp_path, ["s26/a.mpg", "s31/video/a.mpg", "unseen/x.mpg", "unseen/y.mpg", "align/s1/000.align"])
    clips = {clip.clip_id: clip for clip in read_grid(tmp_path)}
    assert Counter(splits(list(clips.values())).values()) == {"train": 38, "val": 2, "test": 4}
    assert {name for name, clip in clips.items() if clip.split == "val"} == {"s1/038", "s1/039"}
    assert clips["unseen/x"].speaker != clips["unseen/y"].speaker
    assert clips["s31/a"].speaker == "s31"
    check_speakers(list(clips.values()))


def test_lrwar_follows_its_listing(tmp_path: Path) -> None:
    (tmp_path / "clips.csv").write_text("clip,speaker,split\nclips/1.mp4,ar01,train\nclips/2.mp4,ar02,test\n")
    clips = read_lrwar(tmp_path)
    assert [(clip.clip_id, clip.speaker, clip.split) for clip in clips] == [
        ("1", "ar01", "train"),
        ("2", "ar02", "test"),
    ]
    assert clips[0].path == tmp_path / "clips" / "1.mp4"


def test_a_row_that_stands_twice_counts_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "clips.csv").write_text("clip,speaker,split\n1.mp4,ar01,train\n1.mp4,ar01,train\n2.mp4,ar01,train\n")
    assert [clip.clip_id for clip in read_lrwar(tmp_path)] == ["1", "2"]
    assert "1 repeated rows are left out" in caplog.text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"clip,speaker\n1.mp4,a\n", "column 'split' is missing"),
        (b"clip,speaker,split\n1.mp4,,train\n", "line 2: column 'speaker' is empty"),
        (b"clip,speaker,split\n1.mp4,a,train,more\n", "line 2 has more values"),
        (b"clip,speaker,split,age\n1.mp4,a,train,3\n", "unknown column 'age'"),
        (b"clip,speaker,split\n1.mp4,a,dev\n", "unknown split 'dev'"),
        (b"\xff\xfe\x00", "cannot read the listing"),
        (b"", "column 'clip' is missing"),
    ],
)
def test_a_damaged_listing_gives_one_clear_line(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "clips.csv").write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_lrwar(tmp_path)


def test_folder_splits_are_speaker_disjoint_and_always_the_same(tmp_path: Path) -> None:
    plant(tmp_path, [f"speaker{speaker}/{clip}.mp4" for speaker in range(20) for clip in range(3)])
    clips = read_folder(tmp_path)
    assert splits(clips) == splits(read_folder(tmp_path))
    by_split = {name: {clip.speaker for clip in clips if clip.split == name} for name in ("train", "val", "test")}
    assert {name: len(speakers) for name, speakers in by_split.items()} == {"train": 16, "val": 2, "test": 2}
    assert not by_split["train"] & by_split["val"]
    check_speakers(clips)


def test_three_speakers_are_one_for_each_split(tmp_path: Path) -> None:
    clips = read_folder(plant(tmp_path, ["a/1.mp4", "b/1.mp4", "c/1.mp4"]))
    assert Counter(clip.split for clip in clips) == {"train": 1, "val": 1, "test": 1}


def test_of_two_speakers_the_smaller_is_tested_on(tmp_path: Path) -> None:
    clips = read_folder(plant(tmp_path, [*(f"a/{index}.mp4" for index in range(20)), "b/1.mp4"]))
    assert Counter((clip.speaker, clip.split) for clip in clips) == {
        ("a", "train"): 18,
        ("a", "val"): 2,
        ("b", "test"): 1,
    }
    check_speakers(clips)


def test_one_speaker_gives_train_and_val_and_a_notice(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clips = read_folder(plant(tmp_path, [f"{index}.mp4" for index in range(10)]))
    assert Counter(clip.split for clip in clips) == {"train": 9, "val": 1}
    assert {clip.speaker for clip in clips} == {tmp_path.name}
    assert "no test split" in caplog.text


def write_contents(root: Path, contents: dict[str, bytes]) -> Path:
    plant(root, contents)
    for name, content in contents.items():
        (root / name).write_bytes(content)
    return root


def test_one_file_under_two_names_is_one_clip(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever's it is called, it would stand on two sides of the split."""
    contents = {f"speaker{speaker}/1.mp4": f"video {speaker:02d}".encode() for speaker in range(12)}
    contents |= {f"copy{speaker}/again.mp4": f"video {speaker:02d}".encode() for speaker in range(12)}
    clips = read_folder(write_contents(tmp_path, contents))
    assert len(clips) == len({clip.path.read_bytes() for clip in clips}) == 12
    assert "12 copies of other videos are left out, such as 'speaker0/1' of 'copy0/again'" in caplog.text


def test_videos_of_one_size_are_told_apart_by_their_content(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    clips = read_folder(write_contents(tmp_path, {"a/1.mp4": b"one", "b/1.mp4": b"two", "c/1.mp4": b"six"}))
    assert len(clips) == 3
    assert not caplog.records


def test_a_listing_with_one_file_on_two_sides_is_refused(tmp_path: Path) -> None:
    write_contents(tmp_path, {"a/1.mp4": b"one", "b/1.mp4": b"one", "c/1.mp4": b"six"})
    listing = tmp_path / "list.csv"
    listing.write_text("clip,split\na/1.mp4,train\nc/1.mp4,val\nb/1.mp4,test\n")
    with pytest.raises(InputError, match=r"'b/1' \(test\) is a copy of 'a/1' \(train\): leave one out"):
        read_folder(tmp_path, listing)
    listing.write_text("clip,split\na/1.mp4,train\nc/1.mp4,val\nb/1.mp4,train\n")
    assert [clip.clip_id for clip in read_folder(tmp_path, listing)] == ["a/1", "c/1"]


def test_one_clip_is_trained_on(tmp_path: Path) -> None:
    assert [clip.split for clip in read_folder(plant(tmp_path, ["1.mp4"]))] == ["train"]


def test_a_listing_gives_speaker_emotion_intensity_and_split(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    listing = tmp_path / "list.csv"
    listing.write_text(
        "\ufeffclip, speaker ,emotion,intensity,split\n"
        "a/1.mp4,anna,Happy,2,train\n"
        "a/2.mp4,anna,,,Val\n"
        '"b,c/3.mp4", ben ,sad,,test\n',
        encoding="utf-8",
    )
    first, second, third = read_folder(tmp_path, listing)
    assert (first.clip_id, first.path, first.speaker) == ("a/1", tmp_path / "a/1.mp4", "anna")
    assert (first.emotion, first.intensity, first.split) == ("happy", 2, "train")
    assert (second.emotion, second.intensity, second.split) == (None, None, "val")
    assert (third.clip_id, third.speaker, third.emotion, third.intensity) == ("b,c/3", "ben", "sad", None)
    assert not caplog.text


def test_a_listing_of_names_alone_is_enough(tmp_path: Path) -> None:
    listing = tmp_path / "list.csv"
    listing.write_text("clip\na/1.mp4\nb/1.mp4\nc/1.mp4\n")
    assert {clip.speaker for clip in read_folder(tmp_path, listing)} == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("clip,emotion\n1.mp4,bored\n", "clip 1: unknown emotion 'bored'"),
        ("clip,emotion,intensity\n1.mp4,sad,much\n", "clip '1.mp4': unknown intensity 'much'"),
        ("clip,emotion,intensity\n1.mp4,sad,4\n", "unknown intensity '4'"),
        ("clip,split\n1.mp4,train\n2.mp4,\n", "'2' has no split but others have"),
        ("clip\n", "no videos"),
    ],
)
def test_a_listing_with_a_wrong_value_is_an_error(tmp_path: Path, rows: str, words: str) -> None:
    listing = tmp_path / "list.csv"
    listing.write_text(rows)
    with pytest.raises(InputError, match=words):
        read_folder(tmp_path, listing)


MEAD_SENTENCES = {("neutral", 1): 40, ("angry", 1): 30, ("angry", 3): 30, ("surprised", 2): 30}


@pytest.fixture
def mead(tmp_path: Path) -> Path:
    for speaker in ("M003", "M022", "W011"):
        for (emotion, level), count in MEAD_SENTENCES.items():
            names = [f"{emotion}/level_{level}/{index:03d}" for index in range(1, count + 1)]
            plant(tmp_path / speaker / "video" / "front", (f"{name}.mp4" for name in names))
            plant(tmp_path / speaker / "video" / "left_30", (f"{name}.mp4" for name in names[:2]))
            plant(tmp_path / speaker / "audio", (f"{name}.m4a" for name in names))
    return tmp_path


def test_mead_is_read_from_the_front_with_its_labels(mead: Path) -> None:
    clips = {clip.clip_id: clip for clip in read_mead(mead)}
    assert len(clips) == 3 * sum(MEAD_SENTENCES.values())
    clip = clips["W011/angry/level_3/007"]
    assert (clip.speaker, clip.emotion, clip.intensity, clip.split) == ("W011", "angry", 3, "train")
    assert clip.path == mead / "W011/video/front/angry/level_3/007.mp4"
    assert clip.audio_path == mead / "W011/audio/angry/level_3/007.m4a"


def test_mead_is_split_by_speaker(mead: Path) -> None:
    clips = read_mead(mead)
    assert {(clip.speaker, clip.split) for clip in clips} == {("M003", "test"), ("M022", "val"), ("W011", "train")}
    check_speakers(clips)


def test_the_official_split_of_mead_tests_on_the_last_sentences(mead: Path) -> None:
    clips = read_mead(mead, "sentences")
    found = splits(clips)
    tested = [name for name, split in found.items() if split == "test" and name.startswith("W011")]
    assert sum("neutral" in name for name in tested) == 10
    assert sorted(name for name in tested if "angry/level_3" in name) == [
        f"W011/angry/level_3/{index:03d}" for index in range(25, 31)
    ]
    assert (found["W011/neutral/level_1/030"], found["W011/neutral/level_1/031"]) == ("val", "test")
    assert (found["W011/angry/level_1/022"], found["W011/angry/level_1/024"]) == ("train", "val")
    with pytest.raises(InputError, match="is in the test split and in another"):
        check_speakers(clips)
    check_speakers(clips, "sentences")


def test_mead_without_separate_sound_uses_the_sound_of_the_video(tmp_path: Path) -> None:
    plant(tmp_path, ["W011/video/front/sad/level_1/001.mp4"])
    assert read_mead(tmp_path)[0].audio_path is None


def test_a_folder_that_mead_does_not_have_is_an_error(tmp_path: Path) -> None:
    plant(tmp_path, ["W011/video/front/bored/level_1/001.mp4"])
    with pytest.raises(InputError, match="unknown emotion or level"):
        read_mead(tmp_path)


def test_videos_that_differ_by_their_ending_alone_are_two_clips(tmp_path: Path) -> None:
    clips = read_folder(plant(tmp_path, ["a/1.mp4", "a/1.avi", "a/2.mp4"]))
    assert sorted(clip.clip_id for clip in clips) == ["a/1.avi", "a/1.mp4", "a/2"]


@pytest.mark.parametrize(
    ("name", "emotion", "intensity"),
    [
        ("1001_DFA_ANG_XX", "angry", None),
        ("1002_IEO_DIS_LO", "disgusted", 1),
        ("1003_IEO_FEA_MD", "fear", 2),
        ("1004_IEO_HAP_HI", "happy", 3),
        ("1005_TIE_NEU_XX", "neutral", None),
        ("1040_ITH_SAD_X", "sad", None),
    ],
)
def test_crema_d_names_are_parsed(tmp_path: Path, name: str, emotion: str, intensity: int | None) -> None:
    plant(tmp_path, [f"VideoFlash/{name}.flv", f"AudioWAV/{name}.wav"])
    (clip,) = read_cremad(tmp_path)
    assert (clip.clip_id, clip.speaker, clip.split) == (name, name[:4], "test")
    assert (clip.emotion, clip.intensity) == (emotion, intensity)
    assert clip.audio_path == tmp_path / "AudioWAV" / f"{name}.wav"


def test_another_name_in_crema_d_is_left_out_with_a_notice(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    plant(tmp_path, ["VideoFlash/1001_DFA_ANG_XX.flv", "VideoFlash/holiday.flv"])
    assert [clip.clip_id for clip in read_cremad(tmp_path)] == ["1001_DFA_ANG_XX"]
    assert "holiday.flv: left out" in caplog.text


@pytest.mark.parametrize("corpus", CORPORA)
def test_a_folder_that_is_not_the_corpus_is_an_error(tmp_path: Path, corpus: str) -> None:
    with pytest.raises(InputError, match="pass"):
        read_corpus(corpus, CorpusRequest(source=tmp_path))
    with pytest.raises(InputError, match="no such folder"):
        read_corpus(corpus, CorpusRequest(source=tmp_path / "missing"))


def test_what_a_corpus_does_not_offer_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown corpus 'lrs3': use grid"):
        read_corpus("lrs3", CorpusRequest(source=tmp_path))
    with pytest.raises(InputError, match="grid takes no listing"):
        read_corpus("grid", CorpusRequest(source=tmp_path, listing=tmp_path / "a.csv"))
    with pytest.raises(InputError, match="cremad has no protocol 'sentences': use speakers"):
        read_corpus("cremad", CorpusRequest(source=tmp_path, protocol="sentences"))
