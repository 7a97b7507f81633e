"""How long `kfusion generate` takes from start to finished files, the talking picture included, on the packaged sample.

Usage: python benchmarks/generate.py [RUNS]
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kfusion.assets import SAMPLE_PORTRAIT, SAMPLE_SPEECH

KFUSION = Path(sys.executable).with_name("kfusion")


def seconds(*flags: str) -> float:
    with tempfile.TemporaryDirectory() as out:
        command = [KFUSION, "generate", SAMPLE_SPEECH, "--face", SAMPLE_PORTRAIT, "-o", f"{out}/result", *flags]
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        return time.perf_counter() - start


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    cases = {"with the talking picture": (), "without": ("--no-preview",)}
    for flags in cases.values():
        seconds(*flags)
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(runs):
        for name, flags in cases.items():
            times[name].append(seconds(*flags))
    print("| 9.3 s recording | median s | min s | max s |\n|---|---|---|---|")
    for name, values in times.items():
        print(f"| {name} | {statistics.median(values):.2f} | {min(values):.2f} | {max(values):.2f} |")


if __name__ == "__main__":
    main()
