#!/bin/sh
# Makes sure of podman and of the base image that packaging/Dockerfile starts from.
#
#   packaging/engine.sh           what is missing is installed (root on Debian) and made
#   packaging/engine.sh --check   says in one line whether that is possible here; changes nothing
#
# Where a container registry answers, the base is pulled: the official python:3.13-slim-trixie. Where none does, a
# stand-in is made of Debian's own packages (debootstrap, about a minute, once): the same Debian, the same Python.
set -eu
BASE=${BASE:-docker.io/library/python:3.13-slim-trixie}
SUITE=trixie

have() { command -v "$1" >/dev/null 2>&1; }

may_install() { [ "$(id -u)" = 0 ] && have apt-get; }

if [ "${1:-}" = --check ]; then
  if have podman || may_install; then exit 0; fi
  echo "packages: podman is missing, and only root on Debian can install it here: apt-get install podman" >&2
  exit 1
fi

install_packages() {
  apt-get -qq -o DPkg::Lock::Timeout=300 update >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 --no-install-recommends install "$@" \
    >/dev/null
}

if ! have podman; then
  may_install || { "$0" --check; exit 1; }
  echo "Installing podman" >&2
  install_packages podman buildah runc netavark aardvark-dns uidmap iptables catatonit
fi

# A machine that is itself a container may refuse what podman does by default: crun wants one kind of cgroup tree,
# systemd's cgroups need systemd, and default limits may be above what root may set. What is configured stays.
if [ ! -e /etc/containers/containers.conf ] && [ "$(id -u)" = 0 ] && [ ! -d /run/systemd/system ]; then
  mkdir -p /etc/containers
  cat >/etc/containers/containers.conf <<'CONF'
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
CONF
fi

podman image exists "$BASE" && exit 0
if timeout 60 podman pull --quiet "$BASE" >/dev/null 2>&1; then exit 0; fi

have debootstrap || {
  may_install || { echo "packages: no registry answers, and debootstrap is missing for the stand-in" >&2; exit 1; }
  install_packages debootstrap
}
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
  grep -v '^ *#' | grep -oE 'https?://[^ ]+/debian/?( |$)' | head -n 1 | tr -d ' ' || true)
[ -n "$mirror" ] || { echo "packages: this machine's apt sources name no Debian mirror" >&2; exit 1; }
echo "No registry answers: making a stand-in for $BASE of Debian's packages" >&2
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
debootstrap --variant=minbase --include=python3,python3-pip,python3-venv,ca-certificates "$SUITE" "$room/root" \
  "$mirror" >"$room/log" 2>&1 || { tail -n 5 "$room/log" >&2; exit 1; }
# As in the official image: python and pip in /usr/local/bin, and no mark that forbids pip.
mkdir -p "$room/root/usr/local/bin"
for name in python python3; do ln -sf /usr/bin/python3 "$room/root/usr/local/bin/$name"; done
ln -sf /usr/bin/pip3 "$room/root/usr/local/bin/pip"
rm -rf "$room"/root/usr/lib/python3*/EXTERNALLY-MANAGED "$room"/root/var/cache/apt "$room"/root/var/lib/apt/lists/* \
  "$room"/root/usr/share/doc "$room"/root/usr/share/man "$room"/root/usr/share/locale
tar -C "$room/root" -c . | podman import --quiet --change \
  'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin' - "$BASE" >/dev/null
