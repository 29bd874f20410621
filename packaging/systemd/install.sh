#!/bin/sh
# Spout as a service of systemd, without containers. As root, from a copy of the source:
#
#   packaging/systemd/install.sh                 installs or upgrades, and starts it
#   packaging/systemd/install.sh --uninstall     removes program and unit; settings and data stay
#   packaging/systemd/install.sh --purge         removes them too
#   … --prefix DIR                               below DIR, for packagers and tests: nothing is started
#
# The program comes into /opt/spout, a virtual environment of its own with the locked requirements; settings are in
# /etc/spout/spout.env, the data in /var/lib/spout. Needs Python 3.11 or later with venv.
set -eu
source=$(cd "$(dirname "$0")/../.." && pwd)
prefix= what=install
while [ $# -gt 0 ]; do
  case $1 in
    --prefix) prefix=${2:?--prefix needs a folder}; shift ;;
    --uninstall) what=uninstall ;;
    --purge) what=purge ;;
    *) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 2 ;;
  esac
  shift
done
[ -n "$prefix" ] || [ "$(id -u)" = 0 ] || { echo "install.sh: needs root (sudo)" >&2; exit 1; }
program=$prefix/opt/spout unit=$prefix/etc/systemd/system/spout.service settings=$prefix/etc/spout

# systemd itself is asked for nothing below a prefix.
manager() { [ -n "$prefix" ] || systemctl "$@"; }

install() {
  python=${PYTHON:-python3}
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "install.sh: Spout needs Python 3.11 or later as $python; PYTHON=python3.12 names another" >&2; exit 1; }
  rm -rf "$program.new"
  mkdir -p "$program.new"
  "$python" -m venv "$program.new"
  pip="$program.new/bin/python -m pip install --quiet --disable-pip-version-check --no-input"
  $pip --require-hashes -r "$source/requirements.txt"
  $pip --no-deps --no-build-isolation "$source"
  rm -rf "$source/build" "$source"/*.egg-info
  mkdir -p "$program.new/share/doc"
  cp "$source"/docs/*.md "$program.new/share/doc/"
  # It is moved into place once it is whole: of its scripts only `spout` is wanted, and told its new name.
  find "$program.new/bin" -type f ! -name spout -exec rm -f {} +
  sed -i "1s|^#!.*|#!/opt/spout/bin/python|" "$program.new/bin/spout"
  manager stop spout.service 2>/dev/null || true
  rm -rf "$program"
  mv "$program.new" "$program"
  mkdir -p "$(dirname "$unit")" "$settings"
  cp "$source/packaging/systemd/spout.service" "$unit"
  if [ ! -e "$settings/spout.env" ]; then
    cp "$source/packaging/systemd/spout.env" "$settings/spout.env"
    chmod 600 "$settings/spout.env"
  fi
  manager daemon-reload
  manager enable spout.service
  manager start spout.service
  echo "Spout is installed. Settings: $settings/spout.env, then: systemctl restart spout. Its words: journalctl -u spout"
}

uninstall() {
  manager disable --now spout.service 2>/dev/null || true
  rm -rf "$program" "$unit"
  manager daemon-reload
  [ "$what" = purge ] || { echo "Removed. Kept: $settings and $prefix/var/lib/spout (--purge removes them)"; return; }
  rm -rf "$settings" "$prefix/var/lib/spout" "$prefix/var/lib/private/spout"
  echo "Removed, with its settings and data"
}

case $what in
  install) install ;;
  *) uninstall ;;
esac
