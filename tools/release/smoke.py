"""Use an installed kfusion as a stranger would: a recording, a streamed voice, the service, the doctor.

    VENV/bin/python tools/release/smoke.py    # one line, or the error

Run it from a folder that is not the checkout, with the environment's own Python. Without the extra `serve` the service
is left out.
"""

import contextlib
import importlib.util
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

import kfusion
from kfusion import assets
from kfusion.audio import audio_blocks
from kfusion.cli.main import main as kfusion_main
from kfusion.landmarks import LandmarkSequence

FRAMES = 281
"""Of the packaged recording."""


def offline(model: "kfusion.Generator") -> LandmarkSequence:
    """The packaged recording and portrait."""
    sequence = model.generate(assets.SAMPLE_SPEECH, assets.SAMPLE_PORTRAIT)
    assert sequence.points.shape == (FRAMES, 68, 2), sequence.points.shape
    assert np.ptp(sequence.points, axis=0).max() > 1, "the face does not move"
    return sequence


def stream(model: "kfusion.Generator") -> int:
    """The same recording as a stream."""
    stream = model.stream(assets.SAMPLE_PORTRAIT)
    frames = sum(len(stream.push(samples)) for samples in audio_blocks(assets.SAMPLE_SPEECH)) + len(stream.flush())
    assert frames == FRAMES, frames
    return frames


def served(expected: LandmarkSequence) -> None:
    """One request and one stream to `kfusion serve`, as on the spot."""
    from kfusion.serve.client import Client

    command = [sys.executable, "-m", "kfusion", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            client = Client(server.stdout.readline().strip())
            sequence = client.generate(assets.SAMPLE_SPEECH, assets.SAMPLE_PORTRAIT)
            np.testing.assert_allclose(sequence.points, expected.points, atol=0.01)
            with client.stream() as stream:
                frames = len(stream.push(np.zeros(16_000, np.int16))) + len(stream.flush())
            assert frames == 30, frames
        finally:
            server.terminate()
            server.wait(20)


def examined() -> None:
    """`kfusion doctor` finds nothing wrong."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = kfusion_main(["doctor", "--json"])
    wrong = [one for one in json.loads(out.getvalue())["findings"] if one["state"] == "wrong"]
    assert code == 0, wrong


def main() -> int:
    """All of it."""
    checkout = Path(__file__).resolve().parents[2]
    assert not Path(kfusion.__file__).resolve().is_relative_to(checkout), "this is the checkout, not an installation"
    model = kfusion.load()
    sequence = offline(model)
    done = ["recording", "stream"]
    stream(model)
    if importlib.util.find_spec("fastapi") is not None:
        served(sequence)
        done.append("service")
    examined()
    print(f"Python {sys.version.split()[0]}: {', '.join([*done, 'doctor'])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
