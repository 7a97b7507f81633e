"""How well `kfusion sync` finds a known shift, and how often it says that it cannot tell.

Usage: python benchmarks/sync.py PREPARED [CLIPS ...]

PREPARED is GRID as `kfusion prepare grid` makes it with `--sync off`; its clock is right in the mean over clips. Shifts
from -300 to +300 ms are put into its sound: into single clips of 3 s, and into 10 s of several clips of one speaker.
Scored are the validation clips of s1, the voice of the default weights, and speakers that they have not heard. Columns:
the share of which it is told; of those the median error against the shift that was put in, and against what was found
without a shift, which leaves out how the clip itself was cut; the share of errors above 80 ms; the share of intervals
that hold the shift; and the lateness without a shift, the median of the clips and all of them together. Last the share
that is told, wrongly, where the sound is that of another clip of the same set.

CLIPS are folders of other talking videos: for these there is no truth, and what is found is printed clip by clip.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kfusion.audio import SAMPLE_RATE_HZ, Samples
from kfusion.data.clip import videos_below
from kfusion.data.lateness import GRID_HZ, Evidence, Lateness, compare, estimate, mouth_motion, pooled
from kfusion.data.store import ClipStore, StoredClip
from kfusion.face import FaceFinder
from kfusion.inference.generator import load
from kfusion.inference.sync import Listener, video_lateness
from kfusion.landmarks import Points

SHIFTS_MS = (-300, -120, 50, 300)
LONG_S, CLIPS_OF_A_LONG = 10.0, 4
LONG_ONES = 12
GROSS_MS = 80.0


@dataclass(frozen=True, slots=True)
class Talk:
    """What a recording shows and sounds like."""

    times_s: np.ndarray
    faces: Points
    """(T, 68, 2), crop pixels."""
    samples: Samples

    @classmethod
    def read(cls, clip: StoredClip) -> "Talk":
        """A prepared clip."""
        faces = clip.landmarks()
        return cls(np.arange(len(faces)) / 30, faces, clip.samples())

    @classmethod
    def joined(cls, talks: Sequence["Talk"], until_s: float) -> "Talk":
        """One after the other, cut off."""
        starts_s = np.cumsum([0.0, *(len(talk.samples) / SAMPLE_RATE_HZ for talk in talks)])
        times_s = np.concatenate([talk.times_s + start_s for talk, start_s in zip(talks, starts_s, strict=False)])
        samples = np.concatenate([talk.samples for talk in talks])[: round(until_s * SAMPLE_RATE_HZ)]
        kept = times_s < until_s
        return cls(times_s[kept], np.concatenate([talk.faces for talk in talks])[kept], samples)

    def evidence(self, listen: Listener, late_ms: float = 0.0, samples: Samples | None = None) -> Evidence:
        """With its own sound or another, so much later."""
        count = round(abs(late_ms) * SAMPLE_RATE_HZ / 1000)
        sound, silence = self.samples if samples is None else samples, np.zeros(count, np.float32)
        cut = sound[: len(sound) - count] if late_ms > 0 else sound[count:]
        moved = np.concatenate([silence, cut] if late_ms > 0 else [cut, silence])
        seen = mouth_motion(self.faces, self.times_s, int(self.times_s[-1] * GRID_HZ) + 1)
        return compare(listen(moved), seen)


def main() -> None:
    """Print the tables."""
    store, listen = ClipStore(sys.argv[1]), Listener(1)
    heard, strangers = store.split("val"), store.split("test")
    sets = {"s1, validation": heard}
    sets |= {f"{name}, not heard": [clip for clip in strangers if clip.speaker == name] for name in ("s26", "s31")}
    sets["9 others, a clip each"] = [clip for clip in strangers if clip.speaker.startswith("unseen/")]
    talks = {name: [Talk.read(clip) for clip in clips] for name, clips in sets.items()}
    of_ten = {name: list(long_talks(short)) for name, short in talks.items()}
    print("| clips | seconds | told | error, ms | without the clip's own | gross | held | unshifted, ms | together |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in talks:
        print_row(name, "3", talks[name], listen)
        print_row(name, "10", of_ten[name], listen)
    print("\n| sound of another clip | told at 3 s | at 10 s |\n|---|---|---|")
    for name in talks:
        shares = (told_of_another(ones, listen) for ones in (talks[name], of_ten[name]))
        print(f"| {name} | {' | '.join(f'{share:.0%}' for share in shares)} |", flush=True)
    print_found([video for folder in sys.argv[2:] for video in videos_below(Path(folder))])


def long_talks(talks: list[Talk]) -> Iterator[Talk]:
    """Ten seconds of several clips, drawn at random."""
    random = np.random.default_rng(0)
    for _ in range(LONG_ONES):
        drawn = random.choice(len(talks), CLIPS_OF_A_LONG, replace=False)
        yield Talk.joined([talks[index] for index in drawn], LONG_S)


def print_row(name: str, seconds: str, talks: list[Talk], listen: Listener) -> None:
    """A line of the first table."""
    own, found = [], []
    for talk in talks:
        own.append(estimate(talk.evidence(listen)))
        found += [(shift, own[-1], estimate(talk.evidence(listen, shift))) for shift in SHIFTS_MS]
    told = [(shift, unshifted, one) for shift, unshifted, one in found if one.is_certain]
    errors = np.array([one.ms - shift for shift, _, one in told])
    relative = np.array([one.ms - shift - unshifted.ms for shift, unshifted, one in told])
    held = np.mean([one.low <= shift <= one.high for shift, _, one in told])
    together = estimate(pooled(talk.evidence(listen).whole for talk in talks))
    print(
        f"| {name} | {seconds} | {len(told) / len(found):.1%} of {len(found)} | {np.median(np.abs(errors)):.1f} "
        f"| {np.median(np.abs(relative)):.1f} | {np.mean(np.abs(errors) > GROSS_MS):.1%} | {held:.0%} "
        f"| {np.median([one.ms for one in own]):+.1f} | {together.ms:+.1f} |",
        flush=True,
    )


def told_of_another(talks: list[Talk], listen: Listener) -> float:
    """How often something is told though the sound is that of another clip."""
    others = talks[1:] + talks[:1]
    pairs = zip(talks, others, strict=True)
    return float(np.mean([estimate(talk.evidence(listen, 0.0, other.samples)).is_certain for talk, other in pairs]))


def print_found(videos: list[Path]) -> None:
    """What is found in videos of which nothing is known."""
    model = load(threads=1)
    with FaceFinder(max_faces=1) as finder:
        for video in videos:
            print(f"{video}: {words(video_lateness(video, model, finder))}", flush=True)


def words(lateness: Lateness) -> str:
    """On one line."""
    return lateness.doubt or f"{lateness.ms:+.0f} ms [{lateness.low:+.0f}, {lateness.high:+.0f}]"


if __name__ == "__main__":
    main()
