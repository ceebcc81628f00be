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
        for system in kvm kvmmmu "$group"; do
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
# Pointers as they are, where the kernel lets choose; the process of each thread.
for option in nohash-ptr record-tgid; do
    echo "$option" > "$instance/trace_options" 2>/dev/null || :
done

if [ -n "$pid" ]; then
    echo event-fork > "$instance/trace_options" 2>/dev/null || :
    for task in "/proc/$pid/task"/*; do
        echo "${task##*/}" >> "$instance/set_event_pid"
    done
    say "only the threads of process $pid: what other threads of the host do to its memory (reclaim, compaction) is not recorded"
fi

# set_probe KIND NAME FUNCTION ARGUMENTS...: where the function is there under its own name or as a clone of the compiler's.
set_probe() {
    kind=$1 name=$2 function=$3
    shift 3
    symbol=$(awk -v function_name="$function" '$2 ~ /^[tT]$/ && ($3 == function_name || index($3, function_name ".") == 1) && $3 !~ /\.cold/ { print $3; exit }' "$kallsyms" 2>/dev/null)
    if [ -n "$symbol" ] && [ -r "$tracefs/available_filter_functions" ] && ! grep -q "^$symbol\( \|\$\)" "$tracefs/available_filter_functions"; then
        symbol=
    fi
    if [ -n "$symbol" ] && echo "$kind:$group/$name $symbol $*" >> "$tracefs/kprobe_events" 2>/dev/null; then
        probes="$probes $name"
    else
        skipped="$skipped $name"
    fi
}

case $release in
@MATCH@)
    if [ -w "$tracefs/kprobe_events" ]; then
        while read -r kind name function arguments; do
            [ -z "$kind" ] || set_probe "$kind" "$name" "$function" "$arguments"
        done <<'PROBES'
@PROBES@
PROBES
    fi
    ;;
*)
    say "this kernel is $release, the probes are those of $made: tracepoints alone (make the script again with --kernel)"
    ;;
esac
[ -z "$skipped" ] || say "functions that this kernel has not, or has inlined:$skipped"

for system in kvm kvmmmu "$group"; do
    [ ! -e "$instance/events/$system/enable" ] || echo 1 > "$instance/events/$system/enable" || say "not all events of $system could be switched on"
done
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
