"""The shape of the network `KFusion`."""

from dataclasses import dataclass
from typing import Literal

from kfusion.errors import InputError
from kfusion.landmarks import MOUTH_COUNT, POINT_COUNT
from kfusion.models.kan import ORDER
from kfusion.models.mlp import parameters_in

FACE = 2 * POINT_COUNT
"""F of the paper: x and y of every point, interleaved."""
LIPS = 2 * MOUTH_COUNT
"""M of the paper."""
SIGNALS, FUSIONS, HEADS = ("waveform", "mel"), ("kfusion", "concat"), ("kan", "mlp")
LSTM_INPUTS = ("features", "encoder")


@dataclass(frozen=True, kw_only=True, slots=True)
class KFusionConfig:
    """The shape of a `KFusion` network; the defaults of the ablations' fields are the whole network."""

    speech_encoder: str = "whisper-tiny.en"
    """Whose features the Content Domain reads, a name for `load_speech_encoder`."""
    feature_dim: int = 768
    """Width of those features."""
    signal: Literal["waveform", "mel"] = "waveform"
    """What the Global Domain reads: the waveform through learned filters, or its log-mel spectrum."""
    width: int = 768
    """Width of the Transformers."""
    heads: int = 8
    encoder_layers: int = 1
    decoder_layers: int = 1
    lstm_width: int = 512
    bottleneck: int = 128
    """Width inside the 1-3-1 bottlenecks."""
    kan_width: int = 512
    """Hidden width of the KAN."""
    kan_grid: int = 5
    """Intervals of the spline grid."""
    kan_gain: float = 1.0
    """What the input of every KAN layer is multiplied by before its tanh, at the start of training; it is learned.
    At 1 most inputs stay within one interval of the grid, where a spline is nearly a straight line."""
    residual_identity: bool = False
    """The KAN predicts the displacement from the identity instead of the landmarks."""
    identity_vector: bool = False
    """The decoders also hear all of the identity's coordinates at once, through a linear layer."""
    dropout: float = 0.1
    global_domain: bool = True
    """Off: "w/o Global", neither gb nor gb_m; the network does not hear the signal itself."""
    lstm_reads: Literal["features", "encoder"] = "features"
    """What the LSTMs read: the features times the emotion variable, as in the paper, or E(x') of the Content Domain."""
    lstm: bool = True
    """Off: "w/o LSTM", neither f nor m; the mouth vector is gb_m alone."""
    fusion: Literal["kfusion", "concat"] = "kfusion"
    """`concat`: "w/o KFusion", one linear layer in place of the bottlenecks, the product and the KAN."""
    head: Literal["kan", "mlp"] = "kan"
    """What stands last: the KAN, or an MLP in its place."""
    mlp_width: int | None = None
    """Hidden width of the MLP; none: kan_width. `matched_mlp_width` gives the one with as many parameters."""
    live: bool = False
    """For streams: attention sees its block of 100 ms and one second before it, convolutions the past alone.

    The name in checkpoints and on the command line, older than the word stream for it.
    """

    def __post_init__(self) -> None:
        choices = ("signal", SIGNALS), ("fusion", FUSIONS), ("head", HEADS), ("lstm_reads", LSTM_INPUTS)
        for name, known in choices:
            if getattr(self, name) not in known:
                raise InputError(f"unknown {name} '{getattr(self, name)}': use {' or '.join(known)}")
        if self.width % self.heads:
            raise InputError(f"width {self.width} is not a multiple of heads {self.heads}: choose one that is")
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout {self.dropout} is not in [0, 1)")
        if not self.kan_gain > 0:
            raise InputError(f"kan_gain {self.kan_gain}: use more than 0")
        self._check_ablations()

    def _check_ablations(self) -> None:
        if not self.global_domain and not self.lstm:
            raise InputError("global_domain and lstm are both off: nothing is left for the mouth, keep one of them")
        if self.fusion == "concat" and self.head != "kan":
            raise InputError(f"head {self.head} has no place in fusion concat, which ends in a linear layer: drop one")
        if self.mlp_width is not None and (self.head != "mlp" or self.mlp_width < 1):
            raise InputError(f"mlp_width {self.mlp_width}: use 1 or more, with head mlp")

    @property
    def face_inputs(self) -> int:
        """Width of x_f: f, gb and ct, those that are there."""
        return FACE * (1 + self.lstm + self.global_domain)

    @property
    def lips_inputs(self) -> int:
        """Width of x_m: m and gb_m, those that are there."""
        return LIPS * (self.lstm + self.global_domain)


def matched_mlp_width(config: KFusionConfig) -> int:
    """The `mlp_width` whose parameters are nearest in number to those of the configuration's KAN."""
    kan = 2 * FACE * config.kan_width * (1 + config.kan_grid + ORDER) + FACE + config.kan_width
    one, two = (parameters_in(FACE, width, FACE) for width in (1, 2))
    return max(1, round((kan - one) / (two - one)) + 1)
