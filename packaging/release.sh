#!/bin/sh
# Builds the image for both processors, pushes it as one index, and writes name and digest into the packages:
#
#   packaging/release.sh ghcr.io/OWNER/spout      (after `podman login`)
#
# Afterwards docker-compose.yml, packaging/startos and `make package` name exactly what was pushed; commit that.
set -eu
cd "$(dirname "$0")/.."
name=${1:?usage: packaging/release.sh REGISTRY/NAME}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
own=$(packaging/engine.sh >&2; podman info --format '{{.Host.Arch}}')
index=localhost/spout-index:$version
podman manifest rm "$index" >/dev/null 2>&1 || true
podman manifest create "$index" >/dev/null
for arch in amd64 arm64; do
  packaging/build.sh "$arch"
  suffix=; [ "$arch" = "$own" ] || suffix=-$arch
  podman manifest add "$index" "containers-storage:localhost/spout:$version$suffix" >/dev/null
done
mkdir -p dist
podman manifest push --all --format v2s2 --digestfile dist/digest "$index" "docker://$name:$version"
digest=$(cat dist/digest)
python3 tests/packaging/write_digest.py "$name:$version@$digest"
python3 tests/packaging/lay_out.py
