#!/bin/sh
# The one door to this repository: `sh dev.sh` lists the commands. Needs python >= 3.11 with pip; each command sets up
# what it needs into ./.venv and ./.tools (the first time over the network, then never again until a lock changes).
# Everything beyond finding a Python is in tools/dev.py.
set -eu
cd "$(dirname "$0")"
unset PYTHONPATH PYTHONHOME

serves() {
  "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

if [ -n "${PYTHON:-}" ]; then
  if serves "$PYTHON"; then exec "$PYTHON" tools/dev.py "$@"; fi
  echo "dev.sh: PYTHON=$PYTHON is no Python 3.11 or newer; name another one, or unset PYTHON to have PATH searched" >&2
  exit 1
fi
for python in python3.11 python3.12 python3.13 python3.14 python3 python; do
  if serves "$python"; then exec "$python" tools/dev.py "$@"; fi
done
echo "dev.sh: no Python 3.11 or newer was found on PATH; install one (Debian 12: apt-get install python3 python3-pip)," \
  "or name it: PYTHON=/path/to/python3.11 sh dev.sh ${1:-}" >&2
exit 1
