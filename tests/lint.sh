#!/usr/bin/env bash
# tests/lint.sh [--deep]: format, layers, shell scripts and page templates; with --deep also clang-tidy and the search for
# awaits that g++ 12 miscompiles, which need some minutes.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$here"
# shellcheck source=deploy/packages.sh
. deploy/packages.sh
command -v clang-format >/dev/null || need clang-format
failed=0
complain() { echo "lint: $*" >&2; failed=1; }

mapfile -t sources < <(git ls-files '*.cpp' '*.hpp')
clang-format --dry-run --Werror "${sources[@]}" || complain "clang-format -i changes the files above"

# Third-party headers stay in the box that owns them (architecture.md 2).
only_in() {  # PATTERN FOLDERS-REGEX
  local hits
  hits=$(grep -lE "#include <($1)" "${sources[@]}" | grep -vE "^($2)" || true)
  [ -z "$hits" ] || complain "<$1> may only be included below $2: $hits"
}
only_in 'pqxx/' 'server/db/'
only_in 'boost/beast' 'server/http/|tests/'
only_in 'pugixml|uchardet/' 'publication/|tests/'
only_in 'zip\.h|libxml/|vips/|unicode/' 'publication/|tests/|web/|bench/'
only_in 'sqlite3\.h' 'publication/|tests/'
only_in 'taglib/' 'publication/'
only_in 'qpdf/' 'publication/pdf/'
only_in 'spdlog/|prometheus/' 'server/core/'
only_in 'sodium' 'server/core/|server/auth/'
only_in 'curl/' 'server/http/'
only_in 'openssl/' 'server/core/|server/http/|tests/'

long=$(wc -l "${sources[@]}" | awk '$1 > 600 && $2 != "total" {print $2}')
[ -z "$long" ] || complain "longer than 600 lines: $long"

if [ "${1:-}" = --deep ]; then
  command -v clang-tidy >/dev/null && command -v clang-query >/dev/null || need $lint_packages
  cmake --preset lint -Wno-dev >/dev/null
  cmake --build --preset lint --target carrel_schema carrel_web >/dev/null || true  # generated files
  mapfile -t units < <(git ls-files '*.cpp' | grep -vE '^(tests|bench)/')
  cat >build/lint/awaits.query <<'QUERY'
set output diag
m coawaitExpr(isExpansionInMainFile(), hasDescendant(lambdaExpr(hasDescendant(fieldDecl(hasType(hasUnqualifiedDesugaredType(recordType()))))).bind("capturing lambda")))
m coawaitExpr(isExpansionInMainFile(), hasDescendant(initListExpr(hasType(hasUnqualifiedDesugaredType(recordType()))).bind("braced aggregate")))
m coawaitExpr(isExpansionInMainFile(), hasDescendant(conditionalOperator(hasType(hasUnqualifiedDesugaredType(recordType()))).bind("conditional object")))
QUERY
  awaits=$(grep -lE 'co_await' "${units[@]}" | xargs -P 2 -n 4 clang-query -p build/lint -f build/lint/awaits.query 2>/dev/null |
    grep -E 'note: "(capturing lambda|braced aggregate|conditional object)"' || true)
  [ -z "$awaits" ] || complain "awaits that g++ 12 miscompiles: $awaits"
  printf '%s\n' "${units[@]}" | xargs -P 2 -n 4 clang-tidy -p build/lint --quiet 2>/dev/null || complain "clang-tidy"
fi
exit "$failed"
