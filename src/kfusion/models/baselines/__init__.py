"""The systems that KFusion is measured against, rebuilt: a file for each, registered here by the name tables use."""

from dataclasses import dataclass

from kfusion.errors import InputError
from kfusion.models.baselines.atvgnet import AtNet
from kfusion.models.baselines.baseline import Baseline
from kfusion.models.baselines.eskimez_2018 import Eskimez2018
from kfusion.models.baselines.eskimez_2021 import Eskimez2021
from kfusion.models.baselines.evp import Evp
from kfusion.models.baselines.makeittalk import MakeItTalk
from kfusion.models.baselines.mead_baseline import MeadBaseline
from kfusion.models.baselines.sinha_2022 import Sinha2022
from kfusion.models.baselines.song_2020 import Song2020
from kfusion.models.baselines.speech_sync_net import SpeechSyncNet
from kfusion.models.baselines.temporal_conv import FEATURE_DIM, TemporalConv

BASELINES: dict[str, type[Baseline]] = {
    "atvgnet": AtNet,
    "makeittalk": MakeItTalk,
    "evp": Evp,
    "eskimez-2018": Eskimez2018,
    "eskimez-2021": Eskimez2021,
    "mead-baseline": MeadBaseline,
    "speech-sync-net": SpeechSyncNet,
    "song-2020": Song2020,
    "sinha-2022": Sinha2022,
    "temporal-conv": TemporalConv,
}
"""Name -> network. To add one: a file with a `Baseline` beside these, and its line here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BaselineConfig:
    """Which baseline; its sizes are its source's and stand in its file."""

    network: str
    """A key of `BASELINES`."""
    speech_encoder: str = "whisper-tiny.en"
    """Whose features it reads if it reads any, a name for `load_speech_encoder`."""
    feature_dim: int = FEATURE_DIM
    """Width of those features."""

    def __post_init__(self) -> None:
        if self.network not in BASELINES:
            raise InputError(f"unknown network '{self.network}': use {', '.join(BASELINES)}")
        if self.feature_dim < 1:
            raise InputError(f"feature_dim {self.feature_dim}: use 1 or more")


def build_baseline(config: BaselineConfig) -> Baseline:
    """The baseline that `config` names, untrained; it carries the configuration."""
    kind = BASELINES[config.network]
    baseline = kind(feature_dim=config.feature_dim) if issubclass(kind, TemporalConv | Sinha2022) else kind()
    baseline.config = config
    return baseline
