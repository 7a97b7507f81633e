"""wav2vec 2.0 (Baevski et al. 2020), the paper's speech features, through Hugging Face transformers."""

from http.client import HTTPException
from math import prod
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from kfusion.errors import InputError, MissingExtraError, MissingWeightsError
from kfusion.models.speech.encoder import SAMPLES_PER_STEP, SpeechEncoder, frames_in, steps_in

_RECEPTIVE_FIELD = 400
_HUB_TIMEOUT_S = 5.0


class Wav2Vec2Encoder(SpeechEncoder):
    """One hidden layer of a wav2vec2 model, at 50 Hz.

    Args:
        where: a hub id such as `facebook/wav2vec2-base`, or a local directory made by `save_pretrained`.
        layer: which hidden state, 0 is the input of the first Transformer layer, -1 the last.

    Raises:
        MissingExtraError: transformers is not installed.
        MissingWeightsError: the weights are neither on disk nor to be downloaded.
        InputError: the model has no such layer, or is not of wav2vec2's kind.
    """

    def __init__(self, where: str, *, layer: int = -1) -> None:
        super().__init__()
        self.model = _load(where)
        config = self.model.config
        if prod(getattr(config, "conv_stride", ())) != SAMPLES_PER_STEP:
            raise InputError(f"'{where}' is a {config.model_type} model: pass a wav2vec2 one of 50 steps a second")
        layers = config.num_hidden_layers
        if not -layers - 1 <= layer <= layers:
            raise InputError(f"wav2vec2 layer {layer} of '{where}': it has layers 0 to {layers}, choose one of them")
        self.name = f"wav2vec2:{where}" + ("" if layer == -1 else f":{layer}")
        self.dim = config.hidden_size
        self.layer = layer
        self.eval().requires_grad_(False)

    def forward(
        self, samples: Float[Tensor, "batch samples"], first_position: int = 0
    ) -> Float[Tensor, "batch steps dim"]:
        """The features; positions are relative in wav2vec2, so `first_position` changes nothing."""
        steps = steps_in(frames_in(samples.shape[-1]))
        power = samples.var(-1, keepdim=True, correction=0)
        normal = (samples - samples.mean(-1, keepdim=True)) / (power + 1e-7).sqrt()
        # Step i of the network sees samples 320 i .. 320 i + 400: shifted so that it is centred on 320 i.
        padded = F.pad(normal, (_RECEPTIVE_FIELD // 2, (steps + 1) * SAMPLES_PER_STEP - samples.shape[-1]))
        hidden = self.model(padded, output_hidden_states=True).hidden_states[self.layer]
        assert isinstance(hidden, torch.Tensor)
        return hidden[:, :steps]


def _load(where: str) -> Any:
    """The model from disk, from the hub's cache, or from the hub if it answers at once."""
    try:
        from safetensors import SafetensorError
        from transformers import AutoModel
    except ImportError as error:
        raise MissingExtraError("wav2vec2 features", "train,wav2vec2") from error
    try:
        return AutoModel.from_pretrained(where, local_files_only=Path(where).exists() or not _hub_answers())
    except (OSError, ValueError, SafetensorError) as error:
        raise MissingWeightsError(
            f"wav2vec2 weights '{where}' cannot be loaded: download them where there is a network "
            "(hf download facebook/wav2vec2-base --local-dir DIR) and pass wav2vec2:DIR"
        ) from error


def _hub_answers() -> bool:
    """Whether the hub can be asked: its own client tries for half a minute where there is no network."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    try:
        with urlopen(Request(constants.ENDPOINT, method="HEAD"), timeout=_HUB_TIMEOUT_S):
            return True
    except HTTPError:  # an answer all the same
        return True
    except (OSError, HTTPException):
        return False
