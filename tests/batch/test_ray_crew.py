"""Against the real Ray: a local cluster of two nodes, an actor that is killed in the middle; `make integrations`."""

import os
import secrets
import signal
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from factories.batch import contents, make_plan, run_here, write_manifest, write_recordings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Ray's own, of its dependencies
    ray = pytest.importorskip("ray", reason="ray is not installed")
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    from ray.cluster_utils import Cluster

from kfusion.batch.animator import SHARDS
from kfusion.batch.batch_run import run_batch
from kfusion.batch.lane import ItemLimits
from kfusion.batch.ray_crew import ray_lanes
from kfusion.errors import InputError

COUNT = 60
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # sockets of Ray's own


@pytest.fixture
def address() -> Iterator[str]:
    """Of a cluster with two nodes, which leaves nothing behind."""
    # A short path, because Ray puts sockets there.
    with (
        tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as root,
        pytest.MonkeyPatch.context() as patch,
    ):
        (Path(root) / "token").write_text(secrets.token_hex(32))
        patch.setenv("RAY_AUTH_TOKEN_PATH", f"{root}/token")
        (Path(root) / "ray").mkdir()
        patch.setenv("RAY_TMPDIR", root)
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        sizes = {"num_cpus": 1, "object_store_memory": 100_000_000}
        cluster = Cluster(initialize_head=True, head_node_args={**sizes, "include_dashboard": False})
        try:
            cluster.add_node(**sizes)
            yield cluster.address
        finally:
            ray.shutdown()
            cluster.shutdown()


@pytest.mark.slow
def test_two_nodes_give_the_bytes_of_one_machine_though_an_actor_is_killed(address: str, tmp_path: Path) -> None:
    rows = [{"speech": name} for name in write_recordings(tmp_path, COUNT)]
    write_manifest(tmp_path / "manifest.jsonl", rows)
    run_here(make_plan(tmp_path, "whole", formats=(SHARDS,)))
    plan = make_plan(tmp_path, formats=(SHARDS,))
    killed = list[int]()

    def kill_one(pace: object) -> None:
        if not killed and pace.done == 5:  # type: ignore[attr-defined]
            killed.append(_kill_an_actor())

    summary = run_batch(plan, lambda _: ray_lanes(address, None, plan.options, ItemLimits()), kill_one)
    assert killed
    assert (summary.done, summary.failed) == (COUNT, 0)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def _kill_an_actor() -> int:
    """Ray calls its processes by what they do."""
    for status in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            is_ours = status.read_bytes().startswith(b"ray::FarLane") and _descends(int(status.parent.name))
        except OSError:
            continue
        if is_ours:
            os.kill(int(status.parent.name), signal.SIGKILL)
            return int(status.parent.name)
    raise AssertionError("no actor is at work")


def _descends(process: int) -> bool:
    """Whether a process comes of this test: there may be other clusters on the machine."""
    while process > 1:
        if process == os.getpid():
            return True
        process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    return False


def test_a_cluster_that_is_not_there_is_named(tmp_path: Path) -> None:
    plan = make_plan(tmp_path)
    with (
        pytest.raises(InputError, match=r"no Ray cluster at 127\.0\.0\.1:9"),
        ray_lanes("127.0.0.1:9", 1, plan.options, ItemLimits()),
    ):
        pass
