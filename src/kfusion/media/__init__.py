"""Sound and video files of strangers, read through FFmpeg: every file that cannot be used is an `InputError`."""
