"""Any network that can be trained, from its configuration."""

from kfusion.models.baselines import BaselineConfig, build_baseline
from kfusion.models.baselines.baseline import Baseline
from kfusion.models.kfusion import KFusion
from kfusion.models.kfusion_config import KFusionConfig

Network = KFusion | Baseline
NetworkConfig = KFusionConfig | BaselineConfig


def build_network(config: NetworkConfig) -> Network:
    """The network of a configuration, with random weights."""
    return KFusion(config) if isinstance(config, KFusionConfig) else build_baseline(config)


def reads_features(network: Network) -> bool:
    """Whether the network's output depends on the speech encoder's features."""
    return not isinstance(network, Baseline) or network.reads_features
