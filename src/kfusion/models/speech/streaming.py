"""A speech encoder made for streams: every sound is worked on once, and layers remember what they need of it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from kfusion.bundle_format import BLOCK_SAMPLES
from kfusion.errors import MissingWeightsError
from kfusion.models.past import BLOCK_STEPS, Past
from kfusion.models.speech.encoder import SpeechEncoder
from kfusion.models.speech.mel import BINS, HOP, WINDOW, MelPower
from kfusion.models.speech.streaming_whisper import SAMPLES_BEFORE, block_windows

PACKAGED = Path(__file__).parents[2] / "assets" / "streaming_encoder.safetensors"
BLOCK_HOPS = BLOCK_SAMPLES // HOP
STEP_HOPS = BLOCK_HOPS // BLOCK_STEPS
AHEAD_HOPS = 5
"""The ten hops (10 ms) that come with a block start so many after it does; the ones before came with earlier blocks."""
FIRST_HEARD = SAMPLES_BEFORE + AHEAD_HOPS * HOP - WINDOW // 2
"""Where the first of them starts in the window of a block; the last ends where the window does."""
_FLOOR = 1e-7


@dataclass(frozen=True, kw_only=True, slots=True)
class StreamingConfig:
    """The shape of a `StreamingEncoder`."""

    width: int = 256
    """Of the features too."""
    layers: int = 6
    reach: int = 20
    """Steps of 20 ms that a layer looks back from its block."""
    expansion: int = 2
    """Width inside the feed-forward networks over `width`."""


class StreamingEncoder(SpeechEncoder):
    """Features of sound that is still being spoken, at 50 Hz, trained to hold what Whisper's layers 2 and 4 know.

    A block of 100 ms hears itself, 52.5 ms after it, and `layers` times `reach` steps before it. Each of its layers
    mixes the steps of the block with one another and with those before it, every channel for itself, by weights that
    know the place in the block; then a feed-forward network mixes the channels of every step.
    """

    name = "streaming"

    def __init__(self, config: StreamingConfig) -> None:
        super().__init__()
        self.config = config
        self.dim = config.width
        self.mel = MelPower()
        self.hear = nn.Linear(STEP_HOPS * BINS, config.width)
        self.layers = nn.ModuleList(StreamingLayer(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)

    @classmethod
    def load(cls, path: Path = PACKAGED) -> "StreamingEncoder":
        """The encoder with trained weights, by default those that this package carries.

        Raises:
            MissingWeightsError: the file is not there or not of such an encoder.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, "pt") as file:
                encoder = cls(StreamingConfig(**json.loads(file.metadata()["config"])))
                encoder.load_state_dict({name: file.get_tensor(name).float() for name in file.keys()})  # noqa: SIM118
        except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise MissingWeightsError(
                f"{path}: cannot be read as a streaming encoder ({reason}): pass a file that tools/distil.py wrote"
            ) from error
        return encoder.eval().requires_grad_(False)

    def save(self, path: Path) -> None:
        """Write the weights as float16, with the configuration."""
        from safetensors.torch import save_file

        state = {name: weight.detach().half().cpu().contiguous() for name, weight in self.state_dict().items()}
        save_file(state, path, {"config": json.dumps(asdict(self.config))})

    def forward(
        self, samples: Float[Tensor, "batch samples"], first_position: int = 0
    ) -> Float[Tensor, "batch steps dim"]:
        """The features, of whole blocks: up to 4 steps more than the sound has. There are no positions to count."""
        windows = block_windows(samples)
        return self.advance(windows, Past(windows.shape[1]))

    def advance(
        self, windows: Float[Tensor, "batch blocks heard"], past: Past, first_position: int = 0
    ) -> Float[Tensor, "batch steps dim"]:
        """Five steps for each of the next blocks.

        Args:
            windows: for each block the `WINDOW_SAMPLES` samples from `SAMPLES_BEFORE` before it.
            past: what the blocks before left behind; this call leaves its own there.
            first_position: not looked at.
        """
        power = self.mel(windows[:, :, FIRST_HEARD:].flatten(0, 1))
        hops = (((power + _FLOOR).log10() + 3) / 2).transpose(1, 2)  # about 0 for speech, -2 for silence
        x: Tensor = self.hear(hops.reshape(len(windows), -1, STEP_HOPS * BINS))
        for layer in self.layers:
            x = layer(x, past)
        features: Tensor = self.norm(x)
        return features


class StreamingLayer(nn.Module):
    """Steps mixed within a channel, then channels within a step."""

    def __init__(self, config: StreamingConfig) -> None:
        super().__init__()
        self.keys = config.reach + BLOCK_STEPS
        self.mix = nn.Parameter(torch.randn(self.keys, BLOCK_STEPS, config.width) * self.keys**-0.5)
        self.norm = nn.LayerNorm(config.width)
        self.widen = nn.Linear(config.width, config.expansion * config.width)
        self.narrow = nn.Linear(config.expansion * config.width, config.width)

    def forward(self, x: Float[Tensor, "batch steps width"], past: Past) -> Float[Tensor, "batch steps width"]:
        """The next hidden state."""
        mixed = self._mixed(past.extend(x, self.keys - BLOCK_STEPS), past.blocks)
        fed: Tensor = self.narrow(F.gelu(self.widen(self.norm(mixed))))
        return x + fed

    def _mixed(self, longer: Float[Tensor, "batch longer width"], blocks: int) -> Float[Tensor, "batch steps width"]:
        if blocks == 1:  # three times as fast for a stream, but too large for a recording
            alone: Tensor = (longer[:, :, None] * self.mix).sum(1)
            return alone
        windows = longer.unfold(1, self.keys, BLOCK_STEPS)  # batch, blocks, width, keys
        mixed = windows.permute(2, 0, 1, 3).flatten(1, 2) @ self.mix.permute(2, 0, 1)  # width, batch * blocks, steps
        return mixed.permute(1, 2, 0).reshape(len(longer), -1, longer.shape[2])
