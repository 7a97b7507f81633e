import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from kfusion.face_shapes import ARKIT_SHAPES
from kfusion.formats.glb_container import Glb

NODE = shutil.which("node")
READERS = Path(__file__).with_name("readers.mjs")
PACKAGES = Path(__file__).parents[2] / "node_modules"
NEEDED = ("three", "@pixiv/three-vrm-animation", "gltf-validator")


def test_an_expressions_weight_is_the_x_of_its_node(smile, written):
    glb = Glb.read(written(smile, "vrma"))
    document, binary = glb.document, b"".join(glb._pieces)
    assert document["extensionsUsed"] == ["VRMC_vrm_animation"]
    extension = document["extensions"]["VRMC_vrm_animation"]
    assert extension["specVersion"] == "1.0"
    assert set(extension["expressions"]["custom"]) == set(ARKIT_SHAPES)
    animation = document["animations"][0]
    node = extension["expressions"]["custom"]["mouthSmileLeft"]["node"]
    (channel,) = [one for one in animation["channels"] if one["target"] == {"node": node, "path": "translation"}]
    view = document["bufferViews"][
        document["accessors"][animation["samplers"][channel["sampler"]]["output"]]["bufferView"]
    ]
    track = np.frombuffer(binary, np.float32, view["byteLength"] // 4, view["byteOffset"]).reshape(-1, 3)
    assert track[-1] == pytest.approx([0.8, 0, 0])
    assert document["nodes"][extension["humanoid"]["humanBones"]["hips"]["node"]]["translation"][1] > 0


@pytest.mark.skipif(
    NODE is None or not all((PACKAGES / name).is_dir() for name in NEEDED),
    reason=f"needs Node and `npm install --no-save {' '.join(NEEDED)} @pixiv/three-vrm`",
)
def test_khronos_three_js_and_three_vrm_read_what_is_written(smile, written):
    files = [written(smile, kind) for kind in ("glb", "vrma")]
    done = subprocess.run([str(NODE), READERS, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["glb"] == found["vrma"] == {"errors": 0, "warnings": 0}
    moved = {"mouthSmileLeft": 0.8, "jawLeft": 0.2, "mouthLeft": 0.4}
    assert {name: value for name, value in found["head"]["weights"].items() if value} == pytest.approx(moved)
    assert found["head"]["duration"] == found["expressions"]["duration"] == pytest.approx(1.0)
    last = {name: value for name, value in found["expressions"]["last"].items() if value}
    assert last == pytest.approx({f"custom:{name}": value for name, value in moved.items()})
    assert found["expressions"]["turns"] == {"head": 31}
    assert found["expressions"]["restHips"] == pytest.approx(0.85)
