import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories.inputs import click, write_wav

import kfusion
from kfusion import assets
from kfusion.video import video_frames

pytest.importorskip("gradio", reason="needs the extra app")

from gradio_client import Client, handle_file

WISHES: dict[str, Any] = {"emotion": "happy", "intensity": "2", "life": ["blinks"], "fps": 25}
SPACE = Path(__file__).parents[2] / "deploy/space"


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """Of an app in a process of its own, whose loops and sockets end with it."""
    command = [sys.executable, "-m", "kfusion", "app", "--port", "0", "--longest-s", "20"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as app:
        assert app.stdout is not None
        yield Client(app.stdout.readline().strip(), verbose=False)
        app.terminate()


def test_a_program_gets_a_film_and_files(client: Client, tmp_path: Path) -> None:
    speech = write_wav(tmp_path / "speech.wav", click(1.2, 0.5, 44_100), 44_100)
    film, files = client.predict(
        speech=handle_file(speech),
        face=handle_file(assets.SAMPLE_PORTRAIT),
        files=["npz", "livelink", "rhubarb"],
        api_name="/generate",
        **WISHES,
    )
    assert len(list(video_frames(Path(film)))) == 30
    assert [Path(path).name for path in files] == ["landmarks.npz", "motion.livelink.csv", "motion.rhubarb.json"]
    assert kfusion.LandmarkSequence.load(files[0]).fps == 25


@pytest.mark.parametrize(
    ("speech", "face", "said"),
    [
        (None, assets.SAMPLE_PORTRAIT, "no recording"),
        (assets.SAMPLE_PORTRAIT, assets.SAMPLE_PORTRAIT, r"^portrait\.jpg: is a picture"),
        (assets.SAMPLE_SPEECH, "noise", r"^noise\.png: no face"),
        ("long", None, r"^long\.wav: .*at most 20 s"),
    ],
)
def test_what_cannot_be_used_is_said_in_words(
    client: Client, tmp_path: Path, speech: Any, face: Any, said: str
) -> None:
    if speech == "long":
        speech = write_wav(tmp_path / "long.wav", np.full(21 * 16_000, 0.1, np.float32), 16_000)
    if face == "noise":
        face = tmp_path / "noise.png"
        from PIL import Image

        Image.fromarray(np.full((64, 64, 3), 127, np.uint8)).save(face)
    with pytest.raises(Exception, match=said):
        client.predict(
            speech=None if speech is None else handle_file(speech),
            face=None if face is None else handle_file(face),
            api_name="/generate",
        )


def test_the_space_needs_what_the_package_offers() -> None:
    code = "import runpy, sys; app = runpy.run_path('app.py')['app']; print(type(app).__name__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=SPACE, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["Blocks"]
