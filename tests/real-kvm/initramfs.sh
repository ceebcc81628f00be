#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# initramfs.sh KERNEL CACHE [PACKAGE]: an unmodified Debian kernel and an initramfs with its KVM, the probes and the VMM.
# Prints the folder that holds vmlinuz, initrd.gz and release. Downloads packages into CACHE once; installs nothing.
# Needs apt-get with package lists, dpkg-deb, gcc, binutils, cpio, gzip, xz.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
kernel=$1 cache=$2 package=${3:-}
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)

fail() { echo "real-kvm: $*" >&2; exit 2; }

newest() { # The newest package of this kernel line; neither the cloud and real-time flavours nor debug symbols.
    apt-cache pkgnames "linux-image-$kernel." | grep -E "^linux-image-${kernel//./\\.}\.[0-9][0-9.+a-z-]*-amd64(-unsigned)?$" | grep -vE 'cloud|rt-' | sort -V | tail -n 1
}

download() { # PACKAGE...: into $cache/packages, unless there
    local name missing=()
    mkdir -p "$cache/packages"
    for name in "$@"; do
        compgen -G "$cache/packages/${name}_*.deb" >/dev/null || missing+=("$name")
    done
    [ ${#missing[@]} -eq 0 ] || (cd "$cache/packages" && apt-get download -qq -o APT::Sandbox::User=root "${missing[@]}") >&2 ||
        fail "apt-get download ${missing[*]} failed: is $kernel in this system's package lists (apt-get update, backports)?"
}

find_module() { # NAME (either of _ and -): its file in the tree, or nothing
    local pattern=${1//[-_]/[-_]}
    find "$tree/lib/modules" "$tree/usr/lib/modules" \( -name "$pattern.ko" -o -name "$pattern.ko.xz" \) 2>/dev/null | head -n 1 || true
}

take_module() { # NAME: unpacks it and, first, what it depends on; built-in ones have no file
    local name=${1//_/-} file dependency
    [ -e "$modules/$name.ko" ] && return
    file=$(find_module "$name")
    [ -n "$file" ] || return 0
    if [[ $file == *.xz ]]; then xz -dc "$file" >"$modules/$name.ko"; else cp "$file" "$modules/$name.ko"; fi
    for dependency in $(objcopy -O binary -j .modinfo "$modules/$name.ko" /dev/stdout | tr '\0' '\n' | sed -n 's/^depends=//p' | tr ',' ' '); do
        take_module "$dependency"
    done
    [[ $name == kvm* ]] || echo "$name.ko" >>"$modules/order"
}

[ -n "$package" ] || package=$(newest)
[ -n "$package" ] || fail "apt knows no linux-image-$kernel package: add the suite that has it (backports for 6.12 on Debian 12) and run apt-get update"
folder=$cache/$package
if [ ! -e "$folder/complete" ]; then
    download "$package" busybox-static
    rm -rf "$folder"
    tree=$folder/tree modules=$folder/modules
    mkdir -p "$tree" "$modules"
    for name in "$package" busybox-static; do dpkg-deb -x "$cache/packages/${name}"_*.deb "$tree"; done
    : >"$modules/order"
    for module in virtio_pci 9pnet_virtio 9p kvm kvm-amd; do take_module "$module"; done
    [ -e "$modules/kvm-amd.ko" ] || fail "$package has no kvm-amd.ko"
    cp "$tree"/boot/vmlinuz-* "$folder/vmlinuz"
    cp "$tree/bin/busybox" "$folder/busybox" 2>/dev/null || cp "$tree/usr/bin/busybox" "$folder/busybox"
    # The upstream version stands in the kernel's banner: "... Debian 6.1.176-1 (...)".
    dpkg-deb -f "$cache/packages/${package}"_*.deb Version | sed 's/-.*//' >"$folder/release"
    rm -rf "$tree"
    touch "$folder/complete"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/root/bin"
gcc -std=gnu17 -O2 -static -pthread -Wall -Wextra -Wno-stringop-truncation -o "$work/root/bin/l1" "$here"/l1/*.c
cp "$folder/busybox" "$work/root/bin/"
cp -r "$folder/modules" "$work/root/"
cp "$here/l1/init" "$here/l1/probes.txt" "$work/root/"
chmod +x "$work/root/init"
(cd "$work/root" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) | gzip -1 >"$folder/initrd.gz.$$"
mv "$folder/initrd.gz.$$" "$folder/initrd.gz"
echo "$folder"
