#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# boot.sh IMAGE SHARE: boots IMAGE/vmlinuz on QEMU's emulation of AMD SVM with nested paging; SHARE/jobs says what to run.
# The kernel's console goes to SHARE/console.log. Ends when the machine switches itself off, or after LIMIT seconds (environment).
set -euo pipefail
image=$1 share=$2
timeout --foreground -k 5 "${LIMIT:-3600}" qemu-system-x86_64 -accel tcg -M pc -cpu EPYC-v1 -m 1536 -smp 1 -display none -monitor none -serial file:"$share/console.log" -no-reboot \
    -kernel "$image/vmlinuz" -initrd "$image/initrd.gz" -append 'console=ttyS0 nokaslr mitigations=off quiet tsc=reliable no_hash_pointers panic=-1' \
    -nic none -virtfs local,path="$share",mount_tag=share,security_model=none </dev/null
[ -e "$share/finished" ] || {
    echo "real-kvm: the machine ended before its jobs did: $(cat "$share/failure" 2>/dev/null || tail -n 3 "$share/console.log")" >&2
    exit 2
}
