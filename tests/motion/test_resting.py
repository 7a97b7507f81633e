import numpy as np
import pytest
from factories.inputs import face_points, tone, write_stream_bundle
from factories.motion import closed_face, opened

import kfusion
from kfusion.errors import InputError
from kfusion.landmarks import mouth_opening
from kfusion.motion.arkit import ArkitSolver
from kfusion.motion.resting import face_in_silence, most_closed_face


def test_the_most_closed_frames_are_the_resting_face() -> None:
    points = np.stack([opened(amount) for amount in np.linspace(1, 0, 60)])
    rest = most_closed_face(points)
    assert mouth_opening(rest) < mouth_opening(points).min() + 1
    np.testing.assert_allclose(most_closed_face(closed_face()[None]), closed_face(), atol=1e-3)


def test_a_recording_without_frames_has_no_resting_face() -> None:
    with pytest.raises(InputError, match="0 frames"):
        most_closed_face(np.zeros((0, 68, 2), np.float32))


def test_what_a_model_makes_of_silence_has_no_weights_and_speech_has(tmp_path) -> None:
    model = kfusion.load(write_stream_bundle(tmp_path / "live.onnx"))
    rest = face_in_silence(model.stream(face_points()).push)
    quiet, loud = (model.stream(face_points()).push(sound).points for sound in (np.zeros(32000), tone(2.0)))
    assert not ArkitSolver(rest)(quiet).any()
    assert ArkitSolver(rest)(loud).max() > 0.1
