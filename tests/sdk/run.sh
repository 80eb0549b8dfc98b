#!/usr/bin/env bash
# Starts the built stand-in exchange, lets the exchange's official SDKs trade on it, and audits what it recorded.
#
# Usage: run.sh [BINARY]      (default: target/debug/autotrader)
#
# The SDKs are installed into target/sdk/ from the package registries. What this machine cannot run is said and skipped;
# what runs and differs ends with exit code 1.
set -euo pipefail
cd "$(dirname "$0")/../.."

binary=${1:-target/debug/autotrader}
home=target/sdk
mkdir -p "$home"

python_version=3.34.0
typescript_version=3.30.0

# A Python that the Python SDK can be installed on.
find_python() {
    local candidate
    for candidate in python3.14 python3.13 "$HOME"/.pyenv/versions/3.1[3-9]*/bin/python3 python3; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 13))' >/dev/null 2>&1; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    return 1
}

if ! python=$(find_python) && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    apt-get install -y -q python3.13 python3.13-venv >/dev/null 2>&1 || true
    python=$(find_python) || true
fi

work=$(mktemp -d)
stand_in=
finish() {
    [ -z "$stand_in" ] || kill "$stand_in" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

log=
if "$binary" simulate --help | grep -q -- '--log'; then
    log=$work/exchange.ndjson
fi

# Starts a fresh stand-in; its ready line is then in $work/ready.json.
start() {
    rm -f "$work/ready.json" "$work/exchange.ndjson"
    "$binary" simulate --listen 127.0.0.1:0 --seed 7 --key-dir "$work/keys" ${log:+--log "$log"} >"$work/ready.json" &
    stand_in=$!
    for _ in $(seq 100); do
        if grep -q '"ready"' "$work/ready.json"; then return; fi
        if ! kill -0 "$stand_in" 2>/dev/null; then break; fi
        sleep 0.1
    done
    echo "the stand-in exchange did not become ready" >&2
    exit 1
}

# Stops the stand-in and recomputes its books from its record.
stop_and_audit() {
    kill "$stand_in"
    wait "$stand_in" 2>/dev/null || true
    stand_in=
    if [ -n "$log" ] && command -v python3 >/dev/null; then
        python3 tests/audit/audit.py "$log"
    else
        echo "skipped: the audit of this run (needs python3 and \`simulate --log\`)"
    fi
}

if [ -n "$python" ]; then
    if [ ! -x "$home/venv/bin/python" ]; then
        "$python" -m venv "$home/venv"
    fi
    "$home/venv/bin/python" -m pip install --quiet --disable-pip-version-check "kalshi-python-sync==$python_version"
    start
    "$home/venv/bin/python" tests/sdk/python_sdk.py "$work/ready.json"
    stop_and_audit
else
    echo "skipped: the Python SDK (needs Python 3.13 or newer)"
fi

if command -v node >/dev/null && command -v npm >/dev/null; then
    mkdir -p "$home/node"
    # Without --no-save npm would look for a manifest above this directory.
    npm install --prefix "$home/node" --silent --no-save --no-audit --no-fund "kalshi-typescript@$typescript_version"
    start
    node tests/sdk/typescript_sdk.mjs "$work/ready.json" "$home/node"
    stop_and_audit
else
    echo "skipped: the TypeScript SDK (needs node and npm)"
fi
