import struct

import numpy as np
import pytest

from kfusion.face_shapes import ARKIT_SHAPES
from kfusion.formats.rotation import unity_rotation
from kfusion.formats.vmc import MAX_BUNDLE_BYTES, osc_message, vmc_packets

HEAD = np.array([0.2, 0.1, -0.1], np.float32)


def packets():
    weights = np.zeros(52, np.float32)
    for name, value in {"mouthSmileLeft": 0.8, "jawOpen": 0.25}.items():
        weights[ARKIT_SHAPES.index(name)] = value
    return vmc_packets(weights, HEAD, 1.5)


def test_a_message_has_the_bytes_of_the_specification():
    assert osc_message("/oscillator/4/frequency", 440.0) == (
        b"/oscillator/4/frequency\0,f\0\0" + struct.pack(">f", 440.0)  # the example of OSC 1.0
    )
    assert osc_message("/a", "x", 1) == b"/a\0\0,si\0x\0\0\0\0\0\0\1"


def test_python_osc_reads_a_frame():
    osc_bundle = pytest.importorskip("pythonosc.osc_bundle")
    messages = [message for packet in packets() for message in osc_bundle.OscBundle(packet)]
    values = {message.params[0]: message.params[1] for message in messages if message.address.endswith("Blend/Val")}
    assert {name: value for name, value in values.items() if value} == pytest.approx(
        {"mouthSmileLeft": 0.8, "MouthSmileLeft": 0.8, "jawOpen": 0.25, "JawOpen": 0.25, "A": 0.5}
    )
    assert {"Blink_L", "Blink_R"} <= set(values)
    assert messages[-1].address == "/VMC/Ext/Blend/Apply"
    others = {message.address: message.params for message in messages if "Blend" not in message.address}
    assert others["/VMC/Ext/OK"] == [1]
    assert others["/VMC/Ext/T"] == [1.5]
    name, *numbers = others["/VMC/Ext/Bone/Pos"]
    assert name == "Head"
    assert numbers == pytest.approx([0, 0, 0, *unity_rotation(*map(float, HEAD))])


def test_no_bundle_is_larger_than_a_packet():
    assert max(map(len, packets())) <= MAX_BUNDLE_BYTES
    assert all(packet.startswith(b"#bundle\0") for packet in packets())
