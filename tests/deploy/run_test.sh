#!/usr/bin/env bash
# tests/deploy/run_test.sh PROGRAM: the newcomer's path, deploy/run.sh in a copy of the tree with an empty folder, then with
# books, twice; as root and as an ordinary user who may not install anything. Building is not part of it: PROGRAM is run.
set -euo pipefail
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
program=$(realpath "$1")
work=$(mktemp -d)
newcomer=carrel-newcomer-$$
runner=""

cleanup() {
  [ -z "$runner" ] || kill -TERM "$runner" 2>/dev/null || true
  [ -z "$runner" ] || wait "$runner" 2>/dev/null || true
  if getent passwd "$newcomer" >/dev/null; then userdel "$newcomer"; fi
  rm -rf "$work"
}
trap cleanup EXIT

failed() {
  echo "failed: $*" >&2
  [ ! -f "$work/out" ] || sed 's/^/  | /' "$work/out" >&2
  exit 1
}
expect() { grep -q -- "$1" "$work/out" || failed "no line says: $1"; }

# as USER COMMAND...: with an environment of its own, and in a terminal's manner: the group gets the signals.
as() {
  local user=$1; shift
  local run=(env -i PATH="/usr/sbin:/usr/bin:/sbin:/bin" HOME="$home" "$@")
  [ "$user" = "$(id -un)" ] || run=(setpriv --reuid="$user" --regid="$user" --init-groups "${run[@]}")
  "${run[@]}"
}

make_books() {
  python3 - "$1" <<'P'
import sys, zipfile
for n in range(3):
    with zipfile.ZipFile(f"{sys.argv[1]}/book {n}.epub", "w") as z:
        z.writestr("mimetype", "application/epub+zip")
        z.writestr("META-INF/container.xml", "<container version='1.0' xmlns='urn:oasis:names:tc:opendocument:xmlns:container'><rootfiles><rootfile full-path='p.opf' media-type='application/oebps-package+xml'/></rootfiles></container>")
        z.writestr("p.opf", f"<package xmlns='http://www.idpf.org/2007/opf' version='3.0' unique-identifier='i'><metadata xmlns:dc='http://purl.org/dc/elements/1.1/'><dc:identifier id='i'>urn:x:{n}</dc:identifier><dc:title>Newcomer {n}</dc:title><dc:language>en</dc:language><dc:creator>Ada Lark</dc:creator></metadata><manifest><item id='c' href='c.xhtml' media-type='application/xhtml+xml'/></manifest><spine><itemref idref='c'/></spine></package>")
        z.writestr("c.xhtml", f"<html xmlns='http://www.w3.org/1999/xhtml'><head><title>{n}</title></head><body><p>Text {n}.</p></body></html>")
P
}

# start USER FOLDER: runs deploy/run.sh until it says that it stays.
start() {
  : >"$work/out"
  # A job of its own group, so that Ctrl-C can be played.
  set -m
  as "$1" "${settings[@]}" CARREL_LISTEN="127.0.0.1:$port" CARREL_LISTEN_METRICS= bash "$tree/deploy/run.sh" --program "$tree/carrel" "$2" \
    >"$work/out" 2>&1 &
  runner=$!
  set +m
  for _ in $(seq 600); do
    grep -q "Ctrl-C stops the server" "$work/out" && return
    kill -0 "$runner" 2>/dev/null || failed "run.sh ended"
    sleep 0.1
  done
  failed "run.sh did not get ready within a minute"
}

# Ctrl-C: SIGINT to the whole group.
stop() {
  kill -INT -- "-$runner"
  local status=0
  wait "$runner" || status=$?
  runner=""
  [ "$status" = 0 ] || failed "Ctrl-C ended with status $status"
  [ ! -e "$data/pg/postmaster.pid" ] || failed "the database runs on"
  ! curl -s -o /dev/null "http://127.0.0.1:$port/healthz" || failed "the server runs on"
}

books() { as "$1" CARREL_DATA_DIR="$data" "$tree/carrel" book find Newcomer --json | grep -o '"title":"Newcomer [0-9]"' | sort -u | wc -l; }

newcomers_path() {
  local user=$1 folder="$home/My Books"
  mkdir -p "$tree" "$folder"
  cp -r "$source/deploy" "$tree/"
  cp "$program" "$tree/carrel"
  [ "$user" = "$(id -un)" ] || chown -R "$user:" "$home"
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

  # shellcheck disable=SC2016
  as "$user" bash -c '. "$1/deploy/packages.sh"; need $build_packages $run_packages; need_node' - "$tree" >"$work/out" 2>&1 ||
    failed "something has to be installed"
  [ ! -s "$work/out" ] || failed "something had to be installed"

  start "$user" "$folder"
  expect "0 added"
  expect "http://127.0.0.1:$port/"
  expect "type the code [a-z0-9]\{4\}-[a-z0-9]\{4\}"
  code=$(sed -n 's/.*type the code //p' "$work/out")
  curl -fsS "http://127.0.0.1:$port/setup" >/dev/null || failed "no set-up page"
  curl -sS -o /dev/null -w '%{http_code}' -d "code=$code" "http://127.0.0.1:$port/setup" | grep -qE '^(200|303)$' ||
    failed "the printed code is refused"
  stop

  make_books "$folder"
  [ "$user" = "$(id -un)" ] || chown -R "$user:" "$folder"
  before=$(sha256sum "$folder"/*)
  start "$user" "$folder"
  expect "3 added"
  stop
  [ "$(sha256sum "$folder"/*)" = "$before" ] || failed "the folder was changed"

  start "$user" "$folder"
  expect "0 added, 3 already there"
  [ "$(books "$user")" = 3 ] || failed "the books are not back"
  stop
  echo "ok: $user"
}

settings=()
home="$work/first" tree="$work/first/carrel"
mkdir -p "$home"
if [ "$(id -u)" != 0 ]; then
  data="$home/.local/share/carrel"
  newcomers_path "$(id -un)"
  echo "not root: only the ordinary user's path was walked"
  exit 0
fi

# Root's tree may be closed to the user that the server becomes.
chmod 755 "$work"
chmod 700 "$home"
data="$work/data" settings=("CARREL_DATA_DIR=$data")
newcomers_path root

useradd --no-create-home --home-dir "$work/second" --shell /bin/bash "$newcomer"
settings=()
home="$work/second" tree="$work/second/carrel" data="$work/second/.local/share/carrel"
mkdir -p "$home"
newcomers_path "$newcomer"
