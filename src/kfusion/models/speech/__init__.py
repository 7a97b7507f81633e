"""Speech encoders behind one interface: samples in, steps of features out."""

from pathlib import Path

from kfusion.errors import InputError
from kfusion.models.speech.encoder import SpeechEncoder

WHISPER = "whisper-tiny.en"
WHISPER_STREAM = "whisper-tiny.en-live"
"""On the command line and in checkpoints; the name `live` is older than the word stream for it."""
STREAMING = "streaming"
WAV2VEC2 = "wav2vec2"


def load_speech_encoder(name: str = WHISPER) -> SpeechEncoder:
    """The encoder called `name`.

    Args:
        name: `whisper-tiny.en` (packaged, works offline), `whisper-tiny.en-live` (the same for streams), or
            `whisper:FILE[:LAYERS]` (another Whisper, CTranslate2's `model.bin`, and the layers to read, `2,4`), or
            `streaming[:FILE]` (made for streams, packaged; or the weights in a file), or
            `wav2vec2:WHERE[:LAYER]` with a Hugging Face hub id or a local directory and an optional layer
            (default the last).

    Raises:
        InputError: the name is unknown.
        MissingWeightsError: the weights are not there; the message says what to download or pass.
    """
    kind, _, where = name.partition(":")
    if name in (WHISPER, WHISPER_STREAM):
        from kfusion.models.speech.streaming_whisper import StreamingWhisperEncoder
        from kfusion.models.speech.whisper import WhisperEncoder

        whisper = WhisperEncoder.packaged()
        return whisper if name == WHISPER else StreamingWhisperEncoder(whisper)
    if kind == "whisper" and where:
        from kfusion.models.speech.whisper import WhisperEncoder

        file, _, layers = where.rpartition(":")
        if file and all(layer.isdigit() for layer in layers.split(",")) and not Path(where).exists():
            return WhisperEncoder.from_file(Path(file), tuple(int(layer) for layer in layers.split(",")))
        return WhisperEncoder.from_file(Path(where))
    if kind == STREAMING:
        from kfusion.models.speech.streaming import StreamingEncoder

        return StreamingEncoder.load(Path(where)) if where else StreamingEncoder.load()
    if kind == WAV2VEC2 and where:
        from kfusion.models.speech.wav2vec2 import Wav2Vec2Encoder

        location, _, layer = where.rpartition(":")
        if location and layer.lstrip("-").isdigit() and not Path(where).exists():
            return Wav2Vec2Encoder(location, layer=int(layer))
        return Wav2Vec2Encoder(where)
    raise InputError(
        f"unknown speech encoder '{name}': use {WHISPER}, whisper:FILE[:LAYERS], {WHISPER_STREAM}, "
        f"{STREAMING}[:FILE] or {WAV2VEC2}:HUB_ID_OR_DIRECTORY[:LAYER]"
    )
