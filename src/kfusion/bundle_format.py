"""What writers and readers of bundles agree on; `kfusion.inference.bundle` and `.stream_bundle` say the rest."""

BUNDLE_FORMAT = "1"
"""Metadata `kfusion_format`."""
STREAM_KIND = "live"
"""Metadata `kind` of a bundle for streams; the name `live` is older than this word for it, and files have it."""
BLOCK_SAMPLES = 1600
"""What a network for streams takes at a time, at 16 kHz: 100 ms, 5 speech steps, 3 landmark frames at 30 fps."""
INPUTS = ("samples", "identity", "emotion")
"""Of every bundle."""
STREAM_INPUTS = (*INPUTS, "seen")
"""Of a bundle for streams, before its states."""
VISEME_KIND = "visemes"
"""Metadata `kind` of the bundle that names visemes; `kfusion.motion.viseme_bundle` says the rest."""
