"""The network of visemes to one ONNX bundle that runs block by block."""

import copy
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from kfusion.bundle_format import BLOCK_SAMPLES, VISEME_KIND
from kfusion.models.past import Past
from kfusion.models.speech.streaming_whisper import (
    LOOK_AHEAD_SAMPLES,
    SAMPLES_BEFORE,
    WINDOW_SAMPLES,
    block_windows,
)
from kfusion.models.viseme_network import VisemeNetwork
from kfusion.training.bundle_export import check_difference, check_wish, tidy, to_onnx, write_bundle

_CHECKED_BLOCKS = 25


def export_viseme_bundle(network: VisemeNetwork, path: Path, *, model_id: str) -> None:
    """Write the network as one `.onnx` file, large weights stored as float16.

    Raises:
        InputError: the bundle does not agree with the network.
    """
    check_wish(path, "float32")
    _, *states = network(torch.zeros(1, WINDOW_SAMPLES))
    states = [torch.zeros_like(state) for state in states]
    names = [f"past_{number}" for number in range(len(states))]
    kept = [name.replace("past", "kept") for name in names]
    model = to_onnx(
        copy.deepcopy(network), (torch.zeros(1, WINDOW_SAMPLES), states), ["samples", *names], ["visemes", *kept]
    )
    tidy(model)
    properties = {
        "kind": VISEME_KIND,
        "model_id": model_id,
        "samples_before": str(SAMPLES_BEFORE),
        "look_ahead_samples": str(LOOK_AHEAD_SAMPLES),
    }
    write_bundle(path, model, properties, "float32", lambda part: _check(part, network))


def _check(bundle: Path, network: VisemeNetwork) -> None:
    """Hold the bundle, block by block, against the network on a whole sound."""
    samples = 0.1 * torch.randn(1, _CHECKED_BLOCKS * BLOCK_SAMPLES, generator=torch.Generator().manual_seed(0))
    windows = block_windows(samples)
    past = Past(windows.shape[1])
    with torch.inference_mode():
        whole = network.head(network.encoder.advance(windows, past), past).softmax(-1).numpy()
    session = onnxruntime.InferenceSession(str(bundle), providers=["CPUExecutionProvider"])
    _, *ports = session.get_inputs()
    states, steps = [np.zeros(port.shape, np.float32) for port in ports], []
    for window in windows.numpy()[0]:
        feed = {port.name: state for port, state in zip(ports, states, strict=True)}
        found, *states = session.run(None, {"samples": window[None], **feed})
        steps.append(found)
    check_difference(np.concatenate(steps, axis=1), whole, "float32", f"in {_CHECKED_BLOCKS} blocks")
