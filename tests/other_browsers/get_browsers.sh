#!/bin/sh
# Firefox, WebKit's driver and a screen for it, from Debian; says exactly what is missing if they cannot be had.
set -u
driver=/usr/bin/WebKitWebDriver

have_all() {
  command -v firefox-esr >/dev/null && [ -x "$driver" ] && command -v xvfb-run >/dev/null
}

have_all && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing firefox-esr, webkit2gtk-driver and xvfb with apt-get" >&2
  apt-get -qq update >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install \
    firefox-esr webkit2gtk-driver xvfb xauth >/dev/null
fi
have_all && exit 0
echo "missing, for make test-browsers: apt-get install firefox-esr webkit2gtk-driver xvfb xauth (as root, on Debian)" >&2
exit 1
