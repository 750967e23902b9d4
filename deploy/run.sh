#!/usr/bin/env bash
# deploy/run.sh [--program FILE] [FOLDER]: from a fresh Debian 12 to a running library.
# Installs what is missing, builds, starts the server, takes the books of FOLDER in (FOLDER itself is not changed), prints
# the addresses, and stays in the foreground until Ctrl-C. A second run is quick and brings everything back.
# Data: CARREL_DATA_DIR, default /var/lib/carrel for root and ~/.local/share/carrel for others.
# With --program nothing is built: FILE is the carrel to run.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() { sed -n '2,6s/^# //p' "${BASH_SOURCE[0]}"; }
folder="" carrel=""
while [ $# -gt 0 ]; do
  case "$1" in
    -h|--help) usage; exit 0 ;;
    --program) carrel="${2:-}"; shift $(($# > 1 ? 2 : 1)); [ -x "$carrel" ] || { usage >&2; exit 2; } ;;
    -*) usage >&2; exit 2 ;;
    *) [ -z "$folder" ] || { usage >&2; exit 2; }
       [ -d "$1" ] || { echo "deploy/run.sh: there is no folder $1" >&2; exit 3; }
       folder=$(cd "$1" && pwd); shift ;;
  esac
done

if [ "$(id -u)" = 0 ]; then default_data=/var/lib/carrel; else default_data="${XDG_DATA_HOME:-$HOME/.local/share}/carrel"; fi
export CARREL_DATA_DIR="${CARREL_DATA_DIR:-$default_data}"

# shellcheck source=deploy/packages.sh
. "$here/deploy/packages.sh"
if [ -n "$carrel" ]; then
  # shellcheck disable=SC2086
  need $run_packages
else
  # shellcheck disable=SC2086
  need $build_packages $run_packages
  need_node
  echo "Building (the first time takes some minutes) ..."
  mkdir -p "$here/build"
  if ! (cd "$here" && cmake --preset release -Wno-dev && cmake --build --preset release --target carrel) >"$here/build/run.log" 2>&1; then
    tail -n 30 "$here/build/run.log" >&2
    echo "deploy/run.sh: the build failed; the whole output is in build/run.log" >&2
    exit 1
  fi
  carrel="$here/build/release/server/carrel"
fi
"$carrel" config check >/dev/null
setting() { "$carrel" config show | sed -n "s/^$1 = //p"; }

# A session of its own: Ctrl-C reaches only this script, which asks the server to end once and waits for it.
log=$(mktemp)
setsid "$carrel" serve > >(exec tee -i "$log" >&2) 2>&1 &
server=$!
end() { kill -TERM "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -f "$log"; }
trap 'exit 0' INT TERM HUP
trap end EXIT

listen=$(setting listen) scheme=http
listen="${listen%%,*}"
[ -z "$(setting tls.cert)" ] || scheme=https
host="${listen%:*}" port="${listen##*:}"
case "$listen" in
  unix:*) probe=(--unix-socket "${listen#unix:}" "$scheme://localhost/readyz") ;;
  \[::\]:*|0.0.0.0:*|\*:*|:*) host="" probe=("$scheme://127.0.0.1:$port/readyz") ;;
  *) probe=("$scheme://$listen/readyz") ;;
esac
for _ in $(seq 1200); do
  kill -0 "$server" 2>/dev/null || { wait "$server" && status=0 || status=$?; exit "$status"; }
  if curl -fsk -o /dev/null --noproxy '*' --max-time 2 "${probe[@]}" 2>/dev/null; then ready=yes; break; fi
  sleep 0.1
done
[ "${ready:-}" = yes ] || { echo "deploy/run.sh: the server did not become ready within two minutes" >&2; exit 1; }

if [ -n "$folder" ]; then
  echo "Taking in $folder ..."
  "$carrel" ingest --approve --keep "$folder" && status=0 || status=$?
  [ "$status" -le 1 ] || [ "$status" = 5 ] || exit "$status"
fi

echo
echo "Carrel is running. Data: $CARREL_DATA_DIR"
case "$listen" in
  unix:*) echo "  $listen" ;;
  *) if [ -n "$host" ]; then
       echo "  $scheme://$listen/"
     else
       for address in $(hostname -I 2>/dev/null) localhost; do
         case "$address" in *:*) address="[$address]" ;; esac
         echo "  $scheme://$address:$port/"
       done
     fi ;;
esac
code=$(sed -n 's/.*setup.*code[=": ]*\([a-z0-9-]*\).*/\1/p' "$log" | tail -n 1)
[ -z "$code" ] || echo "First visit: open /setup there and type the code $code"
echo "Reading apps: /opds (OPDS), /kosync (KOReader's progress sync). Passwords: page Devices."
echo "Drop more books into $(v=$(setting ingest.drop_dir); echo "${v:-$CARREL_DATA_DIR/drop}"). Ctrl-C stops the server."
wait "$server" && status=0 || status=$?
exit "$status"
