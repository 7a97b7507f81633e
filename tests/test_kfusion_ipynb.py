import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("nbclient", reason="needs nbclient and ipykernel, of the extra dev")
NOTEBOOK = Path(__file__).parents[1] / "examples/kfusion.ipynb"


def test_the_notebook_runs_from_its_first_cell_to_its_last(tmp_path: Path) -> None:
    done = tmp_path / "done.ipynb"
    command = [sys.executable, "-m", "jupyter", "execute", str(NOTEBOOK), f"--output={done}", "--timeout=120"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
    cells = [cell for cell in json.loads(done.read_text())["cells"] if cell["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in cells)
    shown = json.dumps([cell["outputs"] for cell in cells])
    assert "(281, 68, 2)" in shown
    assert "video/mp4" in shown
    assert "at most 152.5 ms behind the voice" in shown


def test_the_notebook_is_kept_without_what_it_printed() -> None:
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    assert not any(cell.get("outputs") for cell in cells)
