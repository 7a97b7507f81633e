"""Against a real Ray cluster of two nodes on this machine: the bytes of one process, whoever dies."""

import os
import secrets
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from factories.media import BlobFinder, SlowFinder, TouchyFinder, blob_picture, make_clip, sine, write_video

from kfusion.errors import InputError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Ray's own, of its dependencies
    ray = pytest.importorskip("ray", reason="ray is not installed")
    from ray.cluster_utils import Cluster
pytest.importorskip("pyarrow", reason="pyarrow is not installed")

from kfusion.data.clip import Clip
from kfusion.data.data_set import Preparation
from kfusion.data.parts import part_path
from kfusion.data.preparation import prepare
from kfusion.data.ray_workforce import ray_workforce

CLIPS = 12
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::ResourceWarning")]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes of one core each; a third may come."""
    with (
        tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as root,  # short: Ray puts sockets there
        pytest.MonkeyPatch.context() as patch,
    ):
        (Path(root) / "token").write_text(secrets.token_hex(32))
        patch.setenv("RAY_AUTH_TOKEN_PATH", f"{root}/token")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_TMPDIR", root)
        (Path(root) / "ray").mkdir()
        paths = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "src")]
        patch.setenv("PYTHONPATH", os.pathsep.join(paths))
        node = {"num_cpus": 1, "object_store_memory": 80_000_000}
        nodes = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
        try:
            nodes.add_node(**node)
            nodes.wait_for_nodes()
            ray.init(address=nodes.address, log_to_driver=False)
            yield nodes
        finally:
            ray.shutdown()
            nodes.shutdown()


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    root = tmp_path_factory.mktemp("corpus")
    found = []
    for number in range(CLIPS):
        mouth = (160.0, 140.0 + number)
        times_s = [i / 25 for i in range(8 + number)]
        path = write_video(
            root / f"{number}.mkv", times_s, lambda _, at=mouth: blob_picture(at), sound=sine(0.8, 48_000)
        )
        found.append(make_clip(f"anna/{number:02d}", path=path))
    found[3].path.write_bytes(b"no video" * 99)
    return found


def files(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def expected(clips: list[Clip], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("expected")
    assert prepare(clips, out, workers=2, make_finder=BlobFinder) == Preparation(clips=CLIPS - 1, failed=1)
    return files(out)


def test_a_cluster_gives_the_bytes_of_processes(
    cluster: Any, clips: list[Clip], expected: dict[str, bytes], tmp_path: Path
) -> None:
    done = prepare(clips, tmp_path, workers=ray_workforce(cluster.address, None), make_finder=BlobFinder)
    assert done == Preparation(clips=CLIPS - 1, failed=1)
    assert files(tmp_path) == expected


def test_a_clip_that_kills_its_workers_costs_only_itself(cluster: Any, clips: list[Clip], tmp_path: Path) -> None:
    deadly = write_video(
        tmp_path / "deadly.mkv", [i / 25 for i in range(8)], lambda _: blob_picture(None), sound=sine(1.0)
    )
    wanted = [make_clip("anna/00", path=deadly), clips[4]]
    done = prepare(wanted, tmp_path / "out", workers=ray_workforce(cluster.address, 2), make_finder=TouchyFinder)
    assert done == Preparation(clips=1, failed=1)
    assert "its worker process died" in (tmp_path / "out" / "failures.csv").read_text()


def test_a_node_that_is_lost_in_the_middle_loses_nothing(
    cluster: Any, clips: list[Clip], expected: dict[str, bytes], tmp_path: Path
) -> None:
    lost = cluster.add_node(num_cpus=1, object_store_memory=80_000_000)
    cluster.wait_for_nodes()
    workforce = ray_workforce(cluster.address, 3)
    seen = list[int]()

    def lose() -> None:
        while len(list((tmp_path / "parts").glob("[!.]*.parquet"))) < 3:
            time.sleep(0.02)
        seen.append(sum(part_path(tmp_path, clip.clip_id).is_file() for clip in clips))
        cluster.remove_node(lost, allow_graceful=False)

    thief = threading.Thread(target=lose)
    thief.start()
    done = prepare(clips, tmp_path, workers=workforce, make_finder=SlowFinder)
    thief.join()
    assert 3 <= seen[0] < CLIPS - 1
    assert done == Preparation(clips=CLIPS - 1, failed=1)
    assert files(tmp_path) == expected


def test_more_workers_than_the_cluster_has_cores_are_refused(cluster: Any) -> None:
    with pytest.raises(InputError, match=r"--workers 99: the Ray cluster has \d+ cores"):
        ray_workforce(cluster.address, 99)
