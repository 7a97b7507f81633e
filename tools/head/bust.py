"""Head, neck and shoulders of one person who is nobody: the parts, and how they become a file."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from colours import Landmarks, complexion, rings_of_lips
from eyes import eyeballs, linear
from gltf import INDICES, VERTICES, GlbWriter
from makehuman import Corners, MakeHuman, Vectors, joined
from numpy.typing import NDArray
from paint import MOUTH, Canvas, eased, island_of, laid_out
from PIL import Image
from surface import Floats, Numbers, light_of, normals_of, triangles_of

from kfusion.face_shapes import ARKIT_SHAPES

PEOPLE = {"caucasian": 0.5, "asian": 0.25, "african": 0.25}
SEXES = {"female": 0.55, "male": 0.45}
LOWEST_M, WIDEST_M = 0.468, 0.215
"""Where the bust ends: height, and half its width."""
MIDDLE_M = 0.70
"""Height of the middle of the head, which becomes 0."""
FACE_BONES = ("head", "jaw", "levator", "oculi", "orbicularis", "oris", "risorius", "special", "temporalis")
ROOTS = (0.0, 0.589, 0.007), (0.0, 0.6975, 0.016)
"""Where neck and head turn."""
ARCH_M = (0.0, 0.0, 0.085)
"""Middle of the arch of the teeth; its height does not matter."""
PARTED_M = 0.0007
"""Half of how far the lips of the base mesh are apart."""
SHIFTS_M = {
    "helper-upper-teeth": (0, -0.0015, 0),
    "helper-lower-teeth": (0, -0.0045, -0.001),
    "helper-tongue": (0, -0.006, -0.006),
}
BAG_FROM_M, BAG_WIDTH = 0.138, 0.82
"""Where the inside of the mouth begins, and how wide it is: as wide as the base mesh's it would show through cheeks."""
TONGUE_HEIGHT = 0.5
"""Of a tongue that lies in an open mouth, in heights of the base mesh's, which fills it."""
_STEP_M, _LEAST = 1 / 32767, 3
"""Of displacements in the file, and how many steps count as none."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Piece:
    """What is drawn with one material."""

    name: str
    points: Vectors
    normals: Vectors
    triangles: Numbers
    targets: dict[str, tuple[Vectors, Vectors]]
    """Shape -> displacements of points and normals."""
    places: Floats | None = None
    colours: NDArray[np.uint8] | None = None
    follows: Floats | None = None
    """How much of each vertex follows neck and head, (N, 2); None for the head alone."""


class Bust:
    """The shaped mesh."""

    def __init__(self, source: MakeHuman) -> None:
        self._source = source
        self._points = source.points + sum(self._people())
        self._targets = {name: source.target(f"faceunits/{name}") for name in ARKIT_SHAPES}
        body = source.parts["body"]
        seen = self._points[body.vertices]
        self._skin = body.where((seen[..., 1].min(1) > LOWEST_M) & (abs(seen[..., 0]).max(1) < WIDEST_M))
        self._rings = rings_of_lips(source, self._skin)
        self._points += self._mended()

    def _mended(self) -> Vectors:
        """Closes the lips, and puts teeth and tongue where they are seen as those of people."""
        moved = np.zeros_like(self._points)
        upper = self._points[:, 1] > self._points[self._rings == 0, 1].mean()
        moved[:, 1] = np.where(upper, -1, 1) * PARTED_M * np.exp(-((self._rings / 3.0) ** 2))
        for part, by in SHIFTS_M.items():
            moved[np.unique(self._source.parts[part].vertices)] = by
        bag = np.unique(self._skin.vertices[(island_of(self._source.places)[self._skin.places] == MOUTH).all(1)])
        inner = eased(0, 0.012, BAG_FROM_M - self._points[bag, 2])
        moved[bag, 0] -= (1 - BAG_WIDTH) * inner * self._points[bag, 0]
        tongue = np.unique(self._source.parts["helper-tongue"].vertices)
        height = self._points[tongue, 1]
        moved[tongue, 1] -= (1 - TONGUE_HEIGHT) * (height - height.min())
        return moved

    def _people(self) -> list[Vectors]:
        """The displacements that make a grown-up of the base mesh."""
        moved = []
        for sex, share in SEXES.items():
            moved.append(share * self._source.target(f"macrodetails/universal-{sex}-young-averagemuscle-averageweight"))
            for people, part in PEOPLE.items():
                moved.append(share * part * self._source.target(f"macrodetails/{people}-{sex}-young"))
        return moved

    def write(self, file: GlbWriter) -> None:
        """Puts all parts and the skeleton into a file."""
        (skin, mouth), (picture, rough) = self._painted()
        pieces = [skin, self._eyes(), mouth, self._lashes()]
        images = [_image(file, picture, 1), _image(file, rough, 4)]
        textures = [{"source": number, "sampler": 0} for number in range(len(images))]
        file.document |= {"images": images, "samplers": [{}], "textures": textures}
        file.document["materials"] = MATERIALS
        file.document["extensionsUsed"] = file.document["extensionsRequired"] = ["KHR_mesh_quantization"]
        file.document["meshes"] = [_mesh(file, piece, number) for number, piece in enumerate(pieces)]
        _add_skeleton(file, len(pieces))

    def _painted(self) -> tuple[list[Piece], list[NDArray[np.uint8]]]:
        """Skin, and teeth with the tongue, whose colours and roughness are in the pictures."""
        triangles = triangles_of(self._skin.vertices)
        landmarks = Landmarks.of(self._source, self._points, self._rings, self._skin)
        points = landmarks.dressed(self._points, normals_of(self._points, triangles))
        mouth = joined([self._source.parts[f"helper-{part}"] for part in ("upper-teeth", "lower-teeth", "tongue")])
        both = joined([self._skin, mouth])
        places = laid_out(self._source.places, np.unique(both.places))
        light = self._light(points, triangles)
        canvas = Canvas.of(both, places, np.concatenate([self._points, landmarks.masks, light[:, None]], 1))
        pictures = [canvas.spread(one) for one in complexion(canvas.known, landmarks)]
        pieces = [self._textured(name, points, part, places) for name, part in (("skin", self._skin), ("mouth", mouth))]
        return pieces, [(np.clip(one, 0, 1) * 255).astype(np.uint8) for one in pictures]

    def _light(self, points: Vectors, triangles: Numbers) -> Floats:
        """How much light reaches each vertex; teeth and tongue have less of it towards the throat."""
        light = eased(0.07, 0.125, points[:, 2])
        used, numbers = np.unique(triangles, return_inverse=True)
        light[used] = light_of(points[used], normals_of(points, triangles)[used], numbers.reshape(-1, 3))
        return light

    def _textured(self, name: str, points: Vectors, part: Corners, places: Floats) -> Piece:
        """A part whose vertices are parted where its picture has a seam."""
        triangles = triangles_of(part.vertices)
        normals = normals_of(points, triangles)
        pairs = np.stack([triangles, triangles_of(part.places)], -1).reshape(-1, 2)
        corners, numbers = np.unique(pairs, axis=0, return_inverse=True)
        vertices = corners[:, 0]
        targets = {}
        for shape in ARKIT_SHAPES:
            by, turn = (one[vertices] for one in self._moved(points, normals, triangles, shape))
            if abs(by).max() > _LEAST * _STEP_M:
                targets[shape] = (by, turn)
        return Piece(
            name=name,
            points=points[vertices],
            normals=(self._arched(normals) if name == "mouth" else normals)[vertices],
            triangles=numbers.reshape(-1, 3),
            targets=targets,
            places=places[corners[:, 1]],
            follows=self._follows()[vertices] if name == "skin" else None,
        )

    def _arched(self, normals: Vectors) -> Vectors:
        """The normals, of teeth out of their arch: theirs are strips whose edges would look as metal does."""
        teeth = np.unique(
            np.concatenate([self._source.parts[f"helper-{jaw}-teeth"].vertices for jaw in ("upper", "lower")])
        )
        out = (self._points[teeth] - ARCH_M) * (1, 0, 1) + (0, 0.004, 0)
        arched = normals.copy()
        arched[teeth] = out / np.linalg.norm(out, axis=1, keepdims=True)
        return arched

    def _moved(self, points: Vectors, normals: Vectors, triangles: Numbers, name: str) -> tuple[Vectors, Vectors]:
        by = self._targets[name]
        return by, normals_of(points + by, triangles) - normals

    def _follows(self) -> Floats:
        head = self._source.follow(FACE_BONES)
        neck = self._source.follow(("neck02", "neck03")) + 0.4 * self._source.follow(("neck01",))
        return np.stack([np.minimum(neck, 1 - head), head], 1)

    def _eyes(self) -> Piece:
        """Both eyeballs, which turn as those of MakeHuman do."""
        balls = []
        for side, name in (("l", "Left"), ("r", "Right")):
            ring = np.unique(self._source.parts[f"helper-{side}-eye"].vertices)
            turns = {shape: self._targets[shape][ring] for shape in ARKIT_SHAPES if "Look" in shape and name in shape}
            balls.append(eyeballs(self._points[ring], turns))
        count = len(balls[0].points)
        names = [name for ball in balls for name in ball.targets]
        targets = {}
        for name in names:
            both = [ball.targets.get(name, (np.zeros((count, 3)),) * 2) for ball in balls]
            targets[name] = tuple(np.concatenate([one[part] for one in both]) for part in range(2))
        return Piece(
            name="eyes",
            points=np.concatenate([ball.points for ball in balls]),
            normals=np.concatenate([ball.normals for ball in balls]),
            triangles=np.concatenate([balls[0].triangles, balls[1].triangles + count]),
            targets=targets,
            colours=np.concatenate([ball.colours for ball in balls]),
        )

    def _lashes(self) -> Piece:
        """The upper ones: the lower ones are too fine to be drawn."""
        lashes = self._plain("lashes", dict.fromkeys(("helper-l-eyelashes-2", "helper-r-eyelashes-2"), (30, 21, 17)))
        eye = self._points[np.unique(self._source.parts["joint-l-eye"].vertices)].mean(0)
        away = np.linalg.norm(abs(lashes.points) - eye, axis=1)
        share = (away - away.min()) / np.ptp(away)
        lashes.colours[:, 3] = (255 * np.clip(1.3 - 1.4 * share, 0, 1)).astype(np.uint8)
        return lashes

    def _plain(self, name: str, tints: dict[str, tuple[int, int, int]]) -> Piece:
        """Parts of MakeHuman of one colour each."""
        quads = np.concatenate([self._source.parts[part].vertices for part in tints])
        used, numbers = np.unique(triangles_of(quads), return_inverse=True)
        triangles = numbers.reshape(-1, 3)
        points = self._points[used]
        normals = normals_of(points, triangles)
        colours = np.full((len(used), 4), 255, np.uint8)
        for part, tint in tints.items():
            colours[np.isin(used, self._source.parts[part].vertices), :3] = linear(np.array(tint))
        targets = {}
        for shape, moved in self._targets.items():
            by = moved[used]
            if abs(by).max() > _LEAST * _STEP_M:
                targets[shape] = (by, normals_of(points + by, triangles) - normals)
        return Piece(name=name, points=points, normals=normals, triangles=triangles, targets=targets, colours=colours)


def _image(file: GlbWriter, picture: NDArray[np.uint8], shrunk: int) -> dict[str, Any]:
    stored = io.BytesIO()
    Image.fromarray(picture).reduce(shrunk).save(stored, "JPEG", quality=86, optimize=True)
    return {"mimeType": "image/jpeg", "bufferView": file.view(stored.getvalue())}


def _material(name: str, roughness: float, **more: Any) -> dict[str, Any]:
    return {"name": name, "pbrMetallicRoughness": {"metallicFactor": 0, "roughnessFactor": roughness} | more}


MATERIALS = [
    _material("skin", 1.0, baseColorTexture={"index": 0}, metallicRoughnessTexture={"index": 1}),
    _material("eyes", 0.12),
    _material("mouth", 1.0, baseColorTexture={"index": 0}, metallicRoughnessTexture={"index": 1}),
    _material("lashes", 0.9) | {"doubleSided": True, "alphaMode": "BLEND"},
]


def _mesh(file: GlbWriter, piece: Piece, material: int) -> dict[str, Any]:
    centred = piece.points - (0, MIDDLE_M, 0)
    joints, weights = _bones(piece)
    attributes = {
        "POSITION": file.add(centred.astype(np.float32), use=VERTICES, bounds=True),
        "NORMAL": file.add(_whole(piece.normals, np.int8), use=VERTICES, normalized=True),
        "JOINTS_0": file.add(joints, use=VERTICES),
        "WEIGHTS_0": file.add(weights, use=VERTICES, normalized=True),
    }
    if piece.places is not None:
        places = (piece.places * 65535).round().astype(np.uint16)
        attributes["TEXCOORD_0"] = file.add(places, use=VERTICES, normalized=True)
    if piece.colours is not None:
        attributes["COLOR_0"] = file.add(piece.colours, use=VERTICES, normalized=True)
    targets = [_target(file, *moved) for moved in piece.targets.values()]
    corners = file.add(piece.triangles.ravel().astype(np.uint16), use=INDICES)
    primitive = {"attributes": attributes, "indices": corners, "material": material, "targets": targets}
    weights_ = [0] * len(targets)
    return {
        "name": piece.name,
        "primitives": [primitive],
        "weights": weights_,
        "extras": {"targetNames": list(piece.targets)},
    }


def _bones(piece: Piece) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Which bones each vertex follows, bust, neck and head, and how much: both (N, 4)."""
    follows = np.tile([0.0, 1.0], (len(piece.points), 1)) if piece.follows is None else piece.follows
    weights = np.zeros((len(follows), 4), np.uint8)
    weights[:, 1:3] = (follows * 255).round()
    weights[:, 0] = 255 - weights[:, 1:3].sum(1, dtype=int).clip(0, 255)
    return np.where(weights > 0, np.array([0, 1, 2, 0], np.uint8), np.uint8(0)), weights


def _target(file: GlbWriter, by: Vectors, turn: Vectors) -> dict[str, int]:
    moved, turned = (by / _STEP_M).round().astype(np.int16), _whole(turn, np.int8)
    shown = np.flatnonzero((abs(moved) >= _LEAST).any(1) | (abs(turned) >= 3).any(1))
    if not len(shown):
        shown = np.array([0])
    return {"POSITION": file.add_sparse(moved, shown), "NORMAL": file.add_sparse(turned, shown)}


def _whole(values: Floats, kind: type) -> NDArray[Any]:
    return np.clip((values * 127).round(), -127, 127).astype(kind)


def _add_skeleton(file: GlbWriter, meshes: int) -> None:
    """Bust, neck and head, and the meshes that follow them."""
    bones = np.array([(0.0, LOWEST_M, 0.0), *ROOTS]) - (0, MIDDLE_M, 0)
    steps = np.diff(bones, axis=0, prepend=np.zeros((1, 3)))
    names = ("Bust", "Neck", "Head")
    nodes: list[dict[str, Any]] = [
        {"name": name, "translation": step.tolist()} for name, step in zip(names, steps, strict=True)
    ]
    nodes[0]["children"], nodes[1]["children"] = [1], [2]
    nodes += [{"name": file.document["meshes"][mesh]["name"], "mesh": mesh, "skin": 0} for mesh in range(meshes)]
    inverse = np.tile(np.eye(4), (3, 1, 1))
    inverse[:, 3, :3] = -bones
    file.document["skins"] = [
        {"joints": [0, 1, 2], "inverseBindMatrices": file.add(inverse.reshape(3, 16).astype(np.float32))}
    ]
    file.document |= {"nodes": nodes, "scenes": [{"nodes": [0, *range(3, 3 + meshes)]}]}
