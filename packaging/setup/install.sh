#!/bin/bash
# Installs what `make demo` and `make test` need on Debian 12 besides Rust and Node; only what is missing.
#   install.sh          PostgreSQL 15 with hypopg, and what the build needs
#   install.sh --test   the same, Chromium for the browser test, and a C++ compiler for the fuzzer
#   install.sh --check  installs nothing: exit 0 if everything is there, else 69 with the command that installs it
set -euo pipefail

browser=no
check=no
for argument in "$@"; do
    case $argument in
        --test) browser=yes ;;
        --check) check=yes ;;
        -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) echo "unknown argument $argument; see $0 --help" >&2; exit 64 ;;
    esac
done

missing=()
need() { # need PACKAGE PATTERN…: the package, if no file fits any of the patterns
    local package=$1
    shift
    compgen -G "$1" >/dev/null || { [ $# -gt 1 ] && compgen -G "$2" >/dev/null; } || missing+=("$package")
}

need postgresql-15 /usr/lib/postgresql/15/bin/postgres
need postgresql-15-hypopg /usr/share/postgresql/15/extension/hypopg.control
need libclang-dev '/usr/lib/llvm-*/lib/libclang.so*' '/usr/lib/*/libclang.so*'
command -v cc >/dev/null || missing+=(gcc)
need libc6-dev '/usr/include/*/sys/types.h' /usr/include/sys/types.h
command -v pkg-config >/dev/null || missing+=(pkg-config)
if [ $browser = yes ]; then
    command -v chromium >/dev/null || missing+=(chromium)
    command -v c++ >/dev/null || missing+=(g++)
fi
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "missing: ${missing[*]}" >&2
    echo "these are Debian's names, and there is no apt-get here: install what they stand for by this system's own means" >&2
    exit 69
fi

as_root=()
can_be_root=yes
if [ "$(id -u)" != 0 ]; then
    as_root=(sudo)
    { command -v sudo >/dev/null && sudo -n true 2>/dev/null; } || can_be_root=no
fi
if [ $check = yes ] || [ $can_be_root = no ]; then
    echo "missing: ${missing[*]}" >&2
    echo "run as root: apt-get update && apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 69
fi

# Debian starts a server of its own with the first PostgreSQL package; the demo and the tests bring their own.
no_main_cluster=/etc/postgresql-common/createcluster.d/querysmith.conf
forget_no_main_cluster() { "${as_root[@]}" rm -f "$no_main_cluster"; }
if [[ " ${missing[*]} " == *" postgresql-15 "* ]]; then
    "${as_root[@]}" mkdir -p "$(dirname "$no_main_cluster")"
    echo 'create_main_cluster = false' | "${as_root[@]}" tee "$no_main_cluster" >/dev/null
    trap forget_no_main_cluster EXIT
fi

say() { echo "[$SECONDS s] $*" >&2; }
log=$(mktemp)
apt() { # apt-get's own words are shown only if it fails
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@" >"$log" 2>&1 || {
        cat "$log" >&2
        say "apt-get $1 failed"
        exit 69
    }
}

say "installing ${missing[*]}"
say "reading Debian's package lists"
apt update
say "downloading and unpacking (a minute or two the first time)"
apt install --no-install-recommends "${missing[@]}"
rm -f "$log"
say "installed ${missing[*]}"
