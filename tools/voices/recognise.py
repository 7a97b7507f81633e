"""When anybody says which phone: hama hears the phones, and pocketsphinx finds where each of them stands.

hama's network marks phones by single frames, so that it knows their order and not their ends; pocketsphinx aligns what
it heard as it would a transcript. Other languages come out in English phones, which is enough for the lips. A clip in
which either fails is left out.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from align import align_words, new_decoder
from phones import Segment

from kfusion.audio import SAMPLE_RATE_HZ, Samples
from kfusion.data.store import StoredClip
from kfusion.errors import MissingExtraError

log = logging.getLogger(__name__)

PIECE_S = 4.0
"""Heard of a clip: the network's memory grows with the square of it."""
_BOUNDARY = "<wb>"
_ARPABET = """
a:AA aɪ:AY aʊ:AW b:B d:D d͡ʒ:JH e:EH eə:EH eɪ:EY f:F g:G ɡ:G h:HH i:IY j:Y k:K kʰ:K k͈:K l:L m:M n:N o:AO oʊ:OW p:P pʰ:P
p͈:P r:R s:S s͈:S t:T tʰ:T t͈:T t͡ɕ:CH t͡ɕʰ:CH t͡ɕ͈:CH t͡ʃ:CH u:UW v:V w:W z:Z æ:AE ð:DH ŋ:NG ɐ:AH ɑ:AA ɒ:AA ɔ:AO ɔɪ:OY
ə:AH ɚ:ER ɛ:EH ɜ:ER ɝ:ER ɪ:IH ɫ:L ɯ:UH ɹ:R ɾ:D ʃ:SH ʊ:UH ʌ:AH ʒ:ZH θ:TH
"""
_ARPABET_OF = dict(pair.split(":") for pair in _ARPABET.split())
"""hama's names -> ARPAbet; a clip with another is left out."""


def heard_phones(clips: Iterable[StoredClip]) -> dict[str, list[Segment]]:
    """The phones in the first `PIECE_S` of every clip in which they were found, by clip id.

    Raises:
        MissingExtraError: hama or pocketsphinx is not installed.
    """
    try:
        from hama import ASRModel
    except ImportError as error:
        raise MissingExtraError("labelling speech", "", "pip install hama==1.7.0") from error
    model, decoder, found, clips = ASRModel(), new_decoder(), dict[str, list[Segment]](), list(clips)
    for clip in clips:
        samples = clip.samples()[: int(PIECE_S * SAMPLE_RATE_HZ)]
        segments = _align_heard(decoder, samples, heard_words(model, samples))
        if segments:
            found[clip.clip_id] = segments
    log.info("found the phones of %d of %d clips", len(found), len(clips))
    return found


def heard_words(model: Any, samples: Samples) -> list[list[str]]:
    """The words that hama hears, each as its own names of phones."""
    tokens = [model.decoder_tokens[token] for token in model.transcribe_waveform(samples, SAMPLE_RATE_HZ).token_ids]
    words: list[list[str]] = [[]]
    for token in tokens:
        if token == _BOUNDARY:
            words.append([])
        else:
            words[-1].append(token)
    return [word for word in words if word]


def _align_heard(decoder: Any, samples: Samples, words: Sequence[Sequence[str]]) -> list[Segment]:
    """Where the phones stand; none where a phone is unknown, or pocketsphinx finds no path."""
    if not words or any(phone not in _ARPABET_OF for word in words for phone in word):
        return []
    spellings = [" ".join(_ARPABET_OF[phone] for phone in word) for word in words]
    for spelling in spellings:
        name = spelling.replace(" ", "_")
        if decoder.lookup_word(name) is None:
            decoder.add_word(name, spelling, True)
    return align_words(decoder, samples, [spelling.replace(" ", "_") for spelling in spellings])
