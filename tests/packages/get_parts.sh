#!/bin/sh
# What the tests of the packages need besides podman: podman-compose, nginx, Caddy, the SDK
# of StartOS, and pytest for the image's Python.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
export PIP_DISABLE_PIP_VERSION_CHECK=1
if ! command -v nginx >/dev/null || ! command -v caddy >/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get -qq -o DPkg::Lock::Timeout=300 update >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 --no-install-recommends install \
      nginx-light caddy openssl >/dev/null
  else
    echo "missing: nginx and caddy, for the proxies: apt-get install nginx-light caddy" >&2
  fi
fi
[ -e "$root/packaging/startos/node_modules/.installed" ] || {
  (cd "$root/packaging/startos" && npm ci --silent --no-audit --no-fund)
  touch "$root/packaging/startos/node_modules/.installed"
}
[ -x "$root/.parts/podman-compose/bin/podman-compose" ] || {
  rm -rf "$root/.parts/podman-compose"
  "$root/.venv/bin/python" -m venv "$root/.parts/podman-compose"
  "$root/.parts/podman-compose/bin/python" -m pip install --quiet podman-compose==1.6.0
}
beside=$root/.parts/image-tests
wanted="aiosmtpd httpx hypothesis jsonschema pyarrow pytest pytest-asyncio pytest-timeout pytest-xdist standardwebhooks"
[ "$(cat "$beside/.installed" 2>/dev/null)" = "$wanted" ] || {
  rm -rf "$beside"
  # The versions are those of the lock; the wheels those of the image's Python.
  sed -n 's/^\([a-z0-9-]*==[^ ;]*\).*/\1/p' "$root/requirements-test.txt" >"$root/.parts/constraints.txt"
  podman run --rm --network=host --user=0 --no-healthcheck --volume="$root/.parts:/parts" \
    --volume=/etc/ssl/certs/ca-certificates.crt:/ca.crt:ro --env=PIP_CERT=/ca.crt --env=PIP_ROOT_USER_ACTION=ignore \
    --entrypoint sh localhost/spout:latest -c "grep -v contourpy /parts/constraints.txt | grep -v numpy >/tmp/c.txt
      PYTHONPATH= python3 -m pip install --quiet --target /parts/image-tests -c /tmp/c.txt $wanted" >&2
  # What the image has itself is the image's to bring.
  echo "$wanted" >"$beside/.installed"
}
