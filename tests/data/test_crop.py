import numpy as np
from factories.media import BlobFinder, LostFinder, blob_picture

from kfusion.data.crop import SCOUT_INTERVAL_S, Crop, FaceTracker


class Watched:
    """Counts the pictures that a finder is shown."""

    def __init__(self, finder: BlobFinder | LostFinder) -> None:
        self.finder, self.sides = finder, list[int]()

    def find(self, image):
        self.sides.append(image.shape[0])
        return self.finder.find(image)


def scrolled(pixels: int):
    return np.roll(blob_picture((160, 140), (640, 480)), pixels, axis=1)


def test_a_face_that_wanders_is_followed_in_a_crop_that_moves_along():
    finder = Watched(BlobFinder())
    tracker, (whole,) = FaceTracker(finder), BlobFinder().find(scrolled(0))
    for step in range(30):
        face = tracker.find(scrolled(10 * step), step / 25)
        assert face is not None
        np.testing.assert_allclose(face[[36, 45]], whole[[36, 45]] + [10 * step, 0], atol=1.0)
    assert finder.sides.count(256) >= 30
    assert finder.sides.count(480) == 1


def test_a_lost_face_is_looked_for_now_and_then_and_found_again():
    finder = Watched(BlobFinder())
    tracker = FaceTracker(finder)
    assert tracker.find(scrolled(0), 0.0) is not None
    gone = np.zeros_like(scrolled(0))
    times_s = np.arange(1, 51) / 25
    assert all(tracker.find(gone, time_s) is None for time_s in times_s)
    looks = sum(side == 480 for side in finder.sides) - 1
    assert looks == np.ceil(2.0 / SCOUT_INTERVAL_S)
    assert tracker.find(scrolled(200), 2.5) is not None


def test_a_crop_has_room_for_a_face_that_is_well_inside_and_not_small():
    face = np.array([[0, 0], [100, 150]], np.float32)
    crop = Crop.around(face[None])
    assert crop == Crop(left=-62, top=-38, side=225)
    assert crop.has_room_for(face)
    assert not crop.has_room_for(face + np.array([0, 80]))
    assert not crop.has_room_for(0.5 * face)


def test_faces_that_were_not_found_do_not_count_for_the_crop():
    face = np.array([[[0, 0], [100, 150]]], np.float32)
    assert Crop.around(np.concatenate([face, np.full_like(face, np.nan)])) == Crop.around(face)
