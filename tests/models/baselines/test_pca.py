"""Principal components against numpy."""

import numpy as np
import torch

from kfusion.models.baselines.pca import LandmarkPCA


def landmarks(count: int = 200, points: int = 20) -> torch.Tensor:
    random = np.random.default_rng(0)
    spread = 0.5 ** np.arange(2 * points)
    rows = random.normal(size=(count, 2 * points)) * spread @ random.normal(size=(2 * points, 2 * points)) + 3
    return torch.tensor(rows.reshape(count, points, 2), dtype=torch.float32)


def test_components_are_those_of_numpy() -> None:
    pca, rows = LandmarkPCA(5, 20), landmarks()
    pca.fit(rows)
    flat = rows.flatten(1).double().numpy()
    centred = flat - flat.mean(0)
    _, values, vectors = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(pca.mean.numpy(), flat.mean(0), rtol=1e-5)
    cosines = np.abs(np.sum(pca.components.double().numpy() * vectors[:5], axis=1))
    np.testing.assert_allclose(cosines, 1, atol=1e-5)
    np.testing.assert_allclose(pca.scale.item(), values[0] / np.sqrt(len(flat)), rtol=1e-5)


def test_landmarks_are_the_mean_and_the_scaled_components() -> None:
    pca = LandmarkPCA(2, 2)
    pca.mean.copy_(torch.tensor([1.0, 2.0, 3.0, 4.0]))
    pca.components.copy_(torch.tensor([[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]))
    pca.scale.fill_(10.0)
    points = pca(torch.tensor([[0.5, -1.0]]))
    assert points.tolist() == [[[1.0, 7.0], [3.0, -6.0]]]
    assert pca.coefficients(points).tolist() == [[0.5, -1.0]]
    assert pca.along(torch.tensor([[5.0, 6.0], [7.0, 8.0]])).tolist() == [6.0, 8.0]


def test_coefficients_give_back_what_the_components_span() -> None:
    pca, rows = LandmarkPCA(20, 20), landmarks()
    pca.fit(rows)
    torch.testing.assert_close(pca(pca.coefficients(rows)), rows, atol=1e-3, rtol=1e-3)
    coefficients = pca.coefficients(rows)
    torch.testing.assert_close(coefficients.mean(0), torch.zeros(20), atol=1e-4, rtol=0)
    torch.testing.assert_close(coefficients[:, 0].std(correction=0), torch.ones(()))


def test_faces_that_never_vary_have_finite_coefficients() -> None:
    pca = LandmarkPCA(6, 68)
    pca.fit(torch.ones(3, 68, 2))
    assert pca.coefficients(torch.ones(68, 2)).abs().max() == 0
    assert pca.coefficients(torch.full((68, 2), 1.1)).isfinite().all()
