"""The paper's design as ONNX files, float32 and 8-bit: a fresh process writes them, because the exporter is heavy."""

import logging
import tempfile
import warnings
from pathlib import Path

CACHE = Path(tempfile.gettempdir()) / "kfusion-speed" / "paper-design-1.onnx"
"""Half a gigabyte of random weights: made once, never committed."""
CACHE_INT8 = CACHE.with_suffix(".int8.onnx")


def export() -> None:
    """Writes the files that are not there, for any batch of seconds."""
    CACHE.parent.mkdir(parents=True, exist_ok=True)
    if not CACHE.is_file():
        _export_float()
    if not CACHE_INT8.is_file():
        _quantise()


def _quantise() -> None:
    """The same products in 8 bits as those of our own weights."""
    import onnx

    from kfusion.files import atomic_path
    from kfusion.training.quantise import quantise

    model = onnx.load(str(CACHE))
    assert quantise(model.graph)
    with atomic_path(CACHE_INT8) as part:
        onnx.save(model, str(part))


def _export_float() -> None:
    import torch
    from torch.export import Dim

    from kfusion.files import atomic_path
    from kfusion.training.bundle_export import OnnxLSTM
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
    with warnings.catch_warnings(), atomic_path(CACHE) as part:
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
