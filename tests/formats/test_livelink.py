import csv
import re
import struct

import numpy as np
import pytest
from factories.motion import shaped

from kfusion.face_shapes import ARKIT_SHAPES
from kfusion.formats.livelink import DEVICE, livelink_packet


def columns(path):
    """Column name -> its values as text."""
    with path.open(newline="") as file:
        head, *rows = csv.reader(file)
    return dict(zip(head, zip(*rows, strict=True), strict=True))


def test_the_columns_stand_in_the_order_of_the_app_and_hold_what_they_say(smile, written):
    table = columns(written(smile, "livelink"))
    names = list(table)
    assert len(names) == 63
    assert names[:3] == ["Timecode", "BlendShapeCount", "EyeBlinkLeft"]
    assert names[16:20] == ["JawForward", "JawRight", "JawLeft", "JawOpen"]
    assert names[23:25] == ["MouthRight", "MouthLeft"]
    assert names[-9:-6] == ["HeadYaw", "HeadPitch", "HeadRoll"]
    assert set(table["BlendShapeCount"]) == {"61"}
    last = {name: float(values[-1]) for name, values in table.items() if name not in ("Timecode", "BlendShapeCount")}
    assert {name for name, value in last.items() if value} == {"MouthSmileLeft", "JawLeft", "MouthLeft"}
    assert [last[name] for name in ("MouthSmileLeft", "JawLeft", "MouthLeft")] == [0.8, 0.2, 0.4]


def test_timecodes_count_frames_within_their_second(written):
    codes = columns(written(shaped(62, fps=60.0), "livelink"))["Timecode"]
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d:\d\d\.\d{3}", code) for code in codes)
    assert [codes[number] for number in (0, 1, 59, 60, 61)] == [
        *("00:00:00:00.000", "00:00:00:01.000", "00:00:00:59.000", "00:00:01:00.000", "00:00:01:01.000")
    ]


def test_openfacefx_reads_the_recording(smile, written):
    openfacefx = pytest.importorskip("openfacefx")
    track, _ = openfacefx.read_csv(str(written(smile, "livelink")), fps=30.0, epsilon=0.0)
    ends = {channel.name: channel.keys[-1] for channel in track.channels}
    moving = {name.lower(): key for name, key in ends.items() if key.value}
    assert {name: key.value for name, key in moving.items()} == pytest.approx(
        {"mouthsmileleft": 0.8, "jawleft": 0.2, "mouthleft": 0.4}
    )
    assert [key.time for key in moving.values()] == pytest.approx([1.0] * 3)


def test_a_packet_has_the_bytes_of_the_wire():
    weights = np.zeros(52, np.float32)
    weights[ARKIT_SHAPES.index("jawLeft")] = 0.25
    packet = livelink_packet(weights, 7, 30_000 / 1001)
    assert packet[:5] == b"\x06\x00\x00\x00\x24"
    assert packet[5:41] == DEVICE.encode()
    assert packet[41:48] == b"\x00\x00\x00\x03kfu"
    assert struct.unpack(">ifii", packet[48:64]) == (7, 0.0, 30000, 1001)
    assert packet[64] == 61
    values = struct.unpack(">61f", packet[65:])
    assert [number for number, value in enumerate(values) if value] == [15]  # JawLeft on the wire
    assert len(packet) == 309


def test_the_rate_of_a_packet_is_never_nothing():
    for fps in (1.0, 25.0, 30.0, 60.0):
        _, _, rate, base = struct.unpack(">ifii", livelink_packet(np.zeros(52, np.float32), 0, fps)[48:64])
        assert rate / base == fps


def test_pylivelinkface_decodes_a_packet():
    pylivelinkface = pytest.importorskip("pylivelinkface")
    weights = np.zeros(52, np.float32)
    for name, value in {"mouthSmileLeft": 0.75, "jawLeft": 0.25}.items():
        weights[ARKIT_SHAPES.index(name)] = value
    good, face = pylivelinkface.PyLiveLinkFace.decode(livelink_packet(weights, 5, 30.0))
    assert good
    moved = {
        shape.name: face.get_blendshape(shape) for shape in pylivelinkface.FaceBlendShape if face.get_blendshape(shape)
    }
    assert moved == {"MouthSmileLeft": 0.75, "JawLeft": 0.25}
