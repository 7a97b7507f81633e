"""What can be evaluated: anything that turns sound and an identity into landmarks."""

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from kfusion import assets
from kfusion.audio import Samples
from kfusion.emotion import emotion_index
from kfusion.inference.identity import Identity
from kfusion.landmarks import Points

if TYPE_CHECKING:
    from torch import Tensor

    from kfusion.inference.generator import Generator

DEFAULT, STREAM = "default", "live"
"""The names of the weights in the package, for recordings and for streams."""


class Predictor(Protocol):
    """Sound and an identity in, landmarks out."""

    @property
    def model_id(self) -> str:
        """What tables call it."""

    @property
    def emotions(self) -> tuple[str, ...]:
        """The emotions that it was trained to obey; empty if none."""

    def predict(self, samples: Samples, identity: Points, emotion: str | None, intensity: int | None) -> Points:
        """Landmarks (T, 68, 2) at 30 fps in the unit frame of `identity` (68, 2), T the frames in `samples` (N,)."""


class RuntimePredictor:
    """The runtime that users run, with a bundle."""

    def __init__(self, generator: "Generator") -> None:
        self._generator = generator
        self.model_id = generator.card.model_id
        self.emotions = generator.card.emotions

    def predict(self, samples: Samples, identity: Points, emotion: str | None, intensity: int | None) -> Points:
        """See `Predictor`. A label that the model was not trained with is not passed on."""
        known = emotion in self.emotions
        face = Identity(points=identity, coordinates="unit")
        sequence = self._generator.generate(
            samples, face, emotion=emotion if known else None, intensity=intensity if known else None
        )
        return sequence.points


class CheckpointPredictor:
    """A trained network in PyTorch, before it is exported; a clip is fed whole, on the CPU."""

    def __init__(self, path: Path) -> None:
        from kfusion.models.baselines.baseline import Baseline
        from kfusion.models.networks import reads_features
        from kfusion.models.speech import load_speech_encoder
        from kfusion.training.checkpoint import load_model, read_info

        info = read_info(path)
        self._network, self._config = load_model(path), info.run.model
        reads = reads_features(self._network)
        self._encoder = load_speech_encoder(self._config.speech_encoder).eval() if reads else None
        self._smooth = self._network.smooth if isinstance(self._network, Baseline) else lambda points: points
        self.emotions = info.emotions if info.run.data.unknown_emotion < 1 else ()
        self.model_id = "-".join(path.resolve().parts[-2:])

    def predict(self, samples: Samples, identity: Points, emotion: str | None, intensity: int | None) -> Points:
        """See `Predictor`. A label that the model was not trained with is not passed on."""
        import torch

        label = emotion_index(emotion, intensity) if emotion in self.emotions else (0, 0)
        sound, face = torch.tensor(samples)[None], torch.tensor(identity)[None]
        with torch.inference_mode():
            points = self._network(sound, self._features(sound), face, torch.tensor([label]))
        return self._smooth(np.asarray(points[0].float().numpy(), np.float32))

    def _features(self, sound: "Tensor") -> "Tensor":
        """Of sound (1, N); zeros (1, S, dim) for a network that does not read them."""
        from kfusion.models.speech.encoder import frames_in, steps_in

        if self._encoder is not None:
            return self._encoder.encode(sound)
        return sound.new_zeros(1, steps_in(frames_in(sound.shape[1])), self._config.feature_dim)


def load_predictor(model: str | Path) -> Predictor:
    """A predictor for `default` or `live`, an `.onnx` bundle, a folder with `model.onnx`, or a checkpoint folder.

    Raises:
        MissingWeightsError: there is no such file.
        CheckpointError: it is damaged or of another version.
    """
    path = Path(model)
    if (path / "config.json").is_file():
        return CheckpointPredictor(path)
    from kfusion.inference.generator import load

    packaged = {DEFAULT: assets.DEFAULT_MODEL, STREAM: assets.STREAM_MODEL}
    return RuntimePredictor(load(packaged.get(str(model), path)))
