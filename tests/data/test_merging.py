"""Shares of a corpus, prepared apart and merged, are what one run gives, to the byte."""

import json
import shutil
from pathlib import Path

import pytest
from factories.media import BlobFinder, blob_picture, make_clip, sine, write_part, write_video

from kfusion.data.clip import Clip
from kfusion.data.data_set import Preparation
from kfusion.data.merging import merge
from kfusion.data.parts import only_run
from kfusion.data.preparation import prepare
from kfusion.data.sharding import ShareRecord
from kfusion.data.sound_clocks import SyncRule
from kfusion.data.store import ClipStore
from kfusion.errors import InputError, OutputError
from kfusion.share import Share

SPLITS = {"anna": "train", "ben": "val", "cleo": "test"}
AS_RECORDED = SyncRule()


def corpus(count: int = 7) -> list[Clip]:
    return [make_clip(f"{name}/{number}", split=split) for name, split in SPLITS.items() for number in range(count)]


def shares_of(clips: list[Clip], root: Path, count: int, **options: object) -> list[Path]:
    """Prepared by parts that are there already."""
    folders = []
    for number in range(1, count + 1):
        share, out = Share(number, count), root / f"shard-{number}"
        for clip in share.of(clips):
            write_part(clip, out, frames=8)
        prepare(clips, out, workers=1, share=share, **options)  # type: ignore[arg-type]
        folders.append(out)
    return folders


def whole(clips: list[Clip], out: Path, sync: SyncRule = AS_RECORDED) -> dict[str, bytes]:
    for clip in clips:
        write_part(clip, out, frames=8)
    prepare(clips, out, workers=1, sync=sync)
    return files(out)


def files(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("count", [1, 2, 5, 30])
def test_any_number_of_shares_gives_the_bytes_of_one_run(tmp_path: Path, count: int) -> None:
    clips = corpus()
    expected = whole(clips, tmp_path / "whole")
    shares = shares_of(clips, tmp_path, count)
    before = [files(folder) for folder in shares]
    assert merge(shares[::-1], tmp_path / "merged", sync=AS_RECORDED) == Preparation(clips=21, failed=0)
    assert files(tmp_path / "merged") == expected
    assert [files(folder) for folder in shares] == before


def test_sound_is_moved_when_all_clips_of_a_speaker_are_together(tmp_path: Path) -> None:
    clips = corpus()
    expected = whole(clips, tmp_path / "whole", SyncRule(ms=40.0))
    shares = shares_of(clips, tmp_path, 3, sync=SyncRule(ms=40.0))
    assert all(clip.sync_ms == 0 for clip in ClipStore(shares[0]).clips)
    merge(shares, tmp_path / "merged", sync=SyncRule(ms=40.0))
    assert files(tmp_path / "merged") == expected


def test_a_data_set_that_was_moved_and_moved_back_has_the_bytes_of_one_that_never_was(tmp_path: Path) -> None:
    clips = corpus(2)
    expected = whole(clips, tmp_path / "whole")
    for sync in (SyncRule(ms=-30.0), AS_RECORDED):
        prepare(clips, tmp_path / "whole", workers=1, sync=sync)
    assert files(tmp_path / "whole") == expected


def test_videos_that_fail_are_named_as_one_run_names_them(tmp_path: Path) -> None:
    clips = []
    for number in range(5):
        path = tmp_path / f"{number} é.mkv"
        times_s = [i / 25 for i in range(8)]
        write_video(path, times_s, lambda _: blob_picture((160, 140)), sound=sine(0.4))
        clips.append(make_clip(f"anna/{number}", path=path))
    clips[1].path.write_bytes(b"no video" * 99)
    prepare(clips, tmp_path / "whole", workers=1, make_finder=BlobFinder)
    shares = [tmp_path / f"shard-{number}" for number in (1, 2)]
    for number, out in enumerate(shares, start=1):
        done = prepare(clips, out, workers=1, make_finder=BlobFinder, share=Share(number, 2))
        assert done.failed == (number == 2)
    assert merge(shares, tmp_path / "merged", sync=AS_RECORDED) == Preparation(clips=4, failed=1)
    assert files(tmp_path / "merged") == files(tmp_path / "whole")
    assert b"cannot decode" in files(tmp_path / "merged")["failures.csv"]


def test_a_share_whose_clips_all_fail_is_a_share(tmp_path: Path) -> None:
    clips = corpus(1)
    for clip in clips[::2]:
        write_part(clip, tmp_path / "1")
    prepare(clips, tmp_path / "1", workers=1, share=Share(1, 2))
    done = prepare(clips, tmp_path / "2", workers=1, make_finder=BlobFinder, share=Share(2, 2))
    assert done == Preparation(clips=0, failed=1)
    assert done.failed_too_many
    merged = merge([tmp_path / "1", tmp_path / "2"], tmp_path / "merged", sync=AS_RECORDED)
    assert merged == Preparation(clips=2, failed=1)
    assert b"ben/0" in files(tmp_path / "merged")["failures.csv"]


def test_a_share_goes_on_where_it_was_stopped_and_a_whole_run_may_take_its_place(tmp_path: Path) -> None:
    clips = corpus()
    (share,) = shares_of(clips, tmp_path, 3)[:1]
    before = files(share)
    prepare(clips, share, workers=1, share=Share(1, 3))
    assert files(share) == before
    assert whole(clips, share) == whole(clips, tmp_path / "whole")


def test_another_share_in_the_same_place_is_refused(tmp_path: Path) -> None:
    clips = corpus()
    shares_of(clips, tmp_path, 2)
    with pytest.raises(InputError, match="holds shard 1/2, not 2/2: give every shard a folder of its own"):
        prepare(clips, tmp_path / "shard-1", workers=1, share=Share(2, 2))


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "a/b", "1/0", "-1/4", "1/4/2", "٣/4", ""])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="pass I/N with I from 1 to N"):
        Share.parse(text)


def test_shares_that_do_not_make_a_whole_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    one, two, three = shares_of(corpus(), tmp_path, 3)
    other = shares_of(corpus(6), tmp_path / "other", 3)[1]
    out = tmp_path / "merged"
    cases = {
        "shard 2/3 missing": [one, three],
        "shard 1/3 is there twice": [one, two, one],
        "do not belong together": [one, other, three],
        "no such folder": [one, two, tmp_path / "nowhere"],
        r"holds no shard\.json": [one, two, tmp_path],
    }
    for words, folders in cases.items():
        with pytest.raises(InputError, match=words):
            merge(folders, out, sync=AS_RECORDED)
    (three / "parts").mkdir()
    (three / "shard.json").rename(tmp_path / "shard.json.away")
    with pytest.raises(InputError, match="is not finished"):
        merge([one, two, three], out, sync=AS_RECORDED)
    assert not out.exists()


def damage(folder: Path, **changes: object) -> None:
    values = json.loads((folder / "shard.json").read_text())
    (folder / "shard.json").write_text(json.dumps({**values, **changes}))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"clips": ["anna/1"]}, "damaged"),
        ({"failures": {"nobody": "x"}}, "damaged"),
        ({"share": "nine"}, "shard nine"),
        ({"kfusion_shard": 9}, "format 9, this version reads 1"),
        ({"colour": 1}, "damaged"),
        ({"clips": 3}, "damaged"),
    ],
)
def test_a_damaged_record_of_a_share_is_named(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    shares = shares_of(corpus(), tmp_path, 2)
    damage(shares[1], **changes)
    with pytest.raises(InputError, match=words):
        merge(shares, tmp_path / "merged", sync=AS_RECORDED)


def test_a_share_that_lost_a_clip_or_is_damaged_is_named_and_leaves_no_half_data_set(tmp_path: Path) -> None:
    clips = corpus()
    shares, out = shares_of(clips, tmp_path, 2), tmp_path / "merged"
    shard = shares[1] / "data" / "train-00000.parquet"
    content = bytearray(shard.read_bytes())
    content[len(content) // 4] ^= 0xFF
    shard.write_bytes(content)
    with pytest.raises(InputError, match=r"train-00000\.parquet: damaged"):
        merge(shares, out, sync=AS_RECORDED)
    assert not list(out.glob("*"))
    shard.unlink()
    with pytest.raises(InputError, match="shard-2: clip 'anna/1' is missing: prepare this shard again"):
        merge(shares, out, sync=AS_RECORDED)
    assert not list(out.glob("*"))


def test_shares_at_work_and_places_in_use_are_refused(tmp_path: Path) -> None:
    shares, out = shares_of(corpus(), tmp_path, 2), tmp_path / "merged"
    with only_run(shares[1]), pytest.raises(InputError, match="shard-2: a run is at work here"):
        merge(shares, out, sync=AS_RECORDED)
    with only_run(out), pytest.raises(InputError, match="another run is at work here"):
        merge(shares, out, sync=AS_RECORDED)
    with pytest.raises(InputError, match="is a shard itself"):
        merge(shares, shares[0], sync=AS_RECORDED)
    whole([make_clip("dora/1")], tmp_path / "other")
    with pytest.raises(InputError, match=r"holds another data set \(1 other clips, such as 'dora/1'\)"):
        merge(shares, tmp_path / "other", sync=AS_RECORDED)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot write"):
        merge(shares, tmp_path / "file", sync=AS_RECORDED)


def test_a_merge_may_be_repeated_when_a_share_has_more(tmp_path: Path) -> None:
    clips = corpus()
    shares, out = shares_of(clips, tmp_path, 2), tmp_path / "merged"
    merge(shares, out, sync=AS_RECORDED)
    first = files(out)
    shutil.rmtree(shares[1])
    shares_of(clips, tmp_path, 2)
    merge(shares, out, sync=AS_RECORDED)
    assert files(out) == first


def test_shares_made_by_other_versions_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    shares = shares_of(corpus(), tmp_path, 2)
    made_by = ShareRecord.read(shares[1]).made_by
    damage(shares[1], made_by={**made_by, "av": "9.9"})
    merge(shares, tmp_path / "merged", sync=AS_RECORDED)
    assert "9.9" in caplog.text
