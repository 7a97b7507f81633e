#!/usr/bin/env bash
# docs/demo.mp4, with sound, and docs/demo.gif, its first 4 seconds: the packaged recording and portrait, the portrait as
# it talks and its landmarks alone, the sound below. Needs the program ffmpeg.
#
# Usage: tools/make_demo.sh
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
seconds=9.3
film() { ffmpeg -nostdin -loglevel error -y "$@"; }

kfusion demo -o "$work/face" > "$work/names"
kfusion generate src/kfusion/assets/speech.flac --face "$work/face/landmarks.npz" -o "$work/points" >> "$work/names"
film -i "$work/face/talking.mp4" -t "$seconds" -an -vf scale=400:400:flags=lanczos -crf 12 "$work/left.mp4"
film -i "$work/points/preview.mp4" -t "$seconds" -an -vf scale=400:400 -crf 12 "$work/right.mp4"
film -i "$work/face/talking.mp4" -t "$seconds" -crf 12 -map '[waves]' \
  -filter_complex '[0:a]showwaves=s=800x72:mode=cline:rate=30:colors=0xffd23f[waves]' "$work/below.mp4"
film -i "$work/left.mp4" -i "$work/right.mp4" -i "$work/below.mp4" -i "$work/face/talking.mp4" -t "$seconds" \
  -filter_complex '[0:v][1:v]hstack[faces];[faces][2:v]vstack,format=yuv420p[shown]' -map '[shown]' -map 3:a \
  -r 30 -crf 24 -preset slow -c:a copy -movflags +faststart -map_metadata 3 docs/demo.mp4
film -t 4 -i docs/demo.mp4 -vf "fps=12,scale=520:-1,split[a][b];[a]palettegen=max_colors=96[colours];
  [b][colours]paletteuse=dither=none:diff_mode=rectangle" docs/demo.gif
