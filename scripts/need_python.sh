#!/bin/sh
# Sees that $1 is a Python that can make virtual environments; on Debian, root gets it installed.
set -eu
python=${1:-python3}

fit() {
    "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null
}

fit && exit 0

if [ "$python" = python3 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Debian's python3 and python3-venv ..."
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends python3 python3-venv >/dev/null &&
        fit && exit 0
fi

cat >&2 <<TEXT
$python is not a Python 3.10 or later that can make virtual environments.
On Debian or Ubuntu:   apt-get install python3 python3-venv
Or name another one:   make PYTHON=/path/to/python3.12 ...
TEXT
exit 1
