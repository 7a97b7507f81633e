"""The corpora that `kfusion prepare` reads, by name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kfusion.data.clip import EMOTION, SENTENCES, SPEAKERS, Clip
from kfusion.data.cremad import cremad_listing, read_cremad
from kfusion.data.facegood import read_facegood
from kfusion.data.folder import read_folder
from kfusion.data.grid import read_grid
from kfusion.data.lrwar import read_lrwar
from kfusion.data.mead import mead_listing, read_mead
from kfusion.data.ravdess import read_ravdess
from kfusion.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class CorpusRequest:
    """What to read."""

    source: Path
    """The corpus's folder."""
    listing: Path | None = None
    """A CSV of the clips: for `folder` alone."""
    protocol: str | None = None
    """How the test split is cut off, see `SPLIT_PROTOCOLS`; None: in the corpus's own way."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Corpus:
    """A corpus's reader and what may be asked of it."""

    read: Callable[[CorpusRequest, str], list[Clip]]
    """Asked for with the protocol."""
    summary: str
    takes_listing: bool = False
    protocols: tuple[str, ...] = (SPEAKERS,)
    """The first is taken where nothing is asked for."""
    listing: Callable[[CorpusRequest, str], tuple[list[Clip], list[str]]] | None = None
    """The same with what is there of the corpus and what is not, where its whole size is known."""


CORPORA = {
    "grid": Corpus(read=lambda request, _: read_grid(request.source), summary="GRID: s1/, s2/, ..., unseen/"),
    "lrwar": Corpus(read=lambda request, _: read_lrwar(request.source), summary="clips.csv and clips/"),
    "folder": Corpus(
        read=lambda request, _: read_folder(request.source, request.listing),
        summary="any folder of talking videos, with --csv if wished",
        takes_listing=True,
    ),
    "mead": Corpus(
        read=lambda request, protocol: read_mead(request.source, protocol),
        listing=lambda request, protocol: mead_listing(request.source, protocol),
        summary="MEAD: M003/video.tar and M003/audio.tar, or M003/video/front/angry/level_1/001.mp4 and M003/audio/...",
        protocols=(SPEAKERS, SENTENCES),
    ),
    "cremad": Corpus(
        read=lambda request, _: read_cremad(request.source),
        listing=lambda request, _: cremad_listing(request.source),
        summary="CREMA-D: VideoFlash/ and AudioWAV/",
    ),
    "ravdess": Corpus(
        read=lambda request, protocol: read_ravdess(request.source, protocol),
        summary="RAVDESS as landmarks: landmarks/05-01-01-01-01.npz and sound/",
        protocols=(SPEAKERS, EMOTION),
    ),
    "facegood": Corpus(
        read=lambda request, _: read_facegood(request.source),
        summary="FACEGOOD-Audio2Face as landmarks: landmarks/ and sound/",
        protocols=(SENTENCES,),
    ),
}


def read_corpus(name: str, request: CorpusRequest) -> list[Clip]:
    """The clips of the corpus `name`.

    Raises:
        InputError: the corpus is unknown or not in that folder, or cannot be read as asked.
    """
    corpus, protocol = _asked(name, request)
    return corpus.read(request, protocol)


def read_listing_of(name: str, request: CorpusRequest) -> tuple[list[Clip], list[str]]:
    """The clips of the corpus `name`, and what is there of it and what is not, in lines.

    Raises:
        InputError: see `read_corpus`.
    """
    corpus, protocol = _asked(name, request)
    if corpus.listing is None:
        return corpus.read(request, protocol), []
    return corpus.listing(request, protocol)


def _asked(name: str, request: CorpusRequest) -> tuple[Corpus, str]:
    corpus = CORPORA.get(name)
    if corpus is None:
        raise InputError(f"unknown corpus '{name}': use {', '.join(CORPORA)}")
    if request.listing is not None and not corpus.takes_listing:
        raise InputError(f"{name} takes no listing ({request.listing}): its own layout names the clips")
    protocol = protocol_of(name, request.protocol)
    if protocol not in corpus.protocols:
        raise InputError(f"{name} has no protocol '{protocol}': use {', '.join(corpus.protocols)}")
    return corpus, protocol


def protocol_of(name: str, asked: str | None) -> str:
    """The protocol that the corpus `name` is split by: its own where none is asked for."""
    corpus = CORPORA.get(name)
    return asked or (corpus.protocols[0] if corpus else SPEAKERS)
