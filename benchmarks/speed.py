"""How fast kfusion is, beside the paper's design and what else there is.

Usage: python benchmarks/speed.py [--only PART ...] [--quick] [--peers VENV] [--live-model BUNDLE]

Every part runs in fresh processes that are pinned to the cores it names, warms up, and measures in turns what it
compares. It writes benchmarks/speed/results/PART.json, and docs/measured/timings.md is made from those files. --quick
is a try: small sizes, tables on stdout, nothing written. --peers is what `benchmarks/speed/peers.sh VENV` made; without
it the other packages are marked as not installed. Other work on the machine makes everything slower: trust ratios.
"""

import argparse
import importlib
import sys
from pathlib import Path
from typing import Any

from speed import child
from speed.page import PAGE, write_page
from speed.result import FOLDER, Result

PARTS = {
    "end-to-end": "end_to_end",
    "streams": "streams",
    "paper": "paper",
    "peers": "peers",
    "kan": "kan",
    "training": "training",
    "profile": "profile",
}
ONE_CORE = ("paper", "kan", "profile")
"""Parts that measure in the process they run in; the others start a process for every case."""
TAKES_PEERS = ("peers", "kan")


def main() -> int:
    arguments = parse()
    failed = []
    for part in arguments.only:
        print(f"{part} ...", file=sys.stderr)
        try:
            result = measure(part, arguments)
        except Exception as error:  # noqa: BLE001 - one part that fails must not cost the others
            print(f"{part}: failed: {error}", file=sys.stderr)
            failed.append(part)
            continue
        print(*(table.markdown() for table in result.tables), sep="\n\n", end="\n\n")
        if not arguments.quick:
            result.save()
    if not arguments.quick:
        write_page(PAGE, FOLDER)
    return 1 if failed else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="how fast kfusion is", epilog="see the top of this file")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=[*PARTS], metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="a try: small sizes, nothing written")
    parser.add_argument("--peers", type=Path, help="virtual environment with the packages of speed/peers.txt")
    parser.add_argument("--live-model", type=Path, help="another stream bundle for the part streams")
    return parser.parse_args()


def measure(part: str, arguments: argparse.Namespace) -> Result:
    """One part, in a process of its own if it measures where it runs."""
    options: dict[str, Any] = {"quick": arguments.quick}
    if part in TAKES_PEERS:
        options["peers"] = str(arguments.peers.resolve()) if arguments.peers else None
    if part == "streams":
        options["model"] = str(arguments.live_model.resolve()) if arguments.live_model else None
    module = f"speed.{PARTS[part]}"
    if part not in ONE_CORE:
        result: Result = importlib.import_module(module).measure(**options)
        return result
    return Result.from_json(child.call("speed.result:measure_part", 1, module=module, options=options))


if __name__ == "__main__":
    sys.exit(main())
