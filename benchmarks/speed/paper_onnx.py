"""The paper's design as one ONNX file: a fresh process writes it, because the exporter is heavy."""

import logging
import tempfile
import warnings
from pathlib import Path

CACHE = Path(tempfile.gettempdir()) / "kfusion-speed" / "paper-design-1.onnx"
"""Half a gigabyte of random weights: made once, never committed."""


def export(*, path: str) -> str:
    """Writes the file unless it is there, for any batch of seconds; returns its path."""
    if Path(path).is_file():
        return path
    import torch
    from torch.export import Dim

    from kfusion.files import atomic_path
    from kfusion.training.export import OnnxLSTM
    from speed.paper_design import SAMPLES, PaperDesign, Recurrent

    torch.manual_seed(0)
    design = PaperDesign()
    for module in design.modules():
        if isinstance(module, Recurrent):
            module.lstm = OnnxLSTM(module.lstm)
    torch.backends.mha.set_fastpath_enabled(False)  # one fused operator of torch's own, which ONNX does not have
    example = torch.randn(2, SAMPLES), torch.randn(2, 68, 2), torch.zeros(2, dtype=torch.long)
    for name in ("torch.onnx", "onnxscript"):
        logging.getLogger(name).setLevel(logging.ERROR)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings(), atomic_path(Path(path)) as part:
        warnings.simplefilter("ignore")  # torch's own
        torch.onnx.export(
            design,
            example,
            str(part),
            dynamo=True,
            verbose=False,
            external_data=False,
            input_names=["samples", "identity", "emotion"],
            output_names=["landmarks"],
            dynamic_shapes=({0: Dim("batch", min=1, max=64)},) * 3,
            opset_version=20,
        )
    return path
