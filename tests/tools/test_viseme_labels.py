import numpy as np
from phones import ARPABET, Segment, parse_arpabet
from recognise import heard_words
from viseme_labels import VISEME_OF, grid_sentence, step_classes

from kfusion.motion.visemes import VISEMES


def test_the_name_of_a_grid_clip_is_its_sentence():
    assert grid_sentence("bbaf2n") == ["bin", "blue", "at", "f", "two", "now"]
    assert grid_sentence("swiz3s") == ["set", "white", "in", "zed", "three", "soon"]
    assert grid_sentence("lgbaza") == ["lay", "green", "by", "a(2)", "zero", "again"]


def test_every_phone_of_english_has_a_viseme():
    assert {VISEME_OF[phone] for name in ARPABET for phone in parse_arpabet(name)} == set(VISEMES)


def test_a_step_gets_what_is_said_at_its_middle():
    said = [
        Segment(start_s=0.0, end_s=0.1, phones=("sil",)),
        Segment(start_s=0.1, end_s=0.2, phones=("p",)),
        Segment(start_s=0.2, end_s=0.4, phones=("a", "ɪ")),
    ]
    names = [VISEMES[one] if one >= 0 else "-" for one in step_classes(said, 25, -1)]
    assert names == ["sil"] * 6 + ["PP"] * 5 + ["aa"] * 5 + ["I"] * 5 + ["-"] * 4


class Recogniser:
    """Hears two words."""

    decoder_tokens = ("<blank>", "<wb>", "h", "aɪ", "b")

    def transcribe_waveform(self, samples, rate):
        self.token_ids = [2, 3, 1, 1, 4]
        return self


def test_what_hama_hears_is_cut_at_the_ends_of_words():
    assert heard_words(Recogniser(), np.zeros(16_000, np.float32)) == [["h", "aɪ"], ["b"]]
