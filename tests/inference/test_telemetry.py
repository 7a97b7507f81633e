"""onnxruntime's telemetry is off: nothing in the user's folders, nothing to the network."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from factories.inputs import write_bundle

GENERATE = """
import sys, time
import numpy as np
import kfusion
kfusion.load(sys.argv[1]).generate(np.sin(np.arange(16000) / 20).astype(np.float32))
time.sleep(float(sys.argv[2]))
"""


def environment(home: Path, **more: str) -> dict[str, str]:
    """Of a user whose home is new, as one without any wish about telemetry."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "XDG_"))}
    return kept | {"HOME": str(home)} | more


def test_nothing_is_written_to_the_home_of_the_user(tmp_path: Path) -> None:
    home, model = tmp_path / "home", write_bundle(tmp_path / "model.onnx")
    home.mkdir()
    subprocess.run([sys.executable, "-c", GENERATE, str(model), "1"], env=environment(home), check=True, timeout=60)
    assert not list(home.rglob("*"))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_no_host_is_looked_up_or_connected_to(tmp_path: Path) -> None:
    model, log = write_bundle(tmp_path / "model.onnx"), tmp_path / "calls.txt"
    trace = ["strace", "-f", "-e", "trace=socket,connect,sendto,sendmsg,sendmmsg", "-o", str(log)]
    tried = subprocess.run([*trace, "true"], capture_output=True, check=False, timeout=60)
    if tried.returncode:
        pytest.skip("strace may not trace here")
    command = [*trace, sys.executable, "-c", GENERATE, str(model), "12"]  # it looks its host up after some 9 s
    subprocess.run(command, env=environment(tmp_path), check=True, timeout=120)
    assert "AF_INET" not in log.read_text()


@pytest.mark.parametrize(("given", "kept"), [(None, "1"), ("", "1"), ("0", "0"), ("1", "1")])
def test_it_is_off_unless_the_user_asks_for_it(tmp_path: Path, given: str | None, kept: str) -> None:
    code = "import os, kfusion; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    wish = {} if given is None else {"ORT_DISABLE_TELEMETRY": given}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(tmp_path, **wish), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == kept
