#!/usr/bin/env bash
# Makes sure that the browser tests find Chromium and a Chinese font: the system's own, else the packages of Debian and
# Ubuntu, else Playwright's build.
set -eu

find_browser() {
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        command -v "$name" && return 0
    done
    return 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo -n "$@"; else return 1; fi
}

missing=""
find_browser >/dev/null || missing="$missing chromium"
if command -v fc-list >/dev/null; then
    [ -n "$(fc-list :lang=zh 2>/dev/null | head -n 1)" ] || missing="$missing fonts-noto-cjk"
else
    missing="$missing fonts-noto-cjk fontconfig"
fi

if [ -n "$missing" ] && command -v apt-get >/dev/null; then
    echo "installing$missing"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086  # the list is to be split
    { as_root apt-get update -qq && as_root apt-get install -qq -y --no-install-recommends $missing; } >/dev/null || true
fi

if ! find_browser >/dev/null; then
    echo "no Chromium in the system; asking Playwright for its own build"
    .venv/bin/playwright install chromium
fi
