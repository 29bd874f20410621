#!/bin/sh
# The real parts that the tests drive: a browser, a bitcoind, an Electrum server. Fetches what can be had here and
# says exactly what is missing. With CI set the tests that miss a part fail; else they are skipped.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")

missing() {
  echo "missing: $1" >&2
}

get_chromium() {
  [ -x /usr/bin/chromium ] && return 0
  ls "${PLAYWRIGHT_BROWSERS_PATH:-$HOME/.cache/ms-playwright}"/chromium* >/dev/null 2>&1 && return 0
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing chromium with apt-get" >&2
    apt-get -qq update >/dev/null 2>&1
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install chromium >/dev/null 2>&1
    [ -x /usr/bin/chromium ] && return 0
  fi
  missing "a browser, for tests/browser: apt-get install chromium (as root), or .venv/bin/playwright install chromium"
}

# Debian's own: an MQTT broker for tests/notifiers/test_mqtt.py.
get_mosquitto() {
  command -v mosquitto >/dev/null 2>&1 || [ -x /usr/sbin/mosquitto ] && return 0
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing mosquitto with apt-get" >&2
    apt-get -qq update >/dev/null 2>&1
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install mosquitto >/dev/null 2>&1
    [ -x /usr/sbin/mosquitto ] && return 0
  fi
  missing "an MQTT broker, for tests/notifiers/test_mqtt.py: apt-get install mosquitto (as root)"
}

# Runs one of the node's scripts; its last line says why, if it cannot.
get_node_part() {
  script=$here/node/$1
  [ -f "$script" ] || return 0
  words=$(sh "$script" 2>&1) || missing "$2, for tests/node: $(echo "$words" | tail -n 1)"
}

cd "$root" || exit 1
get_chromium
get_mosquitto
get_node_part get_bitcoind.sh "a bitcoind"
get_node_part get_electrum.sh "an Electrum server"
exit 0
