#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Records guests of others, replays each in all five modes, and prints a row of docs/fidelity.md for each:
# Debian's kernels in several shapes and under Xen, firmware, boot loader, memory tester, xv6, KVM's own unit tests. Needs apt-get and
# dpkg-deb (Debian 12), cpio, gzip, QEMU 10, for the last two git, gcc, make and perl; no root; some 300 MB of downloads
# and, for all of it, an hour of two cores.
# Usage: wide.sh DIRECTORY [GUEST...]; wide.sh --list. REPLAY names the tool (default: ./replay beside this tree),
# WIDE_SOURCES where the repositories are cloned from (default: https://github.com).
set -euo pipefail

here=$(cd "$(dirname "$0")/../.." && pwd)
replay=${REPLAY:-$here/replay}
modes=(ept ept-tdp npt npt-tdp shadow)

guests=(
    'linux-6.1|amd64/6.1|-M pc -m 256'
    'linux-6.1-smp2|amd64/6.1|-M pc -m 256 -smp 2'
    'linux-6.1-smp4-q35-max|amd64/6.1|-M q35 -m 256 -smp 4 -cpu max'
    'linux-6.1-6gib|amd64/6.1|-M q35 -m 6G'
    'linux-6.1-disk|amd64/6.1 disk|-M q35 -m 256'
    'linux-6.12|amd64/6.12|-M pc -m 256'
    'linux-6.12-smp2|amd64/6.12|-M pc -m 256 -smp 2'
    'linux-6.12-smp4-q35|amd64/6.12|-M q35 -m 256 -smp 4'
    'linux-6.12-la57|amd64/6.12|-M q35 -m 512 -cpu max,la57=on'
    'linux-6.1-plug|amd64/6.1 plug|-M q35 -m 512,slots=2,maxmem=2G -smp 1,sockets=2,maxcpus=2'
    'linux-6.12-kexec|amd64/6.12 kexec|-M q35 -m 512 -smp 2'
    'linux-6.12-huge|amd64/6.12 huge|-M q35 -m 512'
    'i386-pae|i386/686-pae|-M pc -m 256'
    'i386|i386/686|-M pc -m 256'
    'xen-dom0|xen|-M pc -m 512'
    'ovmf-shell|ovmf|-M q35 -m 256 -icount shift=6,sleep=off'
    'grub|grub|-M pc -m 64'
    'memtest86+|memtest|-M pc -m 64'
    'xv6-smp2|xv6|-M pc -m 512 -smp 2'
)
# KVM's unit tests that run under QEMU's own emulation, with the arguments that their list has for them.
for test in 'access_test:-cpu max' 'apic' 'debug' 'emulator' 'eventinj' 'la57:-cpu max' 'lam:-cpu max' 'memory:-cpu max' 'pcid:-cpu max' \
    'pks:-cpu max' 'pku:-cpu max' 'realmode' 'rmap_chain' 'smap:-cpu max' 'smptest:-smp 2' 'svm:-cpu max,+svm -m 4g -smp 2' 'svm_npt:-cpu max,+svm -m 4g -smp 2' \
    'syscall:-cpu Opteron_G1,vendor=AuthenticAMD' 'umip:-cpu qemu64,+umip' 'xsave:-cpu max'; do
    options=
    [[ $test != *:* ]] || options=${test#*:}
    guests+=("kvm-unit-tests-${test%%:*}|kut ${test%%:*}|$options")
done
# svm without what QEMU gives up at (MSRs), what never ends there (an exception, an SMI), and what takes a million VMRUNs or all memory.
guests+=('kvm-unit-tests-svm-more|kut svm more|-cpu max,+svm -m 4g -smp 2'
    'kvm-unit-tests-svm-no-npt|kut svm more|-cpu max,+svm,-npt -m 4g -smp 2')
svm_more='-msr_intercept_check -svm_exception_test -svm_intr_intercept_mix_smi -latency* -svm_vmrun_errata_test -pause_filter_test -svm_unsupported_instruction_intercept_test'

if [ "${1:-}" = --list ]; then
    printf '%s\n' "${guests[@]%%|*}"
    exit 0
fi
out=${1:?usage: wide.sh DIRECTORY [GUEST...] or wide.sh --list}
shift
mkdir -p "$out/apt/lists/partial" "$out/apt/cache/archives/partial" "$out/trees"
out=$(cd "$out" && pwd)

apt_i386() { # apt with a package list of its own, so that nothing of this machine changes
    local options=(-o Dir::Etc::sourcelist="$out/apt/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$out/apt/lists"
        -o Dir::Cache="$out/apt/cache" -o APT::Architectures::=amd64 -o APT::Architectures::=i386 -o APT::Sandbox::User=root)
    local tool=$1
    shift
    "$tool" "${options[@]}" "$@"
}

prepare_apt() {
    [ -s "$out/apt/sources.list" ] && return
    cat >"$out/apt/sources.list" <<'LIST'
deb http://deb.debian.org/debian bookworm main
deb [arch=amd64] http://deb.debian.org/debian-security bookworm-security main
LIST
    apt_i386 apt-get -qq update
}

package() { # NAME: unpacks it into trees/NAME
    local into=$out/trees/$1
    [ -d "$into" ] && return
    prepare_apt
    mkdir -p "$out/debs/$1"
    (cd "$out/debs/$1" && apt_i386 apt-get -qq download "$1")
    dpkg-deb -x "$out/debs/$1"/*.deb "$into.new"
    mv "$into.new" "$into"
}

newest() { # META-PACKAGE PATTERN: the package of the day that it stands for
    prepare_apt
    apt_i386 apt-cache depends "$1" | sed -n "s/.*Depends: \\($2[^ ]*\\).*/\\1/p" | head -n 1
}

repository() { # OWNER/NAME COMMIT: checks it out into trees/OWNER/NAME
    local into=$out/trees/$1
    [ -d "$into" ] && [ "$(git -C "$into" rev-parse HEAD)" = "$2" ] && return
    rm -rf "$into" "$into.new"
    git clone -q "${WIDE_SOURCES:-https://github.com}/$1" "$into.new"
    git -C "$into.new" -c advice.detachedHead=false checkout -q "$2"
    mv "$into.new" "$into"
}

kernel_package() {
    case $1 in
        amd64/6.1) newest linux-image-amd64 'linux-image-6\.1\.' ;;
        amd64/6.12) newest linux-image-6.12-amd64 'linux-image-6\.12' ;;
        i386/686-pae) newest linux-image-686-pae:i386 'linux-image-6\.1' ;;
        i386/686) newest linux-image-686:i386 'linux-image-6\.1' ;;
    esac
}

kexec_program() { # loads /kexec/vmlinuz with /kexec/initrd, and goes over to it
    gcc -O1 -static -nostdlib -ffreestanding -fno-stack-protector -fcf-protection=none -x c -o "$1" - <<'KEXEC'
static long call(long n, long a, long b, long c, long d, long e) {
    register long r10 __asm__("r10") = d, r8 __asm__("r8") = e;
    __asm__ volatile("syscall" : "+a"(n) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
    return n;
}
void _start(void) {
    static const char line[] = "console=ttyS0 panic=-1";
    long kernel = call(2, (long)"/kexec/vmlinuz", 0, 0, 0, 0), initrd = call(2, (long)"/kexec/initrd", 0, 0, 0, 0);
    if (!call(320, kernel, initrd, sizeof(line), (long)line, 0))
        call(169, 0xfee1dead, 672274793, 0x45584543, 0, 0);
    call(60, 1, 0, 0, 0, 0);
}
KEXEC
}

huge_program() { # a huge page is made, shared by fork, written by one side, split by mprotect and by madvise, given back
    gcc -O1 -static -nostdlib -ffreestanding -fno-stack-protector -fcf-protection=none -x c -o "$1" - <<'HUGE'
static long call(long n, long a, long b, long c, long d, long e, long f) {
    register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
    __asm__ volatile("syscall" : "+a"(n) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
    return n;
}
#define SIZE (16l << 20)
#define STEP (2l << 20)
void _start(void) {
    for (int round = 0; round < 4; round++) {
        char *all = (char *)call(9, 0, SIZE + STEP, 3, 0x22, -1, 0), *p = (char *)(((long)all + STEP - 1) & ~(STEP - 1));
        call(28, (long)p, SIZE, 14, 0, 0, 0); /* MADV_HUGEPAGE */
        for (long i = 0; i < SIZE; i += 4096)
            p[i] = i >> 12;
        long child = call(57, 0, 0, 0, 0, 0, 0);
        for (long i = child ? 0 : STEP; i < SIZE; i += 3 * STEP)
            p[i + 4096]++;
        if (!child)
            call(60, 0, 0, 0, 0, 0, 0);
        call(61, child, 0, 0, 0, 0, 0);
        call(10, (long)p + 3 * 4096, 4096, 1, 0, 0, 0);                /* PROT_READ in the middle of one */
        call(28, (long)p + STEP + 64 * 4096, 64 * 4096, 4, 0, 0, 0);   /* MADV_DONTNEED of a part of another */
        for (long i = 4 * 4096; i < SIZE; i += 4096)
            p[i]++;
        call(28, (long)p + 4 * STEP, STEP, 15, 0, 0, 0);               /* MADV_NOHUGEPAGE */
        call(25, (long)all, SIZE + STEP, SIZE + 2 * STEP, 1, 0, 0);    /* mremap: page tables move */
    }
    call(60, 0, 0, 0, 0, 0, 0);
}
HUGE
}

initramfs() { # ARCHITECTURE KERNEL-TREE WHAT...: a userland of busybox that forks, signals, maps, and does what else it is told to
    local arch=$1 tree=$2 root
    shift 2
    root=$(mktemp -d)
    package "busybox-static:$arch"
    mkdir -p "$root"/{bin,proc,sys,dev,tmp,mnt,mod}
    cp "$out/trees/busybox-static:$arch"/{usr/,}bin/busybox "$root/bin/" 2>/dev/null || true
    if [[ " $* " == *" kexec "* ]]; then
        mkdir "$root/kexec"
        cp "$tree"/boot/vmlinuz-* "$root/kexec/vmlinuz"
        initramfs "$arch" "$tree" >"$root/kexec/initrd"
        kexec_program "$root/bin/kexec"
    fi
    if [[ " $* " == *" huge "* ]]; then huge_program "$root/bin/huge"; fi
    if [[ " $* " == *" disk "* ]]; then
        for module in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk crc32c_generic libcrc32c crc16 mbcache jbd2 ext4; do
            find "$tree/lib/modules" -name "$module.ko*" -exec cp {} "$root/mod/" \;
        done
    fi
    {
        cat <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /tmp
cd /tmp
echo "guest: start $(uname -r) $(nproc) $(grep MemTotal /proc/meminfo)"
INIT
        [[ " $* " == *" disk "* ]] && cat <<'INIT'
for m in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk crc32c_generic libcrc32c crc16 mbcache jbd2 ext4; do
    [ -e /mod/$m.ko ] && insmod /mod/$m.ko
done
mount -t ext4 /dev/vda /mnt && seq 1 20000 > /mnt/numbers && sync && md5sum /mnt/numbers
mkswap /dev/vdb && swapon /dev/vdb && mount -o remount,size=200m /tmp && dd if=/dev/zero of=/tmp/big bs=1M count=190 2>/dev/null
grep -E 'SwapTotal|SwapFree' /proc/meminfo
rm -f /tmp/big; swapoff /dev/vdb; umount /mnt
INIT
        [[ " $* " == *" plug "* ]] && cat <<'INIT'
[ -e /sys/devices/system/cpu/cpu1 ] && echo "guest: again" && poweroff -f
echo "guest: plug"
while [ ! -e /sys/devices/system/cpu/cpu1 ]; do sleep 0.01; done # time that is slept away takes none of the host's
echo 1 > /sys/devices/system/cpu/cpu1/online 2>/dev/null
echo online > /sys/devices/system/memory/auto_online_blocks 2>/dev/null
for m in /sys/devices/system/memory/memory*/state; do grep -q offline $m && echo online > $m; done
echo "guest: plugged $(nproc) $(grep MemTotal /proc/meminfo)"
INIT
        [[ " $* " == *" plug "* || " $* " == *" kexec "* ]] && cat <<'INIT'
for i in 0 1 0 1; do echo $i > /sys/devices/system/cpu/cpu1/online && echo "guest: online $i $(nproc)"; done
INIT
        [[ " $* " == *" huge "* ]] && cat <<'INIT'
echo madvise > /sys/kernel/mm/transparent_hugepage/enabled
huge
grep -E 'thp_(fault_alloc|split_pmd|split_page|zero_page_alloc|collapse_alloc) ' /proc/vmstat
INIT
        cat <<'INIT'
echo always > /sys/kernel/mm/transparent_hugepage/enabled 2>/dev/null
seq 1 150000 | sort -r | tail -n 1
dd if=/dev/zero of=/dev/null bs=16M count=2 2>/dev/null
grep -E 'thp_(fault_alloc|split_page) ' /proc/vmstat
i=0; while [ $i -lt 30 ]; do (sleep 0.01 & kill $!; wait) 2>/dev/null; i=$((i + 1)); done
(seq 1 2000 | grep -c 7) & (seq 1 2000 | awk '{ s += $1 } END { print s }') & wait
dd if=/dev/zero of=/tmp/z bs=64k count=256 2>/dev/null; sha256sum /tmp/z
echo "guest: done"
INIT
        [[ " $* " == *" plug "* ]] && echo 'reboot -f'
        [[ " $* " == *" kexec "* ]] && echo '/bin/kexec || echo "guest: no kexec"'
        echo 'sync; poweroff -f'
    } >"$root/init"
    chmod +x "$root/init"
    find "$root" -exec touch -h -d @0 {} +
    (cd "$root" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 --reproducible) | gzip -9n
    rm -rf "$root"
}

prepare() { # WHAT: sets arguments for it
    local what=$1 kernel name
    case $what in
        amd64/* | i386/*)
            kernel=${what%% *}
            name=$(kernel_package "$kernel")
            package "$name"
            local image
            image=$(echo "$out/trees/$name"/boot/vmlinuz-*)
            local archive=$log/initrd.gz # made each time: one kept by name would be of an older script or kernel
            initramfs "${kernel%%/*}" "$out/trees/$name" $what >"$archive"
            arguments+=(-kernel "$image" -initrd "$archive" -append 'console=ttyS0 panic=-1' -serial "file:$log/console")
            [[ $what == *plug* ]] || arguments+=(-no-reboot)
            if [[ $what == *disk* ]]; then
                truncate -s 0 "$log/disk" "$log/swap" && truncate -s 64M "$log/disk" "$log/swap" && mke2fs -q -t ext4 -F "$log/disk"
                arguments+=(-drive "file=$log/disk,format=raw,if=virtio" -drive "file=$log/swap,format=raw,if=virtio")
            fi
            if [[ $what == *plug* ]]; then
                arguments+=(-qmp "unix:$log/qmp,server=on,wait=off")
            fi ;;
        xen) # Debian's Xen, with Debian's 6.1 kernel as its first guest, whose tables Xen makes the CPU walk (no nested guest)
            local hypervisor
            hypervisor=$(newest xen-system-amd64 xen-hypervisor-)
            name=$(kernel_package amd64/6.1)
            package "$hypervisor"
            package "$name"
            gzip -dc "$out/trees/$hypervisor"/boot/xen-*.gz >"$log/xen"
            initramfs amd64 "$out/trees/$name" >"$log/initrd.gz"
            arguments+=(-no-reboot -serial "file:$log/console" -kernel "$log/xen" -append 'console=com1 com1=115200 dom0_mem=256M'
                -initrd "$(echo "$out/trees/$name"/boot/vmlinuz-*) console=hvc0 panic=-1,$log/initrd.gz") ;;
        ovmf)
            package ovmf
            cp "$out/trees/ovmf/usr/share/OVMF/OVMF_VARS_4M.fd" "$log/vars"
            mkdir -p "$log/esp"
            printf 'echo guest: done\r\nreset -s\r\n' >"$log/esp/startup.nsh"
            arguments+=(-drive "if=pflash,format=raw,readonly=on,file=$out/trees/ovmf/usr/share/OVMF/OVMF_CODE_4M.fd" -drive "if=pflash,format=raw,file=$log/vars"
                -drive "file=fat:rw:$log/esp,format=raw,if=ide" -serial "file:$log/console") ;;
        grub)
            package grub-rescue-pc
            arguments+=(-cdrom "$out/trees/grub-rescue-pc/usr/lib/grub-rescue/grub-rescue-cdrom.iso" -serial "file:$log/console")
            bounds=(--max-accesses 400000000) ;;
        memtest)
            package memtest86+
            arguments+=(-kernel "$(echo "$out"/trees/memtest86+/boot/memtest86+x64.bin)" -append 'console=ttyS0,115200' -serial "file:$log/console")
            bounds=(--max-accesses 1000000000) ;;
        xv6) # its own tests of its system calls take the place of the shell
            repository mit-pdos/xv6-public eeb7b415dbcb12cc362d0783e41c3d1f44066b17
            local xv6=$out/trees/mit-pdos/xv6-public flags='-m32 -O2 -MD -ggdb -w -static -fno-pic -fno-pie -no-pie -fno-builtin'
            flags+=' -fno-strict-aliasing -fno-omit-frame-pointer -fno-stack-protector -fcf-protection=none'
            make -s -C "$xv6" TOOLPREFIX= CFLAGS="$flags" xv6.img fs.img >"$log/make" 2>&1
            mkdir "$log/files" && cp "$xv6/README" "$xv6"/_* "$log/files/" && cp "$xv6/_usertests" "$log/files/_sh"
            (cd "$log/files" && "$xv6/mkfs" ../fs.img README _*) >>"$log/make"
            cp "$xv6/xv6.img" "$log/"
            arguments+=(-drive "file=$log/fs.img,index=1,media=disk,format=raw" -drive "file=$log/xv6.img,index=0,media=disk,format=raw" -serial "file:$log/console")
            bounds=(--max-accesses 400000000) ;;
        kut*)
            repository kvm-unit-tests/kvm-unit-tests 1da1819e49fc4938985edca67df669099b4c87a7
            local tests=$out/trees/kvm-unit-tests/kvm-unit-tests
            [ -e "$tests/config.mak" ] || (cd "$tests" && ./configure --arch=x86_64)
            read -r _ name _ <<<"$what"
            make -s -C "$tests" "x86/$name.flat" >"$log/make" 2>&1
            [ "$what" != 'kut svm more' ] || arguments+=(-append "$svm_more")
            arguments+=(-no-reboot -nodefaults -device pc-testdev -device isa-debug-exit,iobase=0xf4,iosize=0x4 -serial "file:$log/console" -kernel "$tests/x86/$name.flat")
            bounds=(--max-accesses 300000000) ;;
    esac
}

plug() { # hot-plugs a vCPU and a DIMM once the guest waits for them
    while ! grep -q 'guest: plug' "$log/console" 2>/dev/null; do sleep 0.2; done
    python3 - "$log/qmp" <<'PLUG'
import json, socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); f = s.makefile('rw')
f.readline()

def ask(command):
    f.write(json.dumps(command) + '\n'); f.flush()
    while True:
        answer = json.loads(f.readline())
        if 'event' not in answer:
            break
    if 'error' in answer:
        print(answer, file=sys.stderr)
    return answer

for command in ({'execute': 'qmp_capabilities'},
                {'execute': 'object-add', 'arguments': {'qom-type': 'memory-backend-ram', 'id': 'm1', 'size': 128 << 20}},
                {'execute': 'device_add', 'arguments': {'driver': 'pc-dimm', 'id': 'd1', 'memdev': 'm1'}},
                {'execute': 'query-hotpluggable-cpus'}):
    answer = ask(command)
free = [c for c in answer['return'] if 'qom-path' not in c][0]
ask({'execute': 'device_add', 'arguments': {'driver': free['type'], 'id': 'c1', **free['props']}})
PLUG
}

faults_of_log() { grep -c ' v=0e ' || true; }

row() { # NAME WHAT ARGUMENTS
    local name=$1 what=$2 arguments bounds=() begin=$SECONDS plugger=
    read -ra arguments <<<"$3"
    log=$out/runs/$name
    rm -rf "$log" && mkdir -p "$log"
    prepare "$what"
    [ -z "${WIDE_PREPARE_ONLY:-}" ] || return 0
    # Every interrupt is some twenty lines of log: only the count is kept.
    mkfifo "$log/int"
    faults_of_log <"$log/int" >"$log/faults" &
    local counter=$!
    if [[ $what == *plug* ]]; then plug & plugger=$!; fi
    timeout -s INT "${WIDE_SECONDS:-1500}" "$replay" record qemu -q -o "$log/guest.capture" --filter 1024 "${bounds[@]}" -- \
        "${arguments[@]}" -display none -monitor none -d int -D "$log/int" >"$log/record" 2>&1 </dev/null || echo "exit $?" >>"$log/record"
    [ -z "$plugger" ] || kill "$plugger" 2>/dev/null || true
    : >"$log/int" & sleep 1; kill $! 2>/dev/null || true
    wait "$counter" || true
    local recorded
    recorded=$((SECONDS - begin))
    "$replay" verify -q "$log/guest.capture" $(printf -- ' --mmu %s' "${modes[@]}") --json >"$log/verify.json" 2>"$log/verify.err" || echo "exit $?" >>"$log/verify.err"
    python3 - "$name" "$log" "$recorded" <<'ROW'
import json, subprocess, sys, os
name, log, seconds = sys.argv[1:4]
manifest = json.load(open(f'{log}/guest.capture/manifest.json'))
try:
    verified = json.load(open(f'{log}/verify.json'))
except ValueError:
    verified = {}
runs = verified if isinstance(verified, list) else []
differing = sum(r['translationsDiffering'] for r in runs) if runs else '?'
notes = {}
for r in runs:
    for n, c in r['notes'].items():
        if c:
            notes.setdefault(n, []).append(f"{c} in {r['mode']}")
told = open(f'{log}/faults').read().strip() or '?'
seen = manifest.get('origin', {}).get('guest_page_faults', '?')
text = '; '.join(n + ': ' + ', '.join(c) for n, c in notes.items()) or '0'
print(f"| {name} | {manifest['accessesSeen']:,} | {manifest['endReason']} | {differing} | {text} | {seen} of {told} | {seconds} s |")
ROW
}

echo '| guest | accesses | ended | differing | notes | guest #PFs, of those in the log | time |'
echo '| --- | --- | --- | --- | --- | --- | --- |'
for guest in "${guests[@]}"; do
    IFS='|' read -r name what arguments <<<"$guest"
    if [ $# -eq 0 ] || [[ " $* " == *" $name "* ]]; then
        row "$name" "$what" "$arguments"
    fi
done
