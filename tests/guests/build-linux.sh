#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the Linux guest of the tests: Debian's 6.1 kernel and a small initramfs around Debian's static busybox.
# Needs apt-get (Debian 12), dpkg-deb, cpio and gzip; no root. Usage: build-linux.sh DIRECTORY
# Leaves DIRECTORY/vmlinuz and DIRECTORY/initrd.gz; does nothing if both are there.
set -eu

out=${1:?usage: build-linux.sh DIRECTORY}
[ -s "$out/vmlinuz" ] && [ -s "$out/initrd.gz" ] && exit 0
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# linux-image-amd64 is a name that depends on the kernel of the day.
kernel=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: \(linux-image-6\.1[^ ]*\).*/\1/p' | head -n 1)
if [ -z "$kernel" ]; then
    echo "build-linux.sh: apt knows no 6.1 kernel: this needs Debian 12 and a run of apt-get update" >&2
    exit 1
fi
apt-get download -qq -o APT::Sandbox::User=root "$kernel" busybox-static
for package in *.deb; do
    dpkg-deb -x "$package" tree
done

mkdir -p initramfs/bin initramfs/proc initramfs/sys initramfs/dev initramfs/tmp
cp tree/bin/busybox initramfs/bin/busybox 2>/dev/null || cp tree/usr/bin/busybox initramfs/bin/busybox
cat > initramfs/init <<'INIT'
#!/bin/busybox sh
# Work that a memory study likes: forks, pipes, page cache, compression, many small files; then off.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /tmp
cd /tmp
echo "guest: start"
seq 1 20000 | sort -r | sort -n | tail -n 1
i=0
while [ $i -lt 40 ]; do
    mkdir -p d$i
    seq 1 200 > d$i/numbers
    i=$((i + 1))
done
find . -type f | wc -l
cat d*/numbers | gzip -c > all.gz
gunzip -c all.gz | sha256sum
find /sys/class -maxdepth 2 | wc -l
(seq 1 3000 | grep -c 7) &
(seq 1 3000 | awk '{ s += $1 } END { print s }') &
wait
rm -rf d*
echo "guest: done"
sync
poweroff -f
INIT
chmod +x initramfs/init
# The same files give the same archive: fixed times, owners and order, no name and time in the gzip header.
find initramfs -exec touch -h -d @0 {} +
(cd initramfs && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 --reproducible) | gzip -9n > initrd.gz
cp tree/boot/vmlinuz-* "$out/vmlinuz"
cp initrd.gz "$out/initrd.gz"
echo "$kernel" > "$out/version"
