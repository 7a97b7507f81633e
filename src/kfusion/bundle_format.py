"""What writers and readers of bundles agree on; `kfusion.inference.bundle` and `.stream_bundle` say the rest."""

BUNDLE_FORMAT = "1"
"""Metadata `kfusion_format`."""
STREAM_KIND = "live"
"""Metadata `kind` of a bundle for streams; the name `live` is older than this word for it, and files have it."""
INPUTS = ("samples", "identity", "emotion")
"""Of every bundle."""
STREAM_INPUTS = (*INPUTS, "seen")
"""Of a bundle for streams, before its states."""
VISEME_KIND = "visemes"
"""Metadata `kind` of the bundle that names visemes; `kfusion.motion.viseme_bundle` says the rest."""
