"""Who speaks: faces, each read once by a process however many recordings name it."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kfusion.batch.addresses import StoreError, called, opened_file
from kfusion.batch.item_notes import heard_notes
from kfusion.errors import InputError
from kfusion.inference.identity import Identity, read_identity

if TYPE_CHECKING:
    from kfusion.landmarks import Points
    from kfusion.picture.sitter import Sitter

MOST_FACES = 4096
"""That are remembered, 544 bytes each."""
MOST_PORTRAITS = 16
"""Likewise where their pictures are too."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """A face that is to speak."""

    identity: Identity
    rest: "Points | None"
    """Its face in silence, where a format needs one."""
    sitter: "Sitter | None"
    """Its portrait, where a film shows it."""
    notes: tuple[str, ...]
    """What was to say about it."""


class Speakers:
    """The faces that were read last.

    Args:
        base: the folder of the manifest.
        rest_of: gives the resting face of an identity, or None where none is needed.
        seat_of: gives the sitter of the portrait in a file, where films show it.
    """

    def __init__(
        self,
        base: str,
        rest_of: "Callable[[Identity], Points | None]",
        seat_of: "Callable[[Identity, Path | None], Sitter] | None" = None,
    ) -> None:
        self._base, self._rest_of, self._seat_of = base, rest_of, seat_of
        self._most = MOST_FACES if seat_of is None else MOST_PORTRAITS
        self._known: OrderedDict[str | None, Speaker | InputError] = OrderedDict()

    def of(self, face: str | None, work: Path) -> Speaker:
        """The speaker of a face as a manifest names it; None for the mean face.

        Args:
            face: the name.
            work: a folder for files from stores.

        Raises:
            InputError: the face cannot be used.
            StoreError: its store did not answer, which is not remembered.
        """
        if face in self._known:
            self._known.move_to_end(face)
        else:
            self._known[face] = self._read(face, work)
            if len(self._known) > self._most:
                self._known.popitem(last=False)
        known = self._known[face]
        if isinstance(known, InputError):
            raise InputError(str(known))
        return known

    def _read(self, face: str | None, work: Path) -> Speaker | InputError:
        path = None
        try:
            path = None if face is None else opened_file(face, self._base, work, "face")
            with heard_notes() as notes:
                identity = read_identity(path, from_video=True)
                sitter = None if self._seat_of is None else self._seat_of(identity, path)
                identity = replace(identity, portrait=None)
                rest = self._rest_of(identity)
        except StoreError:
            raise
        except InputError as error:
            return InputError(_told(str(error), path, face))
        return Speaker(identity, rest, sitter, tuple(_told(note, path, face) for note in notes))


def _told(text: str, path: Path | None, face: str | None) -> str:
    return text if path is None or face is None else called(text, path, face)
