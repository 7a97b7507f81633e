"""The last step of a preparation: clips that are extracted become a data set, whoever extracted them and where."""

import logging
from dataclasses import dataclass
from pathlib import Path

from kfusion.data.clip import Clip
from kfusion.data.parts import ClipPlace, places_in_data, remove_parts, set_aside, write_data
from kfusion.data.records import Failures, Oddities, is_recorded, write_records
from kfusion.data.sound_clocks import SyncRule, find_clocks
from kfusion.errors import InputError

log = logging.getLogger(__name__)

MAX_FAILED_SHARE = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class Preparation:
    """How a preparation ended."""

    clips: int
    failed: int
    noted: int = 0
    """Of the clips, those with something odd, which stands in `notes.csv`."""

    @property
    def failed_too_many(self) -> bool:
        """Whether more than 5 % of the clips failed."""
        return self.failed > MAX_FAILED_SHARE * (self.clips + self.failed)


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSet:
    """What a data set is to hold."""

    kept: list[Clip]
    """In their order."""
    places: dict[str, ClipPlace]
    """Where each stands, by its id."""
    failures: Failures
    """Of the other clips."""
    protocol: str
    """How it is split."""
    census: tuple[str, ...] = ()
    """What is there of the corpus, for the data card."""

    def write(self, out: Path, sync: SyncRule, *, may_be_empty: bool = False) -> Preparation:
        """Write it with its sound moved as `sync` says; one that is there already is not touched.

        Raises:
            InputError: there is no clip, or a prepared one is damaged.
            OutputError: `out` cannot be written.
        """
        if not self.kept and not may_be_empty:
            reason = next(iter(self.failures.values()), "no clips")
            raise InputError(f"none of {len(self.failures)} clips could be prepared: {reason}")
        stored, oddities = places_in_data(out), self._oddities()
        changed = not self._is_there(stored) or not sync.holds_for(stored.values())
        if changed:
            self._leave_out(stored, out)
            write_data(self.kept, self.places, find_clocks(self.kept, self.places, sync), out)
        if changed or (out / "parts").exists() or not is_recorded(out, self.kept, self.failures, oddities):
            write_records(out, self.kept, self.failures, oddities, protocol=self.protocol, census=self.census)
            remove_parts(self.kept, out)
        return Preparation(clips=len(self.kept), failed=len(self.failures), noted=len(oddities))

    def _oddities(self) -> Oddities:
        notes = {clip.clip_id: self.places[clip.clip_id].row.get("notes") for clip in self.kept}
        return {clip_id: found for clip_id, found in notes.items() if found}

    def _is_there(self, stored: dict[str, ClipPlace]) -> bool:
        return len(stored) == len(self.kept) and all(
            self.places[clip.clip_id].is_up_to_date(clip) for clip in self.kept
        )

    def _leave_out(self, stored: dict[str, ClipPlace], out: Path) -> None:
        """Keep clips of the former data set that are not wanted as parts."""
        wanted = {clip.clip_id for clip in self.kept}
        dropped = [place for clip_id, place in stored.items() if clip_id not in wanted]
        if dropped:
            log.warning(
                "%s: %d clips of an earlier run are not asked for now: they leave the data set and are kept in %s",
                out,
                len(dropped),
                out / "parts",
            )
        set_aside(dropped, out)
