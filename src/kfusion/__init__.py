"""Speech and a face in, moving landmarks out.

>>> import kfusion
>>> model = kfusion.load()
>>> sequence = model.generate("speech.wav", "portrait.jpg", fps=30)
>>> sequence.points.shape  # (frames, 68, 2), image pixels of the portrait
>>> sequence.save("landmarks.npz")

Nothing is sent or noted about you: onnxruntime's telemetry is off unless `ORT_DISABLE_TELEMETRY=0` is set. Who imports
onnxruntime itself, imports kfusion first.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kfusion.inference.generator import Generator, load
    from kfusion.landmarks import LandmarkSequence

__version__ = "0.2.0"
__all__ = ["Generator", "LandmarkSequence", "__version__", "load"]

# Read once, when onnxruntime is imported.
os.environ["ORT_DISABLE_TELEMETRY"] = os.environ.get("ORT_DISABLE_TELEMETRY") or "1"

_HOME = {
    "Generator": "kfusion.inference.generator",
    "LandmarkSequence": "kfusion.landmarks",
    "load": "kfusion.inference.generator",
}


def __getattr__(name: str) -> Any:
    """The public names, imported when first used, so that `import kfusion` costs nothing."""
    if name not in _HOME:
        raise AttributeError(f"module 'kfusion' has no attribute '{name}'")
    return getattr(import_module(_HOME[name]), name)
