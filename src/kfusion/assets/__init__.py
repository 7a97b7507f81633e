"""The files that travel with the package.

default.onnx            the default weights: speech and an identity in, landmarks out
live.onnx               the default weights for streams: 100 ms of speech after another
face_shapes.npz         where the 68 points go when an ARKit shape of the mouth is fully on, and their depth
face_landmarker.task    Google's face landmarker, float16 version 1 (Apache-2.0)
mean_face.npy           the canonical mean face, (68, 2), unit frame
visemes.onnx            100 ms of speech after another in, what the mouth does out: 15 classes
portrait.jpg            Eileen Collins, photographed by NASA, cropped; public domain
speech.flac             two sentences of "Sense and Sensibility", read for LibriVox; public domain
"""

from pathlib import Path

_HERE = Path(__file__).parent

DEFAULT_MODEL = _HERE / "default.onnx"
FACE_SHAPES = _HERE / "face_shapes.npz"
FACE_LANDMARKER = _HERE / "face_landmarker.task"
STREAM_MODEL = _HERE / "live.onnx"
MEAN_FACE = _HERE / "mean_face.npy"
SAMPLE_PORTRAIT = _HERE / "portrait.jpg"
VISEME_MODEL = _HERE / "visemes.onnx"
SAMPLE_SPEECH = _HERE / "speech.flac"
