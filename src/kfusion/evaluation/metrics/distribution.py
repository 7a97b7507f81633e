"""Frechet landmark distance: how far the mouths of a whole test set are from the targets', as a cloud.

Every frame but a clip's first gives one vector of 80 numbers: where the 20 mouth points are against the
identity's (40, percent of the inter-ocular distance) and how they moved since the frame before (40, the same a
frame), the head's motion taken out (alignment `frame`). The vectors of all clips are pooled, a Gaussian is
fitted to the predicted and to the target ones, and the squared Frechet distance of the two is

    |m - m'|^2 + trace(C + C' - 2 (C C')^(1/2)),   (% of inter-ocular)^2

as in FID (Heusel 2017). It does not see timing: mouths that move as the target's do, at other moments, are near.
Like FID it shrinks with the number of frames, so only rows on the same clips may be compared.
"""

from dataclasses import dataclass, field

import numpy as np

from kfusion.evaluation.metrics.distance import Floats
from kfusion.landmarks import MOUTH, MOUTH_COUNT, Points

DIMENSION = 4 * MOUTH_COUNT
MIN_VECTORS = 10 * DIMENSION
"""Fewer pooled vectors do not carry a covariance of 80 x 80: the distance is undefined."""
RIDGE = 1e-6
"""Added to every variance, (% of inter-ocular)^2, so that motionless rows have a square root too."""


@dataclass(slots=True)
class Cloud:
    """Count, sum and products of vectors, so that clips can be added one after the other."""

    count: int = 0
    total: Floats = field(default_factory=lambda: np.zeros(DIMENSION))
    products: Floats = field(default_factory=lambda: np.zeros((DIMENSION, DIMENSION)))

    def add(self, vectors: Floats) -> None:
        """Count in vectors (n, 80)."""
        self.count += len(vectors)
        self.total += vectors.sum(0)
        self.products += vectors.T @ vectors

    def gaussian(self) -> tuple[Floats, Floats]:
        """Mean (80,) and covariance (80, 80) with the ridge."""
        mean = self.total / self.count
        covariance = (self.products - self.count * np.outer(mean, mean)) / (self.count - 1)
        return mean, covariance + RIDGE * np.eye(len(mean))


def mouth_vectors(aligned: Points, identity: Points, inter_ocular_px: float) -> Floats:
    """The vectors (T - 1, 80) of a clip (T, 68, 2) whose identity (68, 2) was brought onto the same face."""
    mouth = 100 / inter_ocular_px * (aligned[:, MOUTH].astype(np.float64) - identity[MOUTH])
    flat = mouth.reshape(len(mouth), -1)
    return np.concatenate([flat[1:], np.diff(flat, axis=0)], axis=1)


def frechet_distance(predicted: Cloud, target: Cloud) -> float:
    """The squared Frechet distance, (% of inter-ocular)^2; NaN with fewer than 800 vectors."""
    if min(predicted.count, target.count) < MIN_VECTORS:
        return float("nan")
    (mean, covariance), (wanted, spread) = predicted.gaussian(), target.gaussian()
    root = _root(covariance)
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ spread @ root), 0)).sum()
    apart = mean - wanted
    return max(0.0, float(apart @ apart + np.trace(covariance) + np.trace(spread) - 2 * shared))


def _root(matrix: Floats) -> Floats:
    """The square root of a symmetric, positive matrix."""
    values, vectors = np.linalg.eigh(matrix)
    root: Floats = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return root
