"""How fast the lips move when nobody speaks, beside the face finder's own noise on a still picture.

Usage: python benchmarks/silence.py [MODEL]

Both in pixels a frame of a 256 x 256 crop, mean over points 48-67. The still picture is the packaged portrait with
fresh sensor noise (2 of 255) in every one of 90 frames, encoded with H.264 and extracted like a clip of a data set.
"""

import sys
import tempfile
from pathlib import Path

import av
import numpy as np
from PIL import Image

import kfusion
from kfusion.assets import SAMPLE_PORTRAIT
from kfusion.data.extract import extract_clip
from kfusion.face import FaceFinder
from kfusion.inference.generator import Generator
from kfusion.landmarks import MOUTH, Points

SECONDS, FPS, RATE = 3, 30, 16_000
ROOM_DBFS = (-60, -50, -40)


def main() -> None:
    model = kfusion.load(sys.argv[1] if len(sys.argv) > 1 else None)
    with FaceFinder(max_faces=1) as finder, tempfile.TemporaryDirectory() as folder:
        still = extract_clip(still_video(Path(folder) / "still.mp4"), finder).landmarks
    print("| sound | lip speed, px a frame |\n|---|---|")
    print(f"| (the face finder on a still picture) | {lip_speed(still):.3f} |")
    random = np.random.default_rng(0)
    silence = np.zeros(SECONDS * RATE, np.float32)
    for name, level in [("digital silence", 0.0), *((f"white noise {db} dBFS", 10 ** (db / 20)) for db in ROOM_DBFS)]:
        noise = level * random.standard_normal(len(silence)).astype(np.float32)
        print(f"| {name} | {lip_speed(spoken(model, silence + noise, still[0])):.3f} |")


def spoken(model: Generator, samples: np.ndarray, identity: Points) -> Points:
    return model.generate(samples, identity).points


def lip_speed(points: Points) -> float:
    return float(np.linalg.norm(np.diff(points[:, MOUTH], axis=0), axis=-1).mean())


def still_video(path: Path) -> Path:
    picture = np.asarray(Image.open(SAMPLE_PORTRAIT).convert("RGB")).astype(np.float32)
    picture = picture[: len(picture) // 2 * 2, : picture.shape[1] // 2 * 2]
    random = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=FPS, options={"crf": "18"})
        video.height, video.width, video.pix_fmt = *picture.shape[:2], "yuv420p"
        sound = container.add_stream("aac", rate=RATE)
        for _ in range(SECONDS * FPS):
            noisy = (picture + 2 * random.standard_normal(picture.shape)).clip(0, 255).astype(np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(noisy)))
        container.mux(video.encode())
        frame = av.AudioFrame.from_ndarray(np.zeros((1, SECONDS * RATE), np.float32), format="fltp", layout="mono")
        frame.sample_rate = RATE
        container.mux([*sound.encode(frame), *sound.encode()])
    return path


if __name__ == "__main__":
    main()
