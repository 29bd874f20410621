#!/bin/sh
# Builds the image with podman: packaging/build.sh [amd64|arm64], tagged spout:VERSION and spout:latest (or -ARCH
# where it is not this machine's). Makes the engine and the base first, where they are missing.
set -eu
cd "$(dirname "$0")/.."
packaging/engine.sh
own=$(podman info --format '{{.Host.Arch}}')
arch=${1:-$own}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
# This machine's certificates and pip's configuration, for the first stage alone; nothing of them is in the image.
python3 -m pip config list 2>/dev/null | python3 -c '
import re, sys
for line in sys.stdin:
    found = re.match(r"global\.(index-url|extra-index-url)=.(https?://.*).$", line.strip())
    if found:
        print(f"[global]\n{found[1]} = {found[2]}")
' >"$room/pip"
set -- --secret "id=pip,src=$room/pip"
authorities=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
[ ! -r "$authorities" ] || set -- "$@" --secret "id=ca,src=$authorities"
suffix=
[ "$arch" = "$own" ] || suffix=-$arch
podman build --quiet --network=host --format docker --platform "linux/$arch" "$@" \
  --tag "localhost/spout:$version$suffix" --tag "localhost/spout:latest$suffix" -f packaging/Dockerfile . >/dev/null
size=$(podman image inspect --format '{{.Size}}' "localhost/spout:latest$suffix")
echo "localhost/spout:$version$suffix $arch $((size / 1000000)) MB"
