"""Eight streams through the real server for ten minutes: every frame must arrive, and memory must stay flat.

Usage: python benchmarks/soak.py [--minutes 10] [--streams 8] [--live-model BUNDLE]

Samples the server's memory every 5 s and fits a line to it, the first fifth left out. Exits with 1 if a frame is
missing, a stream fails or memory grew. Writes benchmarks/speed/results/soak.json and docs/measured/timings.md anew if
the run was long enough to say something.
"""

import argparse
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from speed import child
from speed.page import PAGE, write_page
from speed.result import FOLDER, Result, Table
from speed.server import Server, serving

EVERY_S = 5
SETTLED = 0.2
"""Share of the run that memory is given to settle."""
GROWTH_MB, GROWTH_SHARE = 3.0, 0.02
"""Memory grew if the line rises by more than both, the second as a share of where it begins."""
LONG_ENOUGH_MIN = 5
NOTES = """
- Memory every {every} s; the line is fitted to the last {share:.0f} % of the run, and is growth when it rises by more
  than {mb:g} MB and {percent:g} %.
"""


def main() -> int:
    parser = argparse.ArgumentParser(description="streams for a long time", epilog="see the top of this file")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--live-model", type=Path, help="another stream bundle")
    arguments = parser.parse_args()
    model = str(arguments.live_model.resolve()) if arguments.live_model else None
    seconds = round(60 * arguments.minutes)
    with serving(model, "--max-streams", str(arguments.streams)) as server, ThreadPoolExecutor(1) as pool:
        future = pool.submit(
            child.call, "speed.talkers:talk", 2, url=server.url, streams=arguments.streams, seconds=seconds
        )
        memory = sample_memory(server, future)
        found = future.result()
    slope, rise, grew = growth(memory)
    result = describe(found, memory, slope, rise, grew)
    print(*(table.markdown() for table in result.tables), sep="\n\n")
    if arguments.minutes >= LONG_ENOUGH_MIN:
        result.save()
        write_page(PAGE, FOLDER)
    return 1 if grew or found["missing"] or found["failures"] else 0


def sample_memory(server: Server, running: Future[Any]) -> list[tuple[float, float]]:
    """Seconds and MB of the server, every 5 s for as long as `running` runs."""
    begun, samples = time.monotonic(), []
    while not running.done():
        samples.append((time.monotonic() - begun, server.rss_mb()))
        time.sleep(EVERY_S)
    return samples


def growth(samples: list[tuple[float, float]]) -> tuple[float, float, bool]:
    """MB a minute, the rise of the fitted line in MB, and whether that is growth."""
    times_s, mb = np.array(samples)[round(SETTLED * len(samples)) :].T
    slope, start = np.polyfit(times_s, mb, 1)
    rise = slope * (times_s[-1] - times_s[0])
    return 60 * slope, rise, bool(rise > max(GROWTH_MB, GROWTH_SHARE * (start + slope * times_s[0])))


def describe(found: dict[str, Any], memory: list[tuple[float, float]], slope: float, rise: float, grew: bool) -> Result:
    late = " / ".join(f"{found['lateness_ms'][share]:.1f}" for share in ("p50", "p95", "p99", "max"))
    levels = [mb for _, mb in memory]
    rows = [
        ["streams, minutes", f"{found['streams']}, {found['seconds'] / 60:g}"],
        ["frames arrived", f"{found['frames']} of {found['frames'] + found['missing']}"],
        ["failures", "; ".join(found["failures"]) or "none"],
        ["lateness, ms: p50 / p95 / p99 / max", late],
        ["server's memory, MB: first, least, most, last", " / ".join(f"{mb:.0f}" for mb in _ends(levels))],
        ["memory", f"{'**grew**' if grew else 'flat'}: {slope:+.3f} MB a minute, {rise:+.1f} MB in all"],
    ]
    return Result(
        part="soak",
        cores="server and clients together on two cores",
        tables=[Table(title="Soak", columns=["", ""], rows=rows)],
        notes=NOTES.format(every=EVERY_S, share=100 - 100 * SETTLED, mb=GROWTH_MB, percent=100 * GROWTH_SHARE),
        measured={**found, "memory": [(round(at), round(mb, 1)) for at, mb in memory]},
    )


def _ends(levels: list[float]) -> tuple[float, ...]:
    return levels[0], min(levels), max(levels), levels[-1]


if __name__ == "__main__":
    sys.exit(main())
