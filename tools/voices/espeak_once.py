"""One sentence of espeak-ng with its phone events, in a process of its own.

Usage: python espeak_once.py VOICE WORDS_PER_MINUTE PITCH TEXT

To stdout: a line of JSON, {"rate_hz": ..., "phones": [[start_s, IPA], ...]}, then 16-bit mono samples. Why a process:
what the library said before changes what it says next (a pause by 42 ms, the phase of the voice always), so that a
resumed run would differ; and its espeak_Terminate can hang. Standard library alone: it starts in 50 ms.
"""

import ctypes
import json
import sys
from typing import Any

LIBRARY = "libespeak-ng.so.1"
_SYNCHRONOUS, _PHONE_EVENTS, _EVENTS_IN_IPA, _UTF8 = 2, 1, 2, 1
_RATE, _PITCH = 1, 3
_LIST_END, _PHONE = 0, 7
UNKNOWN_VOICE = 3
"""The exit code where there is no such voice."""


class Event(ctypes.Structure):
    """`espeak_EVENT` of speak_lib.h; the union at its end as text."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("text", ctypes.c_char * 8),
    )


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(Event))


def main() -> int:
    """Say it, print it."""
    voice, rate, pitch, text = sys.argv[1:]
    library = ctypes.CDLL(LIBRARY)
    rate_hz = library.espeak_Initialize(_SYNCHRONOUS, 200, None, _PHONE_EVENTS | _EVENTS_IN_IPA)
    sound = bytearray()
    phones: list[tuple[float, str]] = []

    def hear(wave: Any, count: int, events: Any) -> int:
        sound.extend(ctypes.string_at(wave, 2 * count) if wave and count > 0 else b"")
        index = 0
        while events[index].type != _LIST_END:
            if events[index].type == _PHONE:
                phones.append((events[index].sample / rate_hz, events[index].text.decode(errors="ignore")))
            index += 1
        return 0

    callback = _CALLBACK(hear)
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(voice.encode()) != 0:
        return UNKNOWN_VOICE
    library.espeak_SetParameter(_RATE, int(rate), 0)
    library.espeak_SetParameter(_PITCH, int(pitch), 0)
    content = text.encode()
    library.espeak_Synth(content, len(content) + 1, 0, 0, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    sys.stdout.buffer.write(json.dumps({"rate_hz": rate_hz, "phones": phones}).encode() + b"\n" + bytes(sound))
    return 0


if __name__ == "__main__":
    sys.exit(main())
