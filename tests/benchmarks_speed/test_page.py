from pathlib import Path
from typing import Any

import pytest
from speed.page import PAGE, write_page
from speed.result import FOLDER, Result, Table


def result(part: str, measured: dict[str, Any]) -> Result:
    table = Table(title="Numbers", columns=["", "s"], rows=[["one", "1.0"]])
    return Result(part=part, cores="one core", tables=[table], notes="- A note.\n", measured=measured)


def run(seconds: int, cores: int, wall_s: float) -> dict[str, Any]:
    times = {"import_s": 0.1, "load_s": 0.2, "wall_s": [wall_s]}
    return {"seconds": seconds, "cores": cores, "peak_mb": 100.0 + cores, **times}


def page_of(folder: Path, *results: Result) -> str:
    for one in results:
        one.save(folder)
    write_page(folder / "timings.md", folder)
    return (folder / "timings.md").read_text()


@pytest.mark.parametrize(("wall_s", "verdict"), [(0.6, "0.0100 | met"), (1.2, "0.0200 | **not met**")])
def test_the_page_says_which_targets_are_met(tmp_path: Path, wall_s: float, verdict: str) -> None:
    runs = [run(60, 1, 9.0), run(60, 2, wall_s), run(600, 1, 90.0), run(600, 2, 10 * wall_s)]
    page = page_of(tmp_path, result("end-to-end", {"runs": runs}))
    assert f"| real-time factor on two cores, 60 s and more | at most 0.015 | {verdict} |" in page
    assert "| start-up: import + load, s | under 0.5 | 0.30 | met |" in page
    limit = "at most 23 (twice the landmarks, and 5 for the allocator)"
    assert f"| peak memory of 600 s over that of 60 s, MB | {limit} | 0 | met |" in page


def test_the_page_holds_our_kan_against_the_fastest_other_exact_one(tmp_path: Path) -> None:
    times = {"chunked": [9.0, 8.0, 7.0], "inkan": [9.0, 9.0], "flashkan": [1.0], "pykan": [90.0]}
    case = {name: {"both_ms": values} for name, values in times.items()}
    page = page_of(tmp_path, result("kan", {"[68, 512, 68] x 3840": case}))
    title = "KAN forward + backward, ours (chunked) against the fastest other exact one (inkan), ms"
    assert f"| {title} | under 9 | 8 | met |" in page


def test_a_page_of_some_parts_names_the_others(tmp_path: Path) -> None:
    page = page_of(tmp_path, result("training", {}))
    assert "## Training" in page
    assert "**Numbers**\n\n|  | s |\n| --- | ---: |\n| one | 1.0 |\n\n- A note." in page
    assert "Not measured yet: end-to-end, streams, paper, peers, kan, profile, soak." in page


def test_the_page_is_that_of_the_stored_results(tmp_path: Path) -> None:
    write_page(tmp_path / "timings.md", FOLDER)
    assert (tmp_path / "timings.md").read_text() == PAGE.read_text()


def test_a_saved_result_is_read_back_as_it_was(tmp_path: Path) -> None:
    saved = result("training", {"ms": [1.0, 2.0], "name": "a"})
    saved.save(tmp_path)
    assert Result.load(tmp_path / "training.json") == saved
