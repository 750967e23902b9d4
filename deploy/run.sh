#!/usr/bin/env bash
# deploy/run.sh [FOLDER]: from a fresh Debian 12 to a running library.
# Installs what is missing, builds, starts the server, takes the books of FOLDER in (FOLDER itself is not changed), prints
# the addresses, and stays in the foreground until Ctrl-C. A second run is quick and brings everything back.
# Data: CARREL_DATA_DIR, default /var/lib/carrel for root and ~/.local/share/carrel for others.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() { sed -n '2,5s/^# //p' "${BASH_SOURCE[0]}"; }
case "${1:-}" in
  -h|--help) usage; exit 0 ;;
  -*) usage >&2; exit 2 ;;
esac
folder=""
if [ $# -gt 0 ]; then
  [ -d "$1" ] || { echo "deploy/run.sh: there is no folder $1" >&2; exit 3; }
  folder=$(cd "$1" && pwd)
fi

# shellcheck source=deploy/packages.sh
. "$here/deploy/packages.sh"
# shellcheck disable=SC2086
need $build_packages $run_packages
need_node

if [ "$(id -u)" = 0 ]; then default_data=/var/lib/carrel; else default_data="${XDG_DATA_HOME:-$HOME/.local/share}/carrel"; fi
export CARREL_DATA_DIR="${CARREL_DATA_DIR:-$default_data}"

echo "Building (the first time takes some minutes) ..."
mkdir -p "$here/build"
if ! (cd "$here" && cmake --preset release && cmake --build --preset release --target carrel) >"$here/build/run.log" 2>&1; then
  tail -n 30 "$here/build/run.log" >&2
  echo "deploy/run.sh: the build failed; the whole output is in build/run.log" >&2
  exit 1
fi
carrel="$here/build/release/server/carrel"
"$carrel" config check >/dev/null

log="$here/build/serve.log"
"$carrel" serve > >(tee "$log" >&2) 2>&1 &
server=$!
# Ctrl-C reaches the server too; this only waits for its orderly end.
end() { kill -TERM "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; }
trap 'end; exit 0' INT TERM
trap end EXIT

listen=$("$carrel" config show --json | sed -n 's/.*"listen":"\([^",]*\).*/\1/p')
port=${listen##*:}
scheme=http
"$carrel" config show | grep -q '^tls.cert = .' && scheme=https
for _ in $(seq 300); do
  kill -0 "$server" 2>/dev/null || { wait "$server" && status=0 || status=$?; trap - EXIT; exit "$status"; }
  if curl -fsk -o /dev/null --max-time 2 "$scheme://127.0.0.1:$port/readyz" 2>/dev/null; then ready=yes; break; fi
  sleep 0.1
done
[ "${ready:-}" = yes ] || { echo "deploy/run.sh: the server did not become ready within 30 s" >&2; exit 1; }

status=0
if [ -n "$folder" ]; then
  echo "Taking in $folder ..."
  "$carrel" ingest --approve --keep "$folder" || status=$?
  [ "$status" -le 1 ] || [ "$status" = 5 ] || exit "$status"
fi

echo
echo "Carrel is running. Data: $CARREL_DATA_DIR"
for address in $(hostname -I 2>/dev/null) localhost; do
  case "$address" in *:*) address="[$address]" ;; esac
  echo "  $scheme://$address:$port/"
done
code=$(sed -n 's/.* setup code=\([^ ]*\).*/\1/p' "$log" | tail -n 1)
[ -z "$code" ] || echo "First visit: open /setup there and type the code $code"
echo "Reading apps: /opds (OPDS), /kosync (KOReader's progress sync). Passwords: page Devices."
echo "Drop more books into $CARREL_DATA_DIR/drop. Ctrl-C stops the server."
wait "$server" || true
