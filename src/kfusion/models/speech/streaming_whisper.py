"""The packaged Whisper encoder on a streamed voice: limited look-ahead and limited past."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from kfusion.bundle_format import BLOCK_SAMPLES
from kfusion.models.past import BLOCK_STEPS, Past, whole_blocks
from kfusion.models.speech import WHISPER_STREAM
from kfusion.models.speech.encoder import SAMPLES_PER_STEP, SpeechEncoder, frames_in
from kfusion.models.speech.mel import HOP, WINDOW
from kfusion.models.speech.whisper import MAX_POSITIONS, OUTPUT_LAYERS, WIDTH, WhisperEncoder

AHEAD_STEPS = 2
"""Steps after its block that a block hears: 40 ms."""
ENCODER_REACH_BLOCKS = 20
"""Blocks that attention looks back: 2 s."""
TOKENS = BLOCK_STEPS + AHEAD_STEPS
SAMPLES_BEFORE = 2 * HOP + WINDOW // 2
"""Samples before a block that its first step is made from."""
WINDOW_SAMPLES = SAMPLES_BEFORE + (TOKENS - 1) * SAMPLES_PER_STEP + SAMPLES_BEFORE
LOOK_AHEAD_SAMPLES = WINDOW_SAMPLES - SAMPLES_BEFORE
"""From the start of a block, where its first frame stands, to the last sample that it needs."""
RANGE = 8.0
"""Powers of ten under the loudest bin that are told apart, as in Whisper."""
FALL = 0.1
"""Powers of ten by which the loudest bin is forgotten every 100 ms."""


def block_windows(samples: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch blocks heard"]:
    """What an encoder hears for each whole block of a sound: `WINDOW_SAMPLES` from `SAMPLES_BEFORE` before it."""
    blocks = whole_blocks(frames_in(samples.shape[-1]))
    padded = F.pad(samples, (SAMPLES_BEFORE, WINDOW_SAMPLES + BLOCK_SAMPLES))
    return padded.unfold(1, WINDOW_SAMPLES, BLOCK_SAMPLES)[:, :blocks]


class StreamingWhisperEncoder(SpeechEncoder):
    """Layers 2 and 4 of Whisper's encoder for sound that is still being spoken, 768-wide at 50 Hz.

    Departs from Whisper: a block of 100 ms attends to itself, the 40 ms after it and the 2 s before it, and the
    loudest bin is that of the recent past.
    """

    name = WHISPER_STREAM
    dim = WIDTH * len(OUTPUT_LAYERS)
    first_positions = 450
    most_steps = MAX_POSITIONS - AHEAD_STEPS - (BLOCK_STEPS - 1)
    """So that the last block has places for all its steps and for those ahead."""
    piece_s, shared_s = 12.0, 2.0
    """As the runs of a stream."""

    def __init__(self, whisper: WhisperEncoder) -> None:
        super().__init__()
        self.whisper = whisper
        self.eval().requires_grad_(False)

    def forward(
        self, samples: Float[Tensor, "batch samples"], first_position: int = 0
    ) -> Float[Tensor, "batch steps dim"]:
        """The features, of whole blocks: up to 4 steps more than the sound has."""
        windows = block_windows(samples)
        return self.advance(windows, Past(windows.shape[1]), first_position)

    def advance(
        self, windows: Float[Tensor, "batch blocks heard"], past: Past, first_position: int = 0
    ) -> Float[Tensor, "batch steps dim"]:
        """Five steps for each of the next blocks.

        Args:
            windows: for each block the `WINDOW_SAMPLES` samples from `SAMPLES_BEFORE` before it.
            past: what the blocks before left behind; this call leaves its own there.
            first_position: where the position table was entered at the start of the sound.
        """
        mel = self._log_mel(windows, past).flatten(0, 1)
        conv1, conv2 = self.whisper.conv1, self.whisper.conv2
        x = F.gelu(F.conv1d(mel, conv1.weight, conv1.bias))
        x = F.gelu(F.conv1d(x, conv2.weight, conv2.bias, stride=2)).transpose(1, 2)
        x = x.reshape(-1, past.blocks, TOKENS, WIDTH) + self._positions(past, first_position)

        def recall(keys_values: Tensor) -> tuple[Tensor, Tensor]:
            keys_values, _, seen = past.attend(keys_values, ENCODER_REACH_BLOCKS, AHEAD_STEPS)
            return keys_values, seen

        x, hidden = x.flatten(1, 2), []
        for number, block in enumerate(self.whisper.blocks, start=1):
            x = block(x, recall)
            if number in OUTPUT_LAYERS:
                hidden.append(self.whisper.norm(x) if number == len(self.whisper.blocks) else x)
        steps = torch.cat(hidden, dim=-1).reshape(-1, past.blocks, TOKENS, self.dim)
        return steps[:, :, :BLOCK_STEPS].flatten(1, 2)

    def _log_mel(
        self, windows: Float[Tensor, "batch blocks heard"], past: Past
    ) -> Float[Tensor, "batch blocks bins hops"]:
        """Within 80 dB of the loudest bin of the recent past, then (x + 4) / 4."""
        logs = self.whisper.mel(windows.flatten(0, 1)).clamp(min=1e-10).log10()
        logs = logs.reshape(-1, past.blocks, *logs.shape[1:])
        before = past.take()
        peaks = logs.amax((2, 3)).clamp(min=0.0)
        peaks = torch.cat([torch.zeros_like(peaks[:, :1]) if before is None else before, peaks], dim=1)
        fall = FALL * torch.arange(peaks.shape[1], dtype=peaks.dtype)
        older = torch.ones(len(fall), len(fall), dtype=torch.bool).tril()
        loudest = torch.where(older, (peaks + fall)[:, None, :], -math.inf).amax(-1) - fall
        past.keep(loudest[:, -1:])
        return (torch.maximum(logs, loudest[:, 1:, None, None] - RANGE) + 4.0) / 4.0

    def _positions(self, past: Past, first: int) -> Float[Tensor, "blocks tokens width"]:
        block = past.seen + torch.arange(past.blocks)
        places = first + block[:, None] * BLOCK_STEPS + torch.arange(TOKENS)
        return self.whisper.get_buffer("positions")[places]
