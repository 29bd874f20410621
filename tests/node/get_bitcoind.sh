#!/bin/sh
# Fetches a real bitcoind (Bitcoin Knots, Debian's package) into .parts/bitcoind for the tests; changes nothing else.
# The mirror is the one this machine's own apt sources name. The package and all its libraries are unpacked beside
# each other and run through their own loader, so an older Debian or Ubuntu serves as well.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
parts=${1:-$root/.parts/bitcoind}
if [ -x "$parts/bin/bitcoind" ] && "$parts/bin/bitcoind" -version >/dev/null 2>&1; then
  exit 0
fi
command -v apt-get >/dev/null 2>&1 && command -v dpkg-deb >/dev/null 2>&1 || {
  echo "get_bitcoind: needs apt-get and dpkg-deb; put bitcoind into $parts/bin/ yourself, or set SPOUT_TEST_BITCOIND" >&2
  exit 2
}
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
  grep -v '^ *#' | grep -oE 'https?://[^ ]+/debian/?( |$)' | head -n 1 | tr -d ' ' || true)
if [ -z "$mirror" ]; then
  echo "get_bitcoind: this machine's apt sources name no Debian mirror; set SPOUT_TEST_BITCOIND to a bitcoind" >&2
  exit 2
fi
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$keyring" ] || { echo "get_bitcoind: $keyring is missing (package debian-archive-keyring)" >&2; exit 2; }

work=$parts/apt
unpacked=$parts/root
mkdir -p "$work/lists/partial" "$work/cache/partial" "$unpacked" "$parts/bin"
: > "$work/status" # nothing counts as installed, so that every library comes along
echo "deb [signed-by=$keyring] $mirror sid main" > "$work/sid.list"
apt_here() {
  apt-get -qq -o Dir::Etc::SourceList="$work/sid.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::State::Lists="$work/lists" -o Dir::State::status="$work/status" -o Dir::Cache::archives="$work/cache" \
    -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o Acquire::Languages=none \
    -o APT::Sandbox::User="$(id -un)" -o Debug::NoLocking=1 "$@"
}
apt_here update
apt_here -y --download-only --no-install-recommends install bitcoin-knots systemd-standalone-sysusers >/dev/null
for package in "$work"/cache/*.deb; do
  dpkg-deb -x "$package" "$unpacked"
done
loader=$(find "$unpacked" -name 'ld-linux-*.so.*' -type f | head -n 1)
triplet=$(basename "$(dirname "$loader")")
for program in bitcoind bitcoin-cli; do
  printf '#!/bin/sh\nexec "%s" --library-path "%s" "%s" "$@"\n' "$loader" \
    "$unpacked/usr/lib/$triplet:$unpacked/lib/$triplet" "$unpacked/usr/bin/$program" > "$parts/bin/$program"
  chmod +x "$parts/bin/$program"
done
rm -rf "$work"
"$parts/bin/bitcoind" -version | head -n 1
