"""The browser's side: what of `static/kfusion.js` needs no browser, under Node."""

import shutil
import subprocess
from pathlib import Path

import pytest

from kfusion.landmarks import CONTOURS
from kfusion.serve.app import STATIC

NODE = shutil.which("node")
SCRIPT = STATIC / "kfusion.js"


@pytest.mark.skipif(NODE is None, reason="needs Node")
def test_the_parts_that_need_no_browser(tmp_path: Path) -> None:
    module = shutil.copy(SCRIPT, tmp_path / "kfusion.mjs")
    tests = Path(__file__).with_name("kfusion.test.mjs")
    done = subprocess.run([str(NODE), tests, module], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ok - ") == 9


def test_the_lines_of_the_face_are_those_of_the_library() -> None:
    source = SCRIPT.read_text()
    for points, closed in CONTOURS:
        assert f"[{points[0]}, {points[-1]}{', true' if closed else ''}]" in source
