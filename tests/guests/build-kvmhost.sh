#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes a Linux guest that is a KVM host: Debian's 6.1 kernel with its own kvm.ko and kvm-amd.ko, and kvmhost.c as the only process.
# Needs apt-get (Debian 12), dpkg-deb, gcc, libc6-dev, cpio, gzip, xz; no root. Usage: build-kvmhost.sh DIRECTORY [PARAMETERS-OF-KVM-AMD]
# Leaves DIRECTORY/vmlinuz, DIRECTORY/initrd.gz and DIRECTORY/start, the address of the process's first function. To record what comes after the boot:
#   replay record qemu -o kvmhost.capture --filter 1024 --start-at gva:$(cat DIRECTORY/start) -- -M pc -m 128 -cpu EPYC-v1 \
#       -kernel DIRECTORY/vmlinuz -initrd DIRECTORY/initrd.gz -append 'quiet panic=-1 console=ttyS0 nokaslr' -display none -no-reboot
set -eu

here=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: build-kvmhost.sh DIRECTORY [PARAMETERS-OF-KVM-AMD]}
parameters=${2:-}
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

kernel=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: \(linux-image-6\.1[^ ]*\).*/\1/p' | head -n 1)
if [ -z "$kernel" ]; then
    echo "build-kvmhost.sh: apt knows no 6.1 kernel: this needs Debian 12 and a run of apt-get update" >&2
    exit 1
fi
apt-get download -qq -o APT::Sandbox::User=root "$kernel"
dpkg-deb -x ./*.deb tree
mkdir -p root/dev root/modules
for module in irqbypass kvm ccp kvm-amd; do
    file=$(find tree -name "$module.ko" -o -name "$module.ko.xz")
    case $file in
        *.xz) xz -dc "$file" > "root/modules/$module.ko" ;;
        ?*) cp "$file" "root/modules/$module.ko" ;;
    esac
done
gcc -std=gnu17 -O2 -static -no-pie -Wall -Wextra -o root/init "$here/kvmhost.c"
[ -z "$parameters" ] || printf %s "$parameters" > root/parameters
# The same files give the same archive: fixed times, owners and order, no name and time in the gzip header.
find root -exec touch -h -d @0 {} +
(cd root && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 --reproducible) | gzip -9n > "$out/initrd.gz"
cp tree/boot/vmlinuz-* "$out/vmlinuz"
echo "0x$(nm root/init | sed -n 's/ T main$//p')" > "$out/start"
