# Debian packages that Carrel needs, and how scripts get them. Sourced by deploy/run.sh, tests/run.sh and .ci/run.

build_packages="g++ cmake ninja-build ccache mold pkg-config git
  libboost1.81-dev libboost-json1.81-dev libssl-dev libpq-dev libpqxx-dev libcli11-dev libspdlog-dev prometheus-cpp-dev libsodium-dev
  libkainjow-mustache-dev libpugixml-dev libzip-dev libdeflate-dev libxml2-dev libvips-dev libtag1-dev libqrencode-dev libsystemd-dev libicu-dev libuchardet-dev zlib1g-dev
  libcurl4-openssl-dev libsqlite3-dev libmobi-dev libqpdf-dev libarchive-dev libunarr-dev"
run_packages="postgresql-15 poppler-utils curl ca-certificates"
test_packages="catch2 libxml2-utils openssl python3 python3-jsonschema chromium procps"
lint_packages="clang clang-format clang-tidy clang-tools"

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# need PACKAGE...: installs those that are missing. Quick when nothing is.
need() {
  missing=""
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  echo "Installing:$missing"
  # Carrel runs a PostgreSQL of its own; Debian's default cluster is not wanted unless somebody uses it already.
  if ! dpkg-query -W -f '${db:Status-Status}\n' postgresql-common 2>/dev/null | grep -qx installed; then
    as_root mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] ||
      echo "create_main_cluster = false" | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
  fi
  as_root apt-get update -qq
  # shellcheck disable=SC2086
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# The web pages' script and style are bundled at build time.
need_node() {
  command -v node >/dev/null && command -v npm >/dev/null || need nodejs npm
}
