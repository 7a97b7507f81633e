"""Draws docs/drawings/avatar-*.svg: what each format and each wire holds of the packaged recording, read back from it.

    python tools/site/avatar_pictures.py

Above, the sound; in the middle, what the tool is given; below, the mouth at the same moments.
"""

import csv
import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from canvas import Canvas
from numpy.typing import NDArray

import kfusion
from kfusion import assets
from kfusion.audio import read_audio
from kfusion.formats.motion_files import MOTION_FORMATS, write_motion
from kfusion.formats.wires import WIRES
from kfusion.landmarks import LandmarkSequence
from kfusion.motion.face_motion import Motion, read_motion
from kfusion.motion.resting import face_in_silence
from kfusion.motion.visemes import read_visemes

FOLDER = Path(__file__).parents[2] / "docs" / "drawings"
START_S, END_S = 0.0, 4.5
LEFT, RIGHT, WIDTH = 150, 985, 1000
MOUTHS = 16
COLOURS = ("blue-line", "red-line", "yellow-line", "green-line", "violet-line")
OUTER, INNER = [*range(48, 60), 48], [*range(60, 68), 60]

Curves = Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]]
"""Name -> times in seconds and values."""
Cues = Sequence[tuple[float, float, str]]


def across(time_s: float) -> float:
    """Where a moment stands in the picture."""
    return LEFT + (RIGHT - LEFT) * (time_s - START_S) / (END_S - START_S)


class Sheet:
    """One picture: sound above, mouths below."""

    def __init__(self, title: str, sequence: LandmarkSequence, samples: NDArray[np.float32], rows: int) -> None:
        self.top, self.low = 74, 74 + 58 * rows
        self.canvas = Canvas(WIDTH, self.low + 74, title)
        self._draw_sound(samples)
        self._draw_mouths(sequence)
        for second in range(int(END_S) + 1):
            self.canvas.line([(across(second), 62), (across(second), self.low + 2)], colour="grey", width=1)
            self.canvas.text((across(second), self.low + 14), f"{second} s", size=10, colour="faint")

    def _draw_sound(self, samples: NDArray[np.float32]) -> None:
        pieces = np.array_split(samples[int(START_S * 16000) : int(END_S * 16000)], 400)
        level = np.array([np.abs(piece).max() for piece in pieces])
        level = 24 * level / level.max()
        places = np.linspace(LEFT, RIGHT, len(level))
        outline = [*zip(places, 34 - level, strict=True), *zip(places[::-1], 34 + level[::-1], strict=True)]
        self.canvas.area(outline, fill="line")
        self.canvas.text((LEFT - 10, 38), "sound", size=11, anchor="end", colour="faint")

    def _draw_mouths(self, sequence: LandmarkSequence) -> None:
        self.canvas.text((LEFT - 10, self.low + 46), "lips", size=11, anchor="end", colour="faint")
        scale = 36 / float(np.ptp(sequence.points[0, 48:60, 0]))
        for time_s in np.linspace(START_S, END_S, MOUTHS, endpoint=False) + (END_S - START_S) / MOUTHS / 2:
            lips = sequence.points[round(time_s * sequence.fps)]
            centre = sequence.points[0, 48:60].mean(0)
            places = (lips - centre) * scale + (across(time_s), self.low + 42)
            self.canvas.area([tuple(point) for point in places[OUTER].tolist()], fill="red-line")
            self.canvas.area([tuple(point) for point in places[INNER].tolist()], fill="paper")

    def curves(self, curves: Curves) -> None:
        """A row a curve, from 0 to its highest."""
        for row, (name, (times_s, values)) in enumerate(curves.items()):
            base, colour = self.top + 58 * row + 50, COLOURS[row % len(COLOURS)]
            kept = (times_s >= START_S) & (times_s <= END_S)
            low, high = min(0.0, float(values[kept].min())), max(float(values[kept].max()), 1e-6)
            heights = base - 40 * (values[kept] - low) / (high - low)
            self.canvas.line([(LEFT, base), (RIGHT, base)], colour="grey", width=1)
            places = [(across(time), height) for time, height in zip(times_s[kept], heights, strict=True)]
            self.canvas.line(places, colour=colour, width=1.8)
            self.canvas.text((LEFT - 10, base - 18), name, size=10, anchor="end", colour=colour)
            self.canvas.text((LEFT - 10, base - 4), f"to {high:.2f}", size=10, anchor="end", colour="faint")

    def cues(self, label: str, cues: Cues, row: int = 0) -> None:
        """A row of touching boxes with names."""
        base = self.top + 58 * row + 8
        self.canvas.text((LEFT - 10, base + 24), label, size=10, anchor="end", colour="faint")
        names = sorted({name for _, _, name in cues})
        for start, end, name in cues:
            if start < END_S:
                left, right = across(start), across(min(end, END_S))
                fill = ("grey", "blue", "yellow", "green")[names.index(name) % 4]
                self.canvas.box((left, base), (right - left, 38), fill=fill)
                if right - left > 8 * len(name):
                    self.canvas.text(((left + right) / 2, base + 23), name, size=11)


def _livelink(path: Path, fps: float) -> Curves:
    rows = list(csv.DictReader(path.open()))
    times = np.arange(len(rows)) / fps
    names = "JawOpen", "MouthFunnel", "MouthLowerDownLeft"
    return {name: (times, np.array([float(row[name]) for row in rows])) for name in names}


def _a2f(path: Path, _: float) -> Curves:
    content = json.loads(path.read_text())
    matrix = np.array(content["weightMat"])
    times = np.arange(len(matrix)) / content["exportFps"]
    names = "jawOpen", "mouthUpperUpLeft", "mouthPucker"
    return {name: (times, matrix[:, content["facsNames"].index(name)]) for name in names}


def _azure(path: Path, _: float) -> Curves:
    rows = np.array(json.loads(path.read_text())["BlendShapes"])
    return {f"[{place}] {name}": (np.arange(len(rows)) / 60, rows[:, place]) for place, name in _azure_places()}


def _azure_places() -> list[tuple[int, str]]:
    from kfusion.face_shapes import ARKIT_SHAPES

    return [(ARKIT_SHAPES.index(name), name) for name in ("jawOpen", "mouthFunnel")]


def _live2d(path: Path, _: float) -> Curves:
    curves = {curve["Id"]: curve["Segments"] for curve in json.loads(path.read_text())["Curves"]}
    found = {}
    for name in ("ParamMouthOpenY", "ParamMouthForm", "ParamBrowLY"):
        points = np.array([*curves[name][:2], *np.array(curves[name][2:]).reshape(-1, 3)[:, 1:].ravel()]).reshape(-1, 2)
        found[name.removeprefix("Param")] = (points[:, 0], points[:, 1])
    return found


def _vrma(path: Path, _: float) -> Curves:
    glb = GlbFile(path)
    kinds = glb.document["extensions"]["VRMC_vrm_animation"]["expressions"]
    wanted = {
        "aa": kinds["preset"]["aa"]["node"],
        "jawOpen": kinds["custom"]["jawOpen"]["node"],
        "mouthFunnel": kinds["custom"]["mouthFunnel"]["node"],
    }
    animation = glb.document["animations"][0]
    samplers = {channel["target"]["node"]: channel["sampler"] for channel in animation["channels"]}
    found = {}
    for name, node in wanted.items():
        sampler = animation["samplers"][samplers[node]]
        times, values = (_floats(glb, sampler[key]) for key in ("input", "output"))
        found[name] = (times, values.reshape(-1, 3)[:, 0])
    return found


class GlbFile:
    """A GLB file read anew, without the code that wrote it."""

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        (length,) = struct.unpack_from("<I", data, 12)
        self.document, self.binary = json.loads(data[20 : 20 + length]), data[28 + length :]


def _floats(glb: GlbFile, accessor: int) -> NDArray[np.float64]:
    what = glb.document["accessors"][accessor]
    view = glb.document["bufferViews"][what["bufferView"]]
    start = view.get("byteOffset", 0) + what.get("byteOffset", 0)
    size = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[what["type"]] * what["count"]
    return np.frombuffer(glb.binary, "<f4", size, start).astype(np.float64)


def _rhubarb(path: Path) -> Cues:
    return [(cue["start"], cue["end"], cue["value"]) for cue in json.loads(path.read_text())["mouthCues"]]


def _talkinghead(path: Path) -> Cues:
    cues = json.loads(path.read_text())["cues"]
    rows = zip(cues["visemes"], cues["vtimes"], cues["vdurations"], strict=True)
    return [(start / 1000, (start + length) / 1000, name) for name, start, length in rows]


def _vmc(motion: Motion) -> Curves:
    """What the packets say, read as OSC."""
    rows = [_osc_values(b"".join(WIRES["vmc"].packets(motion, at))) for at in range(len(motion))]
    times = motion.times_s
    return {name: (times, np.array([row[name] for row in rows])) for name in ("A", "jawOpen", "mouthFunnel")}


def _osc_values(packet: bytes) -> dict[str, float]:
    """The float after the name of each shape in `/VMC/Ext/Blend/Val` messages."""
    found = {}
    for piece in packet.split(b"/VMC/Ext/Blend/Val\0\0,sf\0")[1:]:
        name = piece[: piece.index(b"\0")].decode()
        start = len(name) // 4 * 4 + 4
        found[name] = struct.unpack(">f", piece[start : start + 4])[0]
    return found


def _ifacialmocap(motion: Motion) -> Curves:
    """What the packets say, whole numbers from 0 to 100."""
    rows = []
    for at in range(len(motion)):
        text = b"".join(WIRES["ifacialmocap"].packets(motion, at)).decode().partition("=")[0]
        rows.append(dict(word.rsplit("-", 1) for word in text.split("|") if "-" in word))
    names = "jawOpen", "mouthFunnel", "mouthLowerDown_L"
    return {name: (motion.times_s, np.array([float(row[name]) for row in rows])) for name in names}


def draw_mask(path: Path, target: Path) -> None:
    """The mask of a `.glb` file at six moments, lit from above on the left."""
    glb = GlbFile(path)
    document = glb.document
    primitive = document["meshes"][0]["primitives"][0]
    rest = _floats(glb, primitive["attributes"]["POSITION"]).reshape(-1, 3)
    moved = np.array([_floats(glb, shape["POSITION"]).reshape(-1, 3) for shape in primitive["targets"]])
    animation = document["animations"][0]
    channel = next(one for one in animation["channels"] if one["target"]["path"] == "weights")
    weights = _floats(glb, animation["samplers"][channel["sampler"]]["output"]).reshape(-1, len(moved))
    corners = _corners(glb, primitive["indices"])
    opening = weights[:, document["meshes"][0]["extras"]["targetNames"].index("jawOpen")]
    order = np.argsort(opening)
    moments = sorted(int(order[place]) for place in np.linspace(0, len(order) - 1, 6, dtype=int))
    faces = [_lit(rest + np.einsum("s,spx->px", weights[at], moved), corners) for at in moments]
    cv2.imwrite(str(target), np.concatenate(faces, 1), [cv2.IMWRITE_PNG_COMPRESSION, 9])


def _corners(glb: GlbFile, accessor: int) -> NDArray[np.int64]:
    what = glb.document["accessors"][accessor]
    view = glb.document["bufferViews"][what["bufferView"]]
    found = np.frombuffer(glb.binary, "<u2", what["count"], view.get("byteOffset", 0))
    return found.astype(np.int64).reshape(-1, 3)


def _lit(points: NDArray[np.float64], corners: NDArray[np.int64], side_px: int = 320) -> NDArray[np.uint8]:
    """The triangles from the farthest to the nearest, each in one shade; the head turned by 20 degrees."""
    turn = np.radians(20)
    turned = points @ np.array([[np.cos(turn), 0, -np.sin(turn)], [0, 1, 0], [np.sin(turn), 0, np.cos(turn)]])
    low, high = turned[:, :2].min(0), turned[:, :2].max(0)
    places = ((turned[:, :2] - (low + high) / 2) * (1, -1) * 0.85 / (high - low).max() + 0.5) * side_px
    picture = np.full((side_px * 4, side_px * 4, 3), 245, np.uint8)
    light = np.array([-0.35, 0.5, 0.8]) / np.linalg.norm([-0.35, 0.5, 0.8])
    for triangle in sorted(corners.tolist(), key=lambda corner: float(turned[corner, 2].mean())):
        normal = np.cross(*(turned[triangle[1:]] - turned[triangle[0]]))
        shade = 0.35 + 0.65 * abs(float(normal @ light) / max(float(np.linalg.norm(normal)), 1e-12))
        colour = tuple(shade * value for value in (150, 175, 225))
        cv2.fillConvexPoly(picture, np.round(places[triangle] * 4).astype(np.int32), colour, cv2.LINE_AA)
    return cv2.resize(picture, (side_px, side_px), interpolation=cv2.INTER_AREA)


CURVES: dict[str, Callable[[Path, float], Curves]] = {
    "livelink": _livelink,
    "a2f": _a2f,
    "azure": _azure,
    "live2d": _live2d,
    "vrma": _vrma,
}
CUES: dict[str, Callable[[Path], Cues]] = {"rhubarb": _rhubarb, "talkinghead": _talkinghead}


def main() -> None:
    """Every picture."""
    model = kfusion.load()
    sequence = model.generate(assets.SAMPLE_SPEECH, assets.SAMPLE_PORTRAIT)
    rest = face_in_silence(lambda sound: model.generate(sound, assets.SAMPLE_PORTRAIT))
    motion = replace(read_motion(sequence, rest), visemes=read_visemes(assets.SAMPLE_SPEECH))
    samples = read_audio(assets.SAMPLE_SPEECH)
    with TemporaryDirectory() as folder:
        files = {kind: Path(folder, f"motion{form.ending}") for kind, form in MOTION_FORMATS.items()}
        for kind in (*CURVES, *CUES, "glb"):
            write_motion(motion, files[kind], kind)
        found = {kind: read(files[kind], sequence.fps) for kind, read in CURVES.items()}
        found |= {"vmc": _vmc(motion), "ifacialmocap": _ifacialmocap(motion)}
        for kind, curves in found.items():
            sheet = Sheet(f"What {kind} holds of the packaged recording", sequence, samples, len(curves))
            sheet.curves(curves)
            sheet.canvas.save(FOLDER / f"avatar-{kind}.svg")
        for kind, read in CUES.items():
            sheet = Sheet(f"What {kind} holds of the packaged recording", sequence, samples, 1)
            sheet.cues("visemes" if kind == "talkinghead" else "mouths", read(files[kind]))
            sheet.canvas.save(FOLDER / f"avatar-{kind}.svg")
        draw_mask(files["glb"], FOLDER / "avatar-glb.png")


if __name__ == "__main__":
    main()
