#!/bin/sh
# berth-monitor against conmon, in one run: throughput and CPU of log lines, memory of an idle container's monitor.
# As root: Benchmarks/monitor/run.sh [path of berth-monitor]
# RUNTIME (crun), CONMON (conmon), MEGABYTES (1024), ROUNDS (3), SCRATCH (/dev/shm: the monitors are measured, not the
# disk), CGROUPS (absolute cgroup path for the containers).
set -eu
monitor=$(realpath "${1:-.build/release/berth-monitor}")
runtime=$(command -v "${RUNTIME:-crun}")
conmon=$(command -v "${CONMON:-conmon}")
megabytes=${MEGABYTES:-1024}
rounds=${ROUNDS:-3}
scratch=$(mktemp -d "${SCRATCH:-/dev/shm}/berth-bench-monitor.XXXXXX")
bundle=$scratch/bundle
trap 'clean' EXIT
clean() {
  "$runtime" --root "$scratch/state" delete -f bench >/dev/null 2>&1 || :
  rm -rf "$scratch"
}

mkdir -p "$bundle/rootfs/bin" "$bundle/rootfs/proc" "$bundle/rootfs/dev" "$bundle/rootfs/sys" "$bundle/rootfs/tmp"
cp "$(command -v busybox)" "$bundle/rootfs/bin/busybox"
ln -s busybox "$bundle/rootfs/bin/sh"
# 64 MiB of lines of 100 bytes
line=$(printf '%099d' 0 | tr 0 x)
i=0
while [ $i -lt 1024 ]; do echo "$line"; i=$((i + 1)); done >"$scratch/block"
i=0
while [ $i -lt 655 ]; do cat "$scratch/block"; i=$((i + 1)); done >"$bundle/rootfs/lines"

spec() { # the container's command, as a shell's text
  cat >"$bundle/config.json" <<EOF
{"ociVersion":"1.0.2","root":{"path":"rootfs"},
 "process":{"user":{"uid":0,"gid":0},"cwd":"/","env":["PATH=/bin"],"args":["sh","-c","$1"]},
 "mounts":[{"destination":"/proc","type":"proc","source":"proc"}],
 "linux":{"cgroupsPath":"${CGROUPS:-/berth-bench}","namespaces":[{"type":"pid"},{"type":"mount"},{"type":"ipc"},{"type":"uts"}]}}
EOF
}
start() { # berth or conmon: leaves the monitor's pid in $pid
  rm -rf "$scratch/log" "$scratch/exit" "$scratch/pid" "$scratch/conmon.pid" "$bundle/rootfs/tmp/done"
  if [ "$1" = berth ]; then
    cat >"$scratch/monitor.json" <<EOF
{"id":"bench","bundle":"$bundle","runtime":"$runtime","runtimeArguments":["--root","$scratch/state"],
 "log":{"driver":"k8s-file","path":"$scratch/log"},"exitFile":"$scratch/exit","pidFile":"$scratch/pid",
 "monitorPidFile":"$scratch/conmon.pid","attachSocket":"$scratch/attach.sock"}
EOF
    "$monitor" bench 3<"$scratch/monitor.json" 4>"$scratch/answer"
  else
    mkdir -p "$scratch/exits" "$scratch/sockets"
    "$conmon" --api-version 1 -c bench -u bench -n bench -r "$runtime" -b "$bundle" -p "$scratch/pid" \
      -l "k8s-file:$scratch/log" --exit-dir "$scratch/exits" --socket-dir-path "$scratch/sockets" \
      --conmon-pidfile "$scratch/conmon.pid" --log-level error \
      --runtime-arg --root --runtime-arg "$scratch/state" </dev/null >/dev/null 2>&1
  fi
  until [ -s "$scratch/pid" ] && [ -s "$scratch/conmon.pid" ]; do sleep 0.05; done
  until "$runtime" --root "$scratch/state" start bench 2>/dev/null; do sleep 0.05; done
  pid=$(cat "$scratch/conmon.pid")
}
stop() {
  "$runtime" --root "$scratch/state" delete -f bench >/dev/null 2>&1 || :
  while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
}
flow() { # prints seconds and CPU ticks
  start "$1"
  until [ -s "$bundle/rootfs/tmp/done" ]; do sleep 0.1; done
  sleep 0.2
  ticks=$(sed 's/.*) //' "/proc/$pid/stat" | awk '{print $12 + $13}')
  stop
  awk -v t="$ticks" '{print $3 - $1, t}' "$bundle/rootfs/tmp/done"
}
idle() { # prints private dirty kilobytes, file pages that were just written left out
  start "$1"
  sleep 2
  awk '/^Anonymous:/{print $2}' "/proc/$pid/smaps_rollup"
  stop
}
median() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

copies=$(((megabytes + 63) / 64))
megabytes=$((copies * 64))
spec "read a b </proc/uptime; i=0; while [ \$i -lt $copies ]; do busybox cat /lines; i=\$((i+1)); done; \
read c d </proc/uptime; echo \$a \$b \$c >/tmp/done.new; busybox mv /tmp/done.new /tmp/done; busybox sleep 100"
sed -i 's/\\\$/$/g' "$bundle/config.json"
round=0
while [ $round -lt "$rounds" ]; do
  for who in conmon berth; do flow $who >>"$scratch/$who.flow"; done
  round=$((round + 1))
done
spec "busybox sleep 100"
for who in conmon berth; do idle $who >"$scratch/$who.idle"; done

hertz=$(getconf CLK_TCK)
for who in conmon berth; do
  seconds=$(cut -d' ' -f1 "$scratch/$who.flow" | median)
  cpu=$(cut -d' ' -f2 "$scratch/$who.flow" | median)
  eval "${who}_seconds=$seconds ${who}_cpu=$cpu ${who}_idle=$(cat "$scratch/$who.idle")"
  awk -v w=$who -v m=$megabytes -v s="$seconds" -v c="$cpu" -v h="$hertz" -v k="$(cat "$scratch/$who.idle")" \
    'BEGIN {printf "%-8s %6d MB in %6.2f s: %7.1f MB/s, %6.2f s of CPU; idle %4d kB\n", w, m, s, m / s, c / h, k}'
done
awk "BEGIN {printf \"ratios   throughput %.2f (goal 3 or more), CPU %.2f (goal 0.5 or less), idle memory %.2f (goal 0.5 or less)\n\", \
  $conmon_seconds / $berth_seconds, $berth_cpu / $conmon_cpu, $berth_idle / $conmon_idle}"
