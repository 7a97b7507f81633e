"""Principal components of landmarks, fitted once and kept with the network."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

_LEAST_SCALE = 1e-2
"""A hundredth of the inter-ocular distance, for training data that hardly vary."""


class LandmarkPCA(nn.Module):
    """Landmarks by coefficients of orthonormal components, in units of the first component's spread.

    Departs from the sources: they scale the landmarks by hand instead (ATVGnet by 5).
    """

    def __init__(self, count: int, points: int) -> None:
        super().__init__()
        self.points = points
        self.register_buffer("mean", torch.zeros(2 * points))
        self.register_buffer("components", torch.eye(count, 2 * points))
        self.register_buffer("scale", torch.ones(()))

    def fit(self, landmarks: Float[Tensor, "examples points 2"]) -> None:
        """Take mean, components (by falling variance) and scale from these landmarks."""
        rows = landmarks.detach().flatten(1).double()
        mean = rows.mean(0)
        variances, vectors = torch.linalg.eigh((rows - mean).T @ (rows - mean) / len(rows))
        components = self.get_buffer("components")
        self.get_buffer("mean").copy_(mean)
        components.copy_(vectors.flip(1)[:, : len(components)].T)
        self.get_buffer("scale").copy_(variances[-1].clamp(min=0).sqrt().clamp(min=_LEAST_SCALE))

    def forward(self, coefficients: Float[Tensor, "*shape count"]) -> Float[Tensor, "*shape points 2"]:
        """The landmarks of these coefficients."""
        flat = self.get_buffer("mean") + self.get_buffer("scale") * coefficients @ self.get_buffer("components")
        return flat.reshape(*flat.shape[:-1], self.points, 2)

    def coefficients(self, landmarks: Float[Tensor, "*shape points 2"]) -> Float[Tensor, "*shape count"]:
        """The coefficients of the nearest landmarks there are."""
        return self.along(landmarks - self.get_buffer("mean").reshape(self.points, 2)) / self.get_buffer("scale")

    def along(self, difference: Float[Tensor, "*shape points 2"]) -> Float[Tensor, "*shape count"]:
        """A difference of landmarks along each component, in the landmarks' own unit."""
        return difference.flatten(-2) @ self.get_buffer("components").T
