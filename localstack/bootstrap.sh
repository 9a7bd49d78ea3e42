#!/bin/sh
# Finds Python 3.13 and has it make the environments that are asked for:
#   localstack/bootstrap.sh dev localstack lambda redis
set -eu
cd "$(dirname "$0")/.."

# A pyenv shim is on PATH even when its version is not active: ask each candidate, do not trust names.
is_python() {
    [ -n "$1" ] && "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' >/dev/null 2>&1
}

find_python() {
    for candidate in "${PYTHON:-}" python3.13 python3 \
        "${HOME:-}"/.pyenv/versions/3.13*/bin/python3.13 \
        "$(uv python find --no-config 3.13 2>/dev/null || true)"; do
        if is_python "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    echo "error: Python 3.13 was not found: install it, or name it with PYTHON=/path/to/python3.13" >&2
    return 1
}

python=$(find_python)
PYTHONPATH=localstack exec "$python" -m goldalert_local.environments "$@"
