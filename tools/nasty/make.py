"""Make files that a careless or a hostile user might bring: DIR/rec (recordings) and DIR/face (portraits).

    python tools/nasty/make.py DIR      # about 300 files, the same ones every time

Everything is made from the packaged recording and portrait, with PyAV, Pillow and NumPy.
"""

import sys
from pathlib import Path

from faces import landmark_files, pictures
from recordings import containers, odd_sound, wav_headers


def main() -> None:
    """Write all of them."""
    root = Path(sys.argv[1])
    makers = {"rec": (containers, wav_headers, odd_sound), "face": (pictures, landmark_files)}
    count = 0
    for folder, functions in makers.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        for function in functions:
            for name, content in function():
                (root / folder / name).write_bytes(content)
                count += 1
    print(f"{count} files in {root}")


if __name__ == "__main__":
    main()
