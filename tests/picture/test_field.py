import numpy as np
import pytest

from kfusion.picture.field import LEAST_AREA, Grid, PointField, areas, count_folds, held_back, sources


def identity_map(height: int, width: int) -> np.ndarray:
    return np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(np.float32)


def test_a_map_that_leaves_all_in_place_has_no_fold() -> None:
    assert count_folds(identity_map(8, 9)) == 0


def test_a_mirrored_map_is_folded_in_every_square() -> None:
    assert count_folds(identity_map(8, 9)[:, ::-1]) == 7 * 8


def test_a_column_that_overtakes_its_neighbour_folds_the_squares_between_them() -> None:
    folded = identity_map(5, 6)
    folded[:, 2, 0] = 3.5
    assert count_folds(folded) == 4
    used = np.ones((5, 6), bool)
    used[:, 3] = False
    assert count_folds(folded, used) == 0


def test_a_map_without_area_is_folded() -> None:
    flat = identity_map(4, 4)
    flat[..., 0] = 1
    assert count_folds(flat) == 9


def test_the_area_of_a_stretched_cell_is_the_product_of_its_stretches() -> None:
    nodes = Grid(0, 0, 4, 5, 5).nodes
    motion = (nodes - nodes[0, 0]) * np.array([0.5, -0.25], np.float32)
    np.testing.assert_allclose(areas(motion, 4), 1.5 * 0.75, rtol=1e-5)


def test_a_motion_that_would_fold_is_held_back_and_a_small_one_is_not() -> None:
    motion = np.zeros((9, 9, 2), np.float32)
    motion[4, 4] = [30, 0]
    share = held_back(motion, 4)
    assert share < 1
    assert areas(np.float32(share) * motion, 4).min() >= LEAST_AREA
    assert held_back(motion / 100, 4) == 1


def test_what_moves_at_its_points_moves_there_and_fades_to_nothing() -> None:
    grid = Grid(0, 0, 4, 32, 32)
    points = np.array([[40, 64], [88, 64]], np.float32)
    field = PointField(grid, points, np.full(2, 1e-4, np.float32), 20, np.ones((32, 32), np.float32))
    motion = field(np.array([[3, 0], [0, -2]], np.float32))
    np.testing.assert_allclose(grid.at(motion, points[None])[0], [[3, 0], [0, -2]], atol=0.15)
    assert np.abs(motion[0]).max() < 0.1


def test_sources_undo_the_motion() -> None:
    grid = Grid(0, 0, 4, 32, 32)
    field = PointField(
        grid, np.array([[64, 64]], np.float32), np.array([1e-4], np.float32), 25, np.ones((32, 32), np.float32)
    )
    motion = field(np.array([[6, 3]], np.float32))
    source = sources(grid, motion, grid.nodes)
    np.testing.assert_allclose(source + grid.at(motion, source), grid.nodes, atol=0.02)


@pytest.mark.parametrize("part", [Grid(0, 0, 4, 6, 5), Grid(8, 4, 4, 2, 3)])
def test_places_of_nodes_that_do_not_move_are_the_pixels_themselves(part: Grid) -> None:
    grid = Grid(0, 0, 4, 6, 5)
    dense = grid.dense(grid.nodes, part)
    expected = identity_map(20, 24)[part.top : part.top + part.rows * 4, part.left : part.left + part.columns * 4]
    np.testing.assert_allclose(dense, expected, atol=1e-4)


def test_what_is_drawn_beyond_the_picture_is_cut_off() -> None:
    canvas = np.zeros((6, 6, 3), np.uint8)
    Grid(-4, -4, 4, 2, 2).put(canvas, np.full((8, 8, 3), 9, np.uint8))
    assert (canvas[:4, :4] == 9).all()
    assert canvas.sum() == 9 * 3 * 16
    Grid(40, 40, 4, 1, 1).put(canvas, np.full((4, 4, 3), 7, np.uint8))
    assert canvas.max() == 9


def test_a_motion_that_grows_is_held_back_without_a_jump() -> None:
    grid = Grid(0, 0, 4, 12, 12)
    narrowing = -0.5 * (grid.nodes - grid.nodes.mean((0, 1))) * np.float32([1, 0])
    kept = [held_back(np.float32(share) * narrowing, grid.step) * share for share in np.linspace(0.5, 3, 60)]
    assert kept[0] == 0.5
    assert np.diff(kept[-20:]).max() < 0.02
    assert np.ptp(kept[-20:]) < 0.02
