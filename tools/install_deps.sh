#!/bin/bash
# Installs the Debian packages that the build and the tests need, if any is missing; says what it installs. When all
# are present it does nothing and asks nobody. Works as root or through sudo. Debian 12 (bookworm) is what is tested.
set -euo pipefail

packages=(
    gcc g++ meson ninja-build pkg-config binutils          # the build
    libyaml-dev libjansson-dev libxxhash-dev libssl-dev    # what the library is linked with
    zlib1g-dev libzstd-dev
    libcmocka-dev libmpfr-dev python3 python3-mpmath tzdata zstd   # the tests
    node-llhttp                                            # their oracle of HTTP, as C source
    curl python3-pip                                       # their clients: curl; pip fetches Triton's and KServe's
    clang libclang-rt-dev                                  # fuzzing, with its sanitizers
)

missing=()
for package in "${packages[@]}"; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

# A clang under the name of its version will do as well, and so will a python3 from elsewhere.
needed=()
for package in "${missing[@]}"; do
    case $package in
        clang) compgen -c clang- | grep -qx 'clang-[0-9]*' && continue ;;
        libclang-rt-dev) dpkg-query -W -f '${db:Status-Status}\n' 'libclang-rt-*-dev' 2>/dev/null | grep -qx installed && continue ;;
        python3-pip) python3 -m pip --version >/dev/null 2>&1 && continue ;;
        python3 | python3-*) command -v python3 >/dev/null && continue ;;
    esac
    needed+=("$package")
done
[ ${#needed[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "missing packages: ${needed[*]}; install them as root" >&2; exit 5; }
    as_root=(sudo)
fi
echo "installing ${needed[*]}" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "${needed[@]}" >"$log" 2>&1
}
# The lists of a fresh machine are empty and those of an old one name files that are gone: then they are fetched.
install || { "${as_root[@]}" apt-get update >"$log" 2>&1 && install; } || { cat "$log" >&2; exit 5; }
