import socket
import struct
import time

import pytest
from factories.motion import closed_face, shaped

from kfusion.errors import InputError, OutputError
from kfusion.formats import wires
from kfusion.formats.wires import WIRES, Destination, Sender, read_destination
from kfusion.landmarks import LandmarkSequence
from kfusion.motion.face_motion import MotionReader


@pytest.fixture
def receiver():
    """A UDP socket on loopback, and where it listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(5)
        yield listener


def destination_of(listener, name="livelink"):
    return Destination(name, "127.0.0.1", listener.getsockname()[1])


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("livelink://127.0.0.1:11111", ("livelink", "127.0.0.1", 11111)),
        ("vmc://", ("vmc", "127.0.0.1", 39539)),
        ("ifacialmocap://studio", ("ifacialmocap", "studio", 49983)),
        ("vmc://[::1]:5", ("vmc", "::1", 5)),
    ],
)
def test_an_address_names_protocol_host_and_port(address, expected):
    found = read_destination(address)
    assert (found.name, found.host, found.port) == expected
    assert read_destination(str(found)) == found


@pytest.mark.parametrize(
    "address",
    ["", "127.0.0.1:11111", "http://x", "vmc://h:99999", "vmc://h:x", "vmc://h:0", "vmc://h/path", "vmc://[::1"],
)
def test_what_is_no_address_is_one_error_that_shows_some(address):
    with pytest.raises(InputError, match=r"no address to send to.*livelink://HOST:11111"):
        read_destination(address)


def test_a_host_that_is_not_there_is_named():
    with pytest.raises(OutputError, match=r"vmc://nowhere\.invalid:39539: no such host"):
        Sender(read_destination("vmc://nowhere.invalid"))


def test_every_frame_arrives_once_in_order_when_it_is_due(receiver):
    motion = shaped(7, fps=30.0, mouthSmileLeft=0.6)
    began = time.monotonic()
    with Sender(destination_of(receiver)) as sender:
        sender.send(motion)
    lasted = time.monotonic() - began
    packets = [receiver.recv(2048) for _ in range(7)]
    assert [struct.unpack(">i", packet[48:52])[0] for packet in packets] == list(range(7))
    smiles = [struct.unpack(">61f", packet[65:])[23] for packet in packets]
    assert smiles == pytest.approx([0.1 * step for step in range(7)], abs=1e-6)
    assert 0.19 < lasted < 2


def test_frames_that_come_late_are_not_kept_back(receiver):
    first, late = (
        MotionReader(closed_face())(LandmarkSequence(points=closed_face()[None], fps=30, first_frame=number))
        for number in (0, 1)
    )
    with Sender(destination_of(receiver)) as sender:
        sender.send(first)
        receiver.recv(2048)
        time.sleep(0.5)
        began = time.monotonic()
        sender.send(late)
        receiver.recv(2048)
        assert time.monotonic() - began < 0.2


@pytest.mark.parametrize("name", WIRES)
def test_every_wire_sends_a_whole_frame(receiver, name):
    with Sender(destination_of(receiver, name)) as sender:
        sender.send(shaped(1))
    assert len(receiver.recv(4096)) > 100


def test_a_closed_port_is_one_note_and_the_frames_go_on(caplog):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        gone = destination_of(listener)
    with Sender(gone) as sender:
        sender.send(shaped(6))
    (line,) = caplog.messages
    assert line.startswith(f"{gone}: nobody listens there: start the receiver")


def test_an_error_in_the_block_ends_the_sending_at_once(receiver):
    def interrupted():
        with Sender(destination_of(receiver)) as sender:
            sender.send(shaped(300))
            raise KeyError

    began = time.monotonic()
    with pytest.raises(KeyError):
        interrupted()
    assert time.monotonic() - began < 3


def test_another_machine_is_said(monkeypatch, caplog):
    place = (socket.AF_INET, socket.SOCK_DGRAM, 0, "", ("192.0.2.7", 11111))  # TEST-NET: nobody's
    monkeypatch.setattr(wires.socket, "getaddrinfo", lambda *_, **__: [place])
    try:
        with Sender(Destination("livelink", "192.0.2.7", 11111)):
            pass
    except OutputError:
        pytest.skip("a machine without a network")
    assert caplog.messages == ["livelink://192.0.2.7:11111: the motion of the face leaves this machine, unencrypted"]
