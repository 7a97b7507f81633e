"""Phones, in IPA or ARPAbet, as what the mouth does: articulatory features, and tracks of them over time."""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kfusion.errors import InputError

TRACK_HZ = 100
SILENCE = "sil"
MIN_PAUSE_S = 0.1
"""A shorter silence between two phones is no pause: the lips go straight from one to the other."""
FEATURES = (
    *("sil", "vowel", "open", "round", "front", "back"),
    *("bilabial", "labiodental", "dental", "alveolar", "postalveolar", "velar", "glottal"),
    *("stop", "fricative", "nasal", "liquid", "rhotic", "glide", "voiced"),
)

Track = NDArray[np.float32]
"""Features over time, (steps, features), 100 Hz."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """A stretch of speech."""

    start_s: float
    end_s: float
    phones: tuple[str, ...]
    """Keys of `PHONES`, one after the other, equally long: a diphthong has two."""


def _vowel(open_: float, round_: float = 0, front: float = 0, back: float = 0, rhotic: float = 0) -> dict[str, float]:
    shape = {"open": open_, "round": round_, "front": front, "back": back, "rhotic": rhotic}
    return {"vowel": 1, "voiced": 1, **shape}


def _consonants(place: str, manner: str, voiceless: str = "", voiced: str = "") -> dict[str, dict[str, float]]:
    shape = {place: 1.0, manner: 1.0}
    return {**dict.fromkeys(voiceless, shape), **{phone: {**shape, "voiced": 1.0} for phone in voiced}}


_SHIBILANT = {"postalveolar": 1, "fricative": 1, "round": 0.5}
_VOWELS = {
    "i": _vowel(0.15, front=1),
    "ɪ": _vowel(0.3, front=0.8),
    "e": _vowel(0.45, front=1),
    "ɛ": _vowel(0.6, front=0.8),
    "æ": _vowel(0.85, front=0.8),
    "a": _vowel(1, front=0.3),
    "ɑ": _vowel(1, back=0.8),
    "ɒ": _vowel(0.9, 0.4, back=0.9),
    "ɔ": _vowel(0.7, 0.7, back=0.9),
    "o": _vowel(0.5, 0.9, back=0.9),
    "ʊ": _vowel(0.3, 0.7, back=0.8),
    "u": _vowel(0.15, 1, back=0.9),
    "ʌ": _vowel(0.7, back=0.4),
    "ə": _vowel(0.4),
    "ɐ": _vowel(0.75),
    "ɜ": _vowel(0.5, 0.2, rhotic=0.5),
    "ɚ": _vowel(0.4, 0.3, rhotic=1),
    "y": _vowel(0.15, 1, front=1),
    "ø": _vowel(0.45, 0.9, front=0.8),
    "œ": _vowel(0.6, 0.8, front=0.8),
    "ɨ": _vowel(0.2),
    "ɯ": _vowel(0.2, 0.2, back=0.9),
    "ɤ": _vowel(0.5, back=0.9),
    "ᵻ": _vowel(0.25, front=0.5),
    "ɵ": _vowel(0.4, 0.7),
    "ʉ": _vowel(0.15, 0.9),
}
_CONSONANTS: dict[str, dict[str, float]] = {
    **_consonants("bilabial", "stop", "p", "b"),
    "m": {"bilabial": 1, "nasal": 1, "stop": 0.5, "voiced": 1},
    "ɸ": {"bilabial": 0.5, "fricative": 1},
    "β": {"bilabial": 0.5, "fricative": 1, "voiced": 1},
    **_consonants("labiodental", "fricative", "f", "v"),
    **_consonants("labiodental", "glide", voiced="ʋ"),
    **_consonants("dental", "fricative", "θ", "ð"),
    **_consonants("alveolar", "stop", "t", "d"),
    **_consonants("alveolar", "nasal", voiced="n"),
    **_consonants("alveolar", "fricative", "s", "z"),
    **_consonants("alveolar", "liquid", voiced="l"),
    **_consonants("alveolar", "rhotic", voiced="ɾr"),
    "ts": {"alveolar": 1, "stop": 0.5, "fricative": 1},
    "dz": {"alveolar": 1, "stop": 0.5, "fricative": 1, "voiced": 1},
    "ɹ": {"postalveolar": 0.5, "rhotic": 1, "round": 0.5, "voiced": 1},
    "ʃ": _SHIBILANT,
    "ʒ": {**_SHIBILANT, "voiced": 1},
    "tʃ": {**_SHIBILANT, "stop": 0.5},
    "dʒ": {**_SHIBILANT, "stop": 0.5, "voiced": 1},
    "ɕ": {**_SHIBILANT, "round": 0.2},
    "ʑ": {**_SHIBILANT, "round": 0.2, "voiced": 1},
    "tɕ": {**_SHIBILANT, "round": 0.2, "stop": 0.5},
    "dʑ": {**_SHIBILANT, "round": 0.2, "stop": 0.5, "voiced": 1},
    **_consonants("postalveolar", "nasal", voiced="ɲ"),
    **_consonants("postalveolar", "liquid", voiced="ʎ"),
    **_consonants("velar", "stop", "kqc", "ɡɟ"),
    **_consonants("velar", "nasal", voiced="ŋ"),
    **_consonants("velar", "fricative", "xχç", "ɣʁ"),
    **_consonants("glottal", "fricative", "hħ", "ɦʕ"),
    **_consonants("glottal", "stop", "ʔ"),
    "w": {"glide": 1, "round": 1, "bilabial": 0.3, "back": 0.8, "voiced": 1},
    "j": {"glide": 1, "front": 1, "open": 0.1, "voiced": 1},
    "ɥ": {"glide": 1, "front": 1, "round": 1, "voiced": 1},
    "ɰ": {"glide": 1, "back": 0.8, "voiced": 1},
}


def _vector(shape: dict[str, float]) -> NDArray[np.float32]:
    assert shape.keys() <= set(FEATURES)
    return np.array([shape.get(name, 0) for name in FEATURES], np.float32)


PHONES = {name: _vector(shape) for name, shape in {SILENCE: {SILENCE: 1.0}, **_VOWELS, **_CONSONANTS}.items()}
"""The features (features,) of every phone by its IPA name."""

_SAME_LIPS = {
    **dict(zip("gɫɬʏʈɖʂʐɳɭɽɻʀʝᵊɝɱʍɴɺʟ", "ɡllytdʃʒnlɾɹʁjəɚmwŋlɡ", strict=True)),
    **dict(zip("ʧʤʦʣʨʥ", ("tʃ", "dʒ", "ts", "dz", "tɕ", "dʑ"), strict=True)),
}
"""Symbols that are written otherwise, or differ where no lip shows it."""
_MODIFIERS = frozenset("ˈˌːˑ:ʲʰʷˠˤⁿ˞'\"-_. \u200d\u200c")
"""Stress, length, aspiration and the like, and espeak-ng's own marks: they go with a phone and are none."""

_ARPABET_IPA = """
AA ɑ AE æ AH ʌ AO ɔ AW aʊ AX ə AXR ɚ AY aɪ B b CH tʃ D d DH ð DX ɾ EH ɛ EL əl EM əm EN ən ER ɚ EY eɪ F f G ɡ HH h HV ɦ
IH ɪ IX ɨ IY i JH dʒ K k L l M m N n NG ŋ NX n OW oʊ OY ɔɪ P p Q ʔ R ɹ S s SH ʃ T t TH θ UH ʊ UW u UX ʉ V v W w Y j
Z z ZH ʒ
"""
_ARPABET = dict(zip(_ARPABET_IPA.split()[::2], _ARPABET_IPA.split()[1::2], strict=True))
_SILENT_ARPABET = frozenset({"SIL", "PAU", "H#", "BRTH", "SSIL", "+SPN+", "+NSN+"})
ARPABET = sorted(_ARPABET)


def parse_ipa(text: str) -> tuple[str, ...]:
    """The phones (keys of `PHONES`) of a word or of a phone, without stress, length and other marks.

    Raises:
        InputError: a symbol is not known.
    """
    plain = "".join(_SAME_LIPS.get(symbol, symbol) for symbol in _bases(text))
    phones, place = [], 0
    while place < len(plain):
        phone = next((plain[place : place + size] for size in (2, 1) if plain[place : place + size] in PHONES), None)
        if phone is None:
            raise InputError(f"unknown IPA symbol {plain[place]!r} in {text!r}: add it to tools/voices/phones.py")
        phones.append(phone)
        place += len(phone)
    return tuple(phones)


def _bases(text: str) -> Iterator[str]:
    """The symbols without marks; `ç` alone has its cedilla in its meaning."""
    for letter in unicodedata.normalize("NFC", text):
        symbols = letter if letter == "ç" else unicodedata.normalize("NFD", letter)
        yield from (symbol for symbol in symbols if symbol not in _MODIFIERS and not unicodedata.combining(symbol))


def parse_arpabet(name: str) -> tuple[str, ...]:
    """The phones of an ARPAbet name such as `AY`, `ih`, `er0` or `pau`.

    Raises:
        InputError: the name is not known.
    """
    plain = name.upper().rstrip("012")
    if plain in _SILENT_ARPABET:
        return (SILENCE,)
    if plain not in _ARPABET:
        raise InputError(f"unknown ARPAbet phone {name!r}: add it to tools/voices/phones.py")
    return parse_ipa(_ARPABET[plain])


def is_silent(segment: Segment) -> bool:
    """Whether nothing is said."""
    return segment.phones == (SILENCE,)


def close_gaps(segments: Iterable[Segment]) -> list[Segment]:
    """Segments in which each of two phones takes half of a silence shorter than `MIN_PAUSE_S` between them.

    Equal silences in a row are first made one.
    """
    joined: list[Segment] = []
    for segment in segments:
        if joined and is_silent(segment) and is_silent(joined[-1]):
            joined[-1] = replace(joined[-1], end_s=segment.end_s)
        elif segment.end_s > segment.start_s:
            joined.append(segment)
    closed = joined[:1]
    for index, segment in enumerate(joined[1:], 1):
        before = closed[-1]
        if is_silent(before) and index > 1 and before.end_s - before.start_s < MIN_PAUSE_S:
            middle_s = (before.start_s + before.end_s) / 2
            closed[-2:] = [replace(closed[-2], end_s=middle_s), replace(segment, start_s=middle_s)]
        else:
            closed.append(segment)
    return closed


def shifted(segments: Iterable[Segment], by_s: float) -> list[Segment]:
    """Segments that much later."""
    return [replace(part, start_s=part.start_s + by_s, end_s=part.end_s + by_s) for part in segments]


def track(segments: Iterable[Segment], steps: int) -> Track:
    """What is said over time, (steps, features): step n is the mean over n / 100 s to (n + 1) / 100 s.

    Where no segment stands there is silence. The mean, not a sample: a 5 ms closure of the lips must not fall
    between two steps.
    """
    values = np.zeros((steps, len(FEATURES)), np.float32)
    unsaid = np.ones(steps, np.float32)
    from_s = np.arange(steps) / TRACK_HZ
    for segment in segments:
        edges = np.linspace(segment.start_s, segment.end_s, len(segment.phones) + 1)
        for phone, start_s, end_s in zip(segment.phones, edges[:-1], edges[1:], strict=True):
            covered_s = np.minimum(end_s, from_s + 1 / TRACK_HZ) - np.maximum(start_s, from_s)
            share = np.clip(covered_s * TRACK_HZ, 0, 1).astype(np.float32)
            values += share[:, None] * PHONES[phone]
            unsaid -= share
    values += unsaid.clip(0)[:, None] * PHONES[SILENCE]
    return values
