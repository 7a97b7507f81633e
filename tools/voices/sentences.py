"""What the synthetic voices say: verses, GRID's commands, words of eight languages, and words of no language.

Arabic is not among the languages: it is the language that models are tested on without having heard it.
"""

import re
import shutil
import subprocess
from functools import cache

import numpy as np
from speak import IPA, Espeak, Flite, Kokoro, Line

from kfusion.errors import MissingExtraError

VERSE_LETTERS = (25, 75)
"""A clause of so many letters takes 2 to 6 s."""
_GRID = (
    ("bin", "lay", "place", "set"),
    ("blue", "green", "red", "white"),
    ("at", "by", "in", "with"),
    tuple("abcdefghijklmnopqrstuvxyz"),
    ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    ("again", "now", "please", "soon"),
)
ENGLISH = ("en-us", "en", "en-gb-scotland")
"""Of America, of England (espeak-ng's library knows no `en-gb`) and of Scotland."""
WORDS = {
    "de": "der Mann geht morgen über die Straße und kauft frische Brötchen beim Bäcker weil seine Frau müde ist schöne "
    "Bücher liest Wasser Fenster sprechen möglich viele Kinder spielen Fußball wichtig Zeitung",
    "es": "el hombre camina por la calle y compra pan fresco porque su mujer está cansada pero feliz jugar ciudad "
    "gobierno mañana viejo libro cuando nosotros hablamos mucho trabajo lluvia guerra",
    "fr": "le bonjour monsieur vous voulez une petite maison rouge avec beaucoup de fleurs devant la fenêtre peuple "
    "nuit heureux chanson vingt jamais gouvernement jeune homme parler demain bleu",
    "it": "buongiorno signora vorrei un bicchiere di acqua fredda perché fa molto caldo oggi pomeriggio ragazzo gioca "
    "pallone famiglia bello scuola giorno macchina nuova",
    "ru": "добрый день сегодня хорошая погода мы пойдём в большой парк жизнь человек работа школа вода земля книга "
    "очень много людей говорить правда",
    "tr": "günaydın bugün hava çok güzel büyük şehir kitap okumak istiyorum arkadaş çocuk yüzük öğretmen bahçe mavi "
    "pencere",
    "pl": "dzień dobry dzisiaj jest piękna pogoda człowiek szkoła woda książka bardzo dużo ludzi mówić prawda chleb "
    "żona",
    "pt": "bom dia hoje o tempo está muito bonito homem mulher água livro coração não trabalho cidade grande jogo "
    "falar",
}
"""Words of each language (espeak-ng's code)."""
LANGUAGE_WORDS = 7
_ONSETS = (
    "p 1.5 b 2 m 2.5 f 1.3 v 1.2 t 1.5 d 1.5 s 1.5 z 1 n 2 l 2 r 1.5 k 1.5 ɡ 1 ʃ 1.2 ʒ 0.4 tʃ 0.6 x 0.8 h 1 j 1 w 1.2 "
    "ð 0.6 θ 0.6 ɹ 1 ŋ 0.5 q 0.5 ʁ 0.6"
)
_NUCLEI = "a 3 i 2.5 u 2 e 1.5 o 1.5 ɛ 1 ɔ 1 ə 1.5 ɪ 1 ʊ 0.7 æ 1 ʌ 1 ɑ 1 y 0.4 ø 0.4"
"""How often each is drawn: lips and open vowels more often than any language has them."""


@cache
def verses() -> list[str]:
    """Clauses of the King James Bible, letters, commas and apostrophes alone.

    Raises:
        MissingExtraError: the program `bible` is not installed.
    """
    if shutil.which("bible") is None:
        raise MissingExtraError("the text of the Bible", "", "apt install bible-kjv")
    printed = subprocess.run(["bible", "-f", "Ge1:1-Re22:21"], capture_output=True, text=True, check=True).stdout
    return clauses(printed)


def clauses(printed: str) -> list[str]:
    """The clauses of verses, each on a line after its place (`Ge1:1 In the beginning ...`)."""
    lines = (line.partition(" ")[2] for line in printed.splitlines())
    parts = (re.sub(r"[^A-Za-z ,']", "", part).strip(" ,") for line in lines for part in re.split(r"[;:.?!]", line))
    return [part for part in parts if VERSE_LETTERS[0] <= len(part) <= VERSE_LETTERS[1]]


def grid_command(random: np.random.Generator) -> str:
    """A sentence after GRID's grammar."""
    return " ".join(str(random.choice(words)) for words in _GRID)


def foreign_words(random: np.random.Generator, language: str) -> str:
    """Words of a language in no order."""
    return " ".join(random.choice(WORDS[language].split(), LANGUAGE_WORDS, replace=False))


def pseudo_words(random: np.random.Generator) -> str:
    """Four to seven words of no language, in IPA with `_` between phones, one syllable of each stressed."""
    return " ".join(_pseudo_word(random) for _ in range(random.integers(4, 8))) + "."


def _pseudo_word(random: np.random.Generator) -> str:
    stressed, phones = random.integers(2), []
    for syllable in range(random.integers(1, 4)):
        phones.append(_draw(_ONSETS, random))
        mark, length = "ˈ" if syllable == stressed else "", "ː" if random.random() < 0.25 else ""
        phones.append(mark + _draw(_NUCLEI, random) + length)
        if random.random() < 0.4:
            phones.append(_draw(_ONSETS, random))
    return "_".join(phones)


def _draw(table: str, random: np.random.Generator) -> str:
    phones, weights = table.split()[::2], np.array(table.split()[1::2], float)
    return str(random.choice(phones, p=weights / weights.sum()))


def draw_line(synthesiser: str, verse: str, random: np.random.Generator) -> Line:
    """What one clip says, and how: `verse`, or something else."""
    return {Flite.name: _flite_line, Espeak.name: _espeak_line, Kokoro.name: _kokoro_line}[synthesiser](verse, random)


def _flite_line(verse: str, random: np.random.Generator) -> Line:
    text = verse if random.random() < 0.75 else grid_command(random)
    return Line(text=text, voice=str(random.choice(Flite.voices)), speed=float(random.uniform(0.8, 1.25)))


def _espeak_line(verse: str, random: np.random.Generator) -> Line:
    english = random.random() < 0.5
    language = str(random.choice(ENGLISH if english else list(WORDS)))
    return Line(
        text=verse if english else foreign_words(random, language),
        voice=str(random.choice(Espeak.voices)),
        language=language,
        speed=float(random.uniform(0.81, 1.19)),
        pitch=int(random.integers(30, 75)),
    )


def _kokoro_line(verse: str, random: np.random.Generator) -> Line:
    kind = random.random()
    language = IPA if kind < 0.25 else str(random.choice(ENGLISH[:2]))
    text = pseudo_words(random) if kind < 0.25 else grid_command(random) if kind < 0.375 else verse
    speed = float(random.uniform(0.85, 1.3))
    if random.random() < 1 / 3:
        blend = tuple(float(share) for share in random.dirichlet(np.full(len(Kokoro.voices), 0.6)))
        return Line(text=text, voice="mixed", language=language, speed=speed, blend=blend)
    return Line(text=text, voice=str(random.choice(Kokoro.voices)), language=language, speed=speed)
