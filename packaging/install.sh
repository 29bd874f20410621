#!/bin/sh
# Inside the image's first stage. `install.sh requirements`: the locked wheels of the target into /opt/spout.
# `install.sh spout`: Spout itself beside them, and the compiled modules, so that a read-only container starts fast.
set -eu
target=/opt/spout
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_CACHE_DIR=1
[ ! -r /run/secrets/pip ] || export PIP_CONFIG_FILE=/run/secrets/pip
[ ! -r /run/secrets/ca ] || export PIP_CERT=/run/secrets/ca

requirements() {
  case "${TARGETARCH:-amd64}" in
    amd64) processor=x86_64 ;;
    arm64) processor=aarch64 ;;
    *) echo "no wheels for $TARGETARCH: amd64 or arm64" >&2; exit 1 ;;
  esac
  set --
  for libc in 2_34 2_28 2_27 2_26 2_24 2_17; do set -- "$@" --platform "manylinux_${libc}_$processor"; done
  # not_shipped.txt: what others require and nothing of ours imports. --no-deps, because the lock is complete.
  python3 - <<'PYTHON'
import re
left_out = {line.split()[0] for line in open("not_shipped.txt", encoding="utf-8") if re.match(r"\w", line)}
text = open("requirements.txt", encoding="utf-8").read()
blocks = re.findall(r"^[a-z0-9][^\n]*(?:\n    [^\n]*)*", text, re.MULTILINE)
named = [(re.match(r"[\w.-]+", block)[0], block) for block in blocks]
with open("shipped.txt", "w", encoding="utf-8") as shipped:
    print(*(block for name, block in named if name not in left_out), sep="\n", file=shipped)
with open("builder.txt", "w", encoding="utf-8") as builder:
    print(*(block for name, block in named if name == "setuptools"), sep="\n", file=builder)
PYTHON
  python3 -m pip install --quiet --no-deps --no-compile --require-hashes --only-binary=:all: \
    --implementation cp --python-version 3.13 --abi cp313 --abi abi3 --abi none "$@" \
    --platform "manylinux2014_$processor" --target "$target" -r shipped.txt
  rm -rf "$target/bin" "$target"/setuptools* "$target"/_distutils_hack "$target"/distutils-precedence.pth \
    "$target/include" "$target/share"
  find "$target" -type d \( -name tests -o -name test \) -prune -exec rm -rf {} +
  (prune)
  mkdir -p /empty
}

# What Panel and Bokeh bring along for components that no page has (of over 100 MB), sources and source maps.
# tests/packages loads every page in a browser, which finds what is missing.
prune() {
  cd "$target/panel/dist"
  rm -rf dts panel.json panel.js
  cd bundled
  rm -rf deckglplot aceplot font-awesome abstractvtkplot bootstrap4 bootstrap5 bootstraptemplate perspective plotlyplot \
    datatabulator reveal.js* terminal quillinput material-components-web* materialtemplate jsoneditor echarts vegaplot \
    golden* gridstack katex react* jquery slidestemplate fast* @microsoft muuri* interactjs* web-animations-js* \
    floatpanel filedropper editabletemplate babel-standalone*
  cd "$target/bokeh/server/static"
  rm -rf lib js/compiler.js
  for script in js/*.min.js; do rm -f "${script%.min.js}.js"; done
  find "$target" -name '*.map' -delete
}

spout() {
  python3 -m venv --system-site-packages /tools
  /tools/bin/python -m pip install --quiet --require-hashes --only-binary=:all: -r builder.txt
  /tools/bin/python -m pip install --quiet --no-deps --no-compile --no-build-isolation --target "$target" .
  rm -rf "$target/bin"
  # Unchecked: a layer's file times are not the build's.
  # Found without PYTHONPATH too: a process that restores a backup is started without our environment.
  site=$(python3 -c 'import site; print(site.getsitepackages()[0])')
  mkdir -p "/site$site"
  echo "$target" >"/site$site/spout.pth"
  python3 -m compileall -q --invalidation-mode unchecked-hash "$target" || true
}

"$1"
