#!/bin/sh
# Records what this host's KVM does with its MMU, for 'replay import ftrace'. Made by 'replay record host --print-script'; run it as root.
# It makes a tracing instance of its own, sets only those probes that this kernel has, and takes everything back at its end and on Ctrl-C.
# Registers and offsets of the probes are those of Linux @KERNEL@, x86-64.
#
#   SECONDS_TO_RECORD, VM_PID, OUTPUT and BUFFER_KB in the environment override what was said when the script was made.
set -u
seconds=${SECONDS_TO_RECORD:-@SECONDS@}
pid=${VM_PID:-@PID@}
output=${OUTPUT:-@OUTPUT@}
buffer_kb=${BUFFER_KB:-@BUFFER@}
tracefs=${TRACEFS:-/sys/kernel/tracing}
kallsyms=${KALLSYMS:-/proc/kallsyms}
btf=${BTF:-/sys/kernel/btf}
made=@KERNEL@

say() { echo "record-host: $*" >&2; }
die() { say "$*"; exit 1; }

[ -d "$tracefs/events" ] || tracefs=/sys/kernel/debug/tracing
[ -d "$tracefs/events" ] || die "no tracefs at /sys/kernel/tracing: run as root, or 'mount -t tracefs nodev /sys/kernel/tracing'"
[ -d "$tracefs/events/kvm" ] || die "no events of kvm: load the module ('modprobe kvm_intel' or 'modprobe kvm_amd')"
[ -w "$tracefs/kprobe_events" ] || say "kprobes are not to be had here: tracepoints alone"
[ -z "$pid" ] || [ -d "/proc/$pid/task" ] || die "no process $pid"

release=${RELEASE:-$(uname -r 2>/dev/null || echo unknown)}
instance=$tracefs/instances/replay.$$
group=replay_$$
probes=
skipped=

take_back() {
    trap '' INT TERM HUP
    trap - EXIT
    if [ -d "$instance" ]; then
        echo 0 > "$instance/tracing_on"
        for system in kvm kvmmmu "$group" syscalls/sys_enter_ioctl; do
            [ ! -e "$instance/events/$system/enable" ] || echo 0 > "$instance/events/$system/enable"
        done
        rmdir "$instance" 2>/dev/null || { sleep 1; rmdir "$instance" 2>/dev/null || say "$instance could not be removed"; }
    fi
    for probe in $probes; do
        echo "-:$group/$probe" >> "$tracefs/kprobe_events" 2>/dev/null || say "probe $group/$probe could not be removed"
    done
}

stop=
trap take_back EXIT
trap 'stop=1' INT TERM HUP
mkdir "$instance" || die "no instance could be made at $instance: run as root"

echo "$buffer_kb" > "$instance/buffer_size_kb" || die "a buffer of $buffer_kb KiB a CPU is too large: BUFFER_KB sets it"
# The process of each thread. Pointers as they are, where that is known to leave the rest of a line as it is: 6.1 prints exits without
# their reasons then.
echo record-tgid > "$instance/trace_options" 2>/dev/null || :
case $release in
6.12 | 6.12[.-]*) echo nohash-ptr > "$instance/trace_options" 2>/dev/null || : ;;
esac

if [ -n "$pid" ]; then
    echo event-fork > "$instance/trace_options" 2>/dev/null || :
    for task in "/proc/$pid/task"/*; do
        echo "${task##*/}" >> "$instance/set_event_pid"
    done
    say "only the threads of process $pid: what other threads of the host do to its memory (reclaim, compaction) is not recorded"
fi

# Where members of structures are, as lines "o STRUCT.MEMBER BYTES", and what functions take, as "f FUNCTION(PARAMETERS)": by the
# kernel's own type information where a tool is there that reads it, else as known of Linux @KERNEL@.
known=
case $release in
@MATCH@) known=1 ;;
esac
layout= source="Linux $made" prototypes=
if [ -r "$btf/vmlinux" ] && command -v bpftool >/dev/null 2>&1; then
    layout=$({
        bpftool btf dump file "$btf/vmlinux" format raw
        for module in kvm kvm_intel kvm_amd; do
            [ ! -r "$btf/$module" ] || bpftool -B "$btf/vmlinux" btf dump file "$btf/$module" format raw
        done
    } 2>/dev/null | awk '
        /^\[/ {
            id = $1; kind = $2; name = $3; gsub(/\047/, "", name)
            if (kind == "FUNC_PROTO") parameters[id] = ""
            if (kind == "FUNC") { type = $4; sub(/type_id=/, "", type); print "f", name "(" parameters["[" type "]"] ")" }
            next
        }
        kind == "STRUCT" && name ~ /^kvm_(page_fault|mmu_page|mmu|mmu_root_info|vcpu|vcpu_arch)$/ {
            member = $1; gsub(/\047/, "", member)
            for (i = 2; i <= NF; i++) if ($i ~ /^bits_offset=/) print "o", name "." member, substr($i, 13) / 8
        }
        kind == "FUNC_PROTO" {
            member = $1; gsub(/\047/, "", member)
            parameters[id] = parameters[id] (parameters[id] == "" ? "" : ",") member
        }')
    [ -z "$layout" ] || { source="this kernel's BTF (bpftool)"; prototypes=1; }
elif [ -r "$btf/kvm" ] && [ -n "$known" ] && command -v pahole >/dev/null 2>&1; then
    layout=$(for name in kvm_page_fault kvm_mmu_page kvm_mmu kvm_mmu_root_info kvm_vcpu kvm_vcpu_arch; do
        pahole --btf_base "$btf/vmlinux" -C "$name" "$btf/kvm" 2>/dev/null | awk -v name="$name" '
            /^\t[^\t].*;[ \t]*\/\*/ {
                member = $0; sub(/;.*/, "", member); sub(/.*[ \t*]/, "", member); sub(/:.*/, "", member)
                offset = $0; sub(/.*;[ \t]*\/\*[ \t]*/, "", offset); sub(/[ \t:].*/, "", offset)
                print "o", name "." member, offset
            }'
    done)
    [ -z "$layout" ] || source="this kernel's BTF (pahole)"
fi
if [ -z "$layout" ] && [ -n "$known" ]; then
    layout=$(cat <<'OFFSETS'
@OFFSETS@
OFFSETS
    )
fi

# The probes that fit: of functions with the parameters that are known, with members in their places.
fitting=
[ -z "$layout" ] || fitting=$({ echo "$layout"; echo @; cat <<'PROBES'
@PROBES@
PROBES
} | awk -v known="$known" -v prototypes="$prototypes" '
    $1 == "@" { probes = 1; next }
    !probes && $1 == "o" && !($2 in offset) { offset[$2] = $3 }
    !probes && $1 == "f" { name = $2; sub(/\(.*/, "", name); prototype[name] = $2 }
    !probes { next }
    NF {
        name = $3; sub(/\(.*/, "", name)
        fits = name in prototype ? prototype[name] == $3 : known != "" || prototypes == ""
        text = ""
        for (i = 4; i <= NF; i++) {
            argument = $i
            while (match(argument, /[{][^}]*[}]/)) {
                terms = split(substr(argument, RSTART + 1, RLENGTH - 2), term, "+")
                sum = 0
                for (j = 1; j <= terms; j++) { if (!(term[j] in offset)) fits = 0; sum += offset[term[j]] }
                argument = substr(argument, 1, RSTART - 1) sum substr(argument, RSTART + RLENGTH)
            }
            text = text " " argument
        }
        print (fits ? $1 : "-"), $2, name text
    }')

# Under which name the kernel has each: its own, or that of a clone of the compiler's.
symbols=$({ echo "$fitting" | awk '$1 != "-" { print $3 }'; echo @; cat "$kallsyms"; } 2>/dev/null | awk '
    $1 == "@" { symbols = 1; next }
    !symbols { wanted[$1] = 1; next }
    $2 ~ /^[tT]$/ && $3 !~ /\.cold/ {
        name = $3; sub(/\..*/, "", name)
        if (name in wanted && (!(name in found) || $3 == name)) found[name] = $3
    }
    END { for (name in found) print name, found[name] }')
[ ! -r "$tracefs/available_filter_functions" ] || symbols=$({ echo "$symbols"; echo @; cat "$tracefs/available_filter_functions"; } | awk '
    $1 == "@" { functions = 1; next }
    !functions { wanted[$2] = $1; next }
    $1 in wanted { print wanted[$1], $1 }')

if [ -z "$fitting" ]; then
    say "this kernel is $release, the probes are those of $made, and no bpftool is there to tell what it has: tracepoints alone"
elif [ -w "$tracefs/kprobe_events" ]; then
    while read -r kind name function arguments; do
        [ -n "$kind" ] && [ -z "$stop" ] || continue
        symbol=$(echo "$symbols" | awk -v name="$function" '$1 == name { print $2; exit }')
        if [ "$kind" != - ] && [ -n "$symbol" ] && echo "$kind:$group/$name $symbol $arguments" >> "$tracefs/kprobe_events" 2>/dev/null; then
            probes="$probes $name"
        else
            skipped="$skipped $name"
        fi
    done <<FITTING
$fitting
FITTING
    if [ -n "$probes" ]; then say "structures as $source has them"; else say "no probe fits"; fi
fi
if [ -n "$stop" ]; then
    say "interrupted before recording began"
    exit 130
fi
[ -z "$skipped" ] || say "functions that this kernel has not, or has inlined:$skipped"

# A zapped table is walked entry by entry: those that were empty say nothing.
{ echo 'old != 0 && old != 0x8000000000000000' > "$instance/events/$group/mmu_page_zap_pte/filter"; } 2>/dev/null || :
for system in kvm kvmmmu "$group"; do
    [ ! -e "$instance/events/$system/enable" ] || echo 1 > "$instance/events/$system/enable" || say "not all events of $system could be switched on"
done
# No event of kvm tells when userspace changes memslots and reads or clears the dirty log, but its system call does:
# KVM_SET_USER_MEMORY_REGION(2), KVM_GET_DIRTY_LOG, KVM_CLEAR_DIRTY_LOG, KVM_RESET_DIRTY_RINGS.
ioctls=$instance/events/syscalls/sys_enter_ioctl
{ echo 'cmd == 0x4020ae46 || cmd == 0x40a0ae49 || cmd == 0x4010ae42 || cmd == 0xc018aec0 || cmd == 0xaec7' > "$ioctls/filter" && echo 1 > "$ioctls/enable"; } 2>/dev/null ||
    say "no events of system calls: with tdp_mmu=N nothing shows when the dirty log is read"
[ -e "$instance/events/kvmmmu/enable" ] || say "no events of kvmmmu: this kernel shows no table entries"
echo 1 > "$instance/tracing_on"
say "recording for $seconds s, Ctrl-C ends it earlier"
left=$seconds
while [ "$left" -gt 0 ] && [ -z "$stop" ]; do
    sleep 1 || :
    left=$((left - 1))
done
echo 0 > "$instance/tracing_on"

cat "$instance/trace" > "$output" || die "$output could not be written"
lost=0
for stats in "$instance"/per_cpu/cpu*/stats; do
    [ -r "$stats" ] || continue
    here=$(awk '/^(overrun|commit overrun|dropped events):/ { n += $NF } END { print n + 0 }' "$stats")
    lost=$((lost + here))
done
[ "$lost" -eq 0 ] || say "LOST $lost events: a larger BUFFER_KB than $buffer_kb, or fewer seconds. The import says where."
say "$output: $(grep -c -v '^#' "$output" || :) events; probes:${probes:- none}"
say "next: replay import ftrace $output --db host.db"
