"""What `kfusion doctor` looks at: each function yields what it found, or raises what is wrong."""

import os
import platform
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kfusion import assets
from kfusion.cli.doctor import REINSTALL, Finding
from kfusion.files import file_digest

if TYPE_CHECKING:
    from packaging.requirements import Requirement

EXTRAS = ("serve", "microphone", "train", "wav2vec2", "pipecat", "livekit", "ray")
CHECKSUMS = Path(assets.__file__).with_name("SHA256SUMS")
DECODERS = ("pcm_s16le", "flac", "mp3", "aac", "opus", "vorbis", "h264", "hevc", "vp9", "av1")
"""What recordings are in, as a rule."""
ENCODERS = ("libx264", "aac")
"""What the preview is written in."""
INSTRUCTIONS = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "asimd", "asimddp", "i8mm")
"""Those of a CPU that the kernels are chosen by, in the words of Linux."""
ROOM_MB = 200
"""Least free space in the temporary folder: an upload of the service, and what is made of it."""


def packages() -> Iterator[Finding]:
    """Everything that kfusion needs, with its bounds; then the extras, present or not."""
    from packaging.requirements import Requirement

    try:
        lines = metadata.requires("kfusion") or []
    except metadata.PackageNotFoundError:
        yield Finding(
            topic="packages", what="kfusion runs, but is not installed", state="absent", remedy="pip install ."
        )
        return
    requirements = [Requirement(line) for line in lines]
    for requirement in requirements:
        if _applies(requirement, ""):
            yield _package(requirement)
    for extra in EXTRAS:
        wanted = [one for one in requirements if _applies(one, extra) and not _applies(one, "")]
        missing = [one.name for one in wanted if _version(one.name) is None]
        bad = [one for one in wanted if (found := _version(one.name)) and not one.specifier.contains(found, True)]
        command = f"pip install 'kfusion[{extra}]'"
        if missing:
            yield Finding(topic="extra", what=f"{extra}: without {', '.join(missing)}", state="absent", remedy=command)
        elif bad:
            named = ", ".join(f"{one.name} {_version(one.name)}, not {one.specifier}" for one in bad)
            yield Finding(topic="extra", what=f"{extra}: {named}", state="wrong", remedy=command)
        else:
            yield Finding(topic="extra", what=f"{extra}: complete")


def _applies(requirement: "Requirement", extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _package(requirement: "Requirement") -> Finding:
    found, bounds = _version(requirement.name), f"{requirement.specifier}"
    command = f"pip install '{requirement.name}{bounds}'"
    if found is None:
        return Finding(topic="package", what=f"{requirement.name} is missing", state="wrong", remedy=command)
    what = f"{requirement.name} {found} ({bounds})"
    if not requirement.specifier.contains(found, prereleases=True):
        return Finding(topic="package", what=f"{what}: out of bounds", state="wrong", remedy=command)
    return Finding(topic="package", what=what)


def weights() -> Iterator[Finding]:
    """Every packaged file, whether it is the one that was released."""
    for line in CHECKSUMS.read_text().splitlines():
        expected, name = line.split()
        path = CHECKSUMS.with_name(name)
        if not path.is_file():
            yield Finding(topic="weights", what=f"{path} is missing", state="wrong", remedy=REINSTALL)
            continue
        found = file_digest(path)
        what = f"{path}, {path.stat().st_size / 1e6:.1f} MB, sha256 {found[:12]}"
        if found == expected:
            yield Finding(topic="weights", what=what)
        else:
            yield Finding(topic="weights", what=f"{what}, not {expected[:12]}", state="wrong", remedy=REINSTALL)


def networks() -> Iterator[Finding]:
    """Both packaged networks compute something finite."""
    import numpy as np

    from kfusion.inference.generator import load

    model = load(threads=1)
    silence = np.zeros(16_000, np.float32)
    model.generate(silence, allow_silence=True)
    stream = model.stream()
    stream.push(silence)
    stream.flush()
    yield Finding(topic="networks", what=f"{model.card.model_id} and {stream.model} answer")


def cpu() -> Iterator[Finding]:
    """Which instructions this CPU has, and which kernels run on it."""
    flags = _cpu_flags()
    named = ", ".join(name for name in INSTRUCTIONS if name in flags) or "not told by this system"
    yield Finding(topic="cpu", what=f"{platform.machine()}, {os.cpu_count()} cores; instructions: {named}")
    import onnxruntime

    yield Finding(topic="kernels", what=f"onnxruntime {onnxruntime.__version__}: {_products(flags)}")
    if all(util.find_spec(name) for name in ("torch", "jaxtyping")):
        import torch

        from kfusion.models.lstm import cpu_has_bfloat16_lstm

        half = "in bfloat16" if cpu_has_bfloat16_lstm() else "in float32"
        capability = torch.backends.cpu.get_cpu_capability()
        yield Finding(
            topic="kernels", what=f"torch {torch.__version__}: {capability}; mixed precision has LSTMs {half}"
        )


def _cpu_flags() -> set[str]:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return set()
    found = re.search(r"^(?:flags|Features)\s*:(.*)$", text, flags=re.MULTILINE)
    return set(found[1].split()) if found else set()


def _products(flags: set[str]) -> str:
    if flags & {"avx512_vnni", "avx_vnni", "asimddp", "i8mm", "amx_int8"}:
        return "8-bit products added up in 32 bits"
    if "avx2" in flags:
        return "8-bit products by way of 16 bits (AVX2, no VNNI): the same results, slower"
    return "8-bit products of its own choice"


def face_landmarker() -> Iterator[Finding]:
    """The face landmarker finds the face of the packaged portrait."""
    if util.find_spec("mediapipe") is None:
        remedy = "pass a landmark file, or use a platform that MediaPipe has a build for"
        yield Finding(topic="landmarker", what="no MediaPipe: pictures cannot be used", state="absent", remedy=remedy)
        return
    from kfusion.inference.identity import read_identity

    read_identity(assets.SAMPLE_PORTRAIT)
    yield Finding(topic="landmarker", what="finds the face of the packaged portrait")


def ffmpeg() -> Iterator[Finding]:
    """The FFmpeg inside PyAV, and the codecs that matter."""
    import av

    release = getattr(av, "ffmpeg_version_info", "unknown")
    libraries = ", ".join(f"{name} {'.'.join(map(str, parts))}" for name, parts in sorted(av.library_versions.items()))
    yield Finding(topic="ffmpeg", what=f"{release} inside PyAV {av.__version__} ({libraries})")
    missing = [name for name in DECODERS if not _has_codec(name, "r")] + [
        f"{name} (to write)" for name in ENCODERS if not _has_codec(name, "w")
    ]
    remedy = "pip install --force-reinstall --only-binary av av"
    if missing:
        yield Finding(topic="codecs", what=f"without {', '.join(missing)}", state="absent", remedy=remedy)
    else:
        yield Finding(topic="codecs", what=f"reads {', '.join(DECODERS)}; writes {', '.join(ENCODERS)}")


def _has_codec(name: str, mode: Literal["r", "w"]) -> bool:
    import av

    try:
        av.codec.Codec(name, mode)
    except Exception:  # noqa: BLE001  what PyAV raises for an unknown codec depends on its version
        return False
    return True


def places() -> Iterator[Finding]:
    """A temporary folder that can be written, and who would be told of it."""
    folder = Path(tempfile.gettempdir())
    with tempfile.TemporaryFile() as probe:
        probe.write(b"kfusion")
    room_mb = shutil.disk_usage(folder).free / 1e6
    what = f"{folder} can be written, {room_mb:,.0f} MB free"
    if room_mb < ROOM_MB:
        yield Finding(topic="temporary", what=what, state="wrong", remedy="free some space, or set TMPDIR")
    else:
        yield Finding(topic="temporary", what=what)
    from kfusion.inference import session  # noqa: F401  what switches telemetry off, if anything does

    if os.environ.get("ORT_DISABLE_TELEMETRY") == "1":
        yield Finding(topic="telemetry", what="onnxruntime's is off; kfusion has none and keeps no cache")
    else:
        remedy = "export ORT_DISABLE_TELEMETRY=1"
        yield Finding(topic="telemetry", what="onnxruntime's is on", state="wrong", remedy=remedy)


ALL: dict[str, Callable[[], Iterator[Finding]]] = {
    "packages": packages,
    "weights": weights,
    "networks": networks,
    "cpu": cpu,
    "landmarker": face_landmarker,
    "ffmpeg": ffmpeg,
    "temporary": places,
}
"""Topic -> what looks at it, in the order in which it is told."""
