"""A process that forks after it has generated: the child has none of its threads."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from factories.inputs import write_bundle, write_stream_bundle

FORK = """
import faulthandler, os, sys
import numpy as np
import kfusion
model, streaming = kfusion.load(sys.argv[1], threads=2), kfusion.load(sys.argv[2])
sound = np.sin(np.arange(16000 * 20) / 20).astype(np.float32)

def work():
    assert len(model.generate(sound)) == 600
    assert [len(sequence) for sequence in model.generate_many([sound, sound, sound])] == [600] * 3
    assert len(streaming.stream().push(sound)) > 500

work()
begun = model.generate_many([sound, sound, sound, sound])
assert len(next(begun)) == 600
children = []
for _ in range(3):
    child = os.fork()
    if not child:
        faulthandler.dump_traceback_later(40, exit=True)
        assert len(list(begun)) == 3
        work()
        os._exit(7)
    children.append(child)
assert len(list(begun)) == 3
work()
assert all(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7 for child in children)
print("done")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_forked_process_generates_and_streams_and_so_does_its_parent(tmp_path: Path) -> None:
    models = [write_bundle(tmp_path / "model.onnx"), write_stream_bundle(tmp_path / "stream.onnx")]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK, *map(str, models)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("done\n", 0), done.stderr
