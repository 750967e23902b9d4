#!/usr/bin/env bash
# tests/run.sh [CTEST ARGUMENTS]: installs what is missing, builds the dev preset, runs all tests.
# CARREL_PRESET=asan or tsan runs them under a sanitizer instead; CARREL_TARGETS builds only some of them.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=deploy/packages.sh
. "$here/deploy/packages.sh"
# shellcheck disable=SC2086
need $build_packages $run_packages $test_packages
need_node

preset="${CARREL_PRESET:-dev}"
cd "$here"
cmake --preset "$preset" -Wno-dev >/dev/null
# shellcheck disable=SC2086
cmake --build --preset "$preset" ${CARREL_TARGETS:+--target $CARREL_TARGETS} -- --quiet
[ -d ../shared ] || echo "tests/run.sh: no ../shared beside the clone: checks against its schemas, corpus and samples are skipped"
ctest --preset "$preset" "$@"
