"""Work shared out to processes and to a cluster, as far as no cluster is needed."""

import os
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from factories.media import BlobFinder, blob_picture, finder_without_weights, make_clip, sine, write_video

from kfusion.data.clip import Clip
from kfusion.data.one_clip import extract_into_part
from kfusion.data.parts import part_path
from kfusion.data.processes import in_order_by
from kfusion.data.ray_workforce import _Extractor, ray_workforce
from kfusion.data.sharding import tools
from kfusion.errors import KfusionError, MissingExtraError


@pytest.mark.parametrize("workers", [1, 2])
def test_what_processes_make_comes_in_the_order_of_the_items(workers: int) -> None:
    assert list(in_order_by(abs, range(-20, 0), workers)) == list(range(20, 0, -1))


def test_processes_are_no_more_than_a_few_items_ahead() -> None:
    taken = list[int]()

    def endless() -> object:
        for number in range(10**9):
            taken.append(number)
            yield number

    made = in_order_by(abs, endless(), 2)  # type: ignore[arg-type]
    assert list(islice(made, 3)) == [0, 1, 2]
    made.close()
    assert len(taken) < 20


def test_a_process_that_dies_is_one_line() -> None:
    with pytest.raises(KfusionError, match="a worker process died"):
        list(in_order_by(os._exit, [1], 2))


def talk(tmp_path: Path) -> Clip:
    times_s = [i / 25 for i in range(8)]
    path = write_video(tmp_path / "a.mkv", times_s, lambda _: blob_picture((160, 140)), sound=sine(0.4, 48_000))
    return make_clip("anna/1", path=path)


def test_an_extractor_on_a_cluster_sends_the_bytes_that_a_process_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It also finds clips whose paths begin where the command was started."""
    monkeypatch.chdir(tmp_path)
    clip = replace(talk(tmp_path), path=Path("a.mkv"))
    assert extract_into_part(clip, out=tmp_path, make_finder=BlobFinder) is None
    monkeypatch.chdir("/")
    sent = _Extractor(BlobFinder, tools(), str(tmp_path)).extract(clip)
    assert sent == (None, part_path(tmp_path, "anna/1").read_bytes())
    clip.path.write_bytes(b"no video" * 99)
    kind, reason = _Extractor(BlobFinder, tools(), str(tmp_path)).extract(clip)
    assert kind is None
    assert "cannot decode" in str(reason)


def test_a_node_with_other_versions_or_without_a_network_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    clip = talk(tmp_path)
    kind, words = _Extractor(BlobFinder, tools() | {"av": "1.0"}, str(tmp_path)).extract(clip)
    assert kind == "other tools"
    assert "this machine" in str(words)
    kind, words = _Extractor(finder_without_weights, tools(), str(tmp_path)).extract(clip)
    assert (kind, words) == ("MissingWeightsError", "x.task: the face landmarker is missing: install kfusion again")


def test_without_ray_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"--engine ray needs packages .* pip install 'kfusion\[ray\]'"):
        ray_workforce(None, None)
