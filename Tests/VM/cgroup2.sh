#!/bin/sh
# Runs as root inside a machine with systemd and a pure cgroup v2 (scripts/test-vm): limits must reach the kernel,
# devices must be filtered by BPF, a container must be frozen, killed and gone.
# covers LX-26, LX-35, LX-37, LX-44, PD-45, PD-161, G.14 on cgroup v2
set -eu
prefix=$1
passed=0 failed=0
# The shared directory is slow here: work on the machine's own disk.
mkdir -p /opt/berth && cp -r "$prefix/." /opt/berth
cp /mnt/host/lib/* /usr/local/lib/ && ldconfig
export BERTH_ROOT=/var/tmp/berth BERTH_RUNROOT=/run/berth-vm
berth=/opt/berth/bin/berth
check() { # check NAME WANTED COMMAND…
  name=$1 wanted=$2; shift 2
  got=$("$@" 2>&1) || true
  if [ "$got" = "$wanted" ]; then passed=$((passed + 1)); else
    failed=$((failed + 1)); printf 'FAILED %s\n  wanted: %s\n  got:    %s\n' "$name" "$wanted" "$got"
  fi
}
[ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ] || { echo "not a cgroup v2 machine"; exit 1; }
tar -C /mnt/host/rootfs -cf /var/tmp/box.tar .
$berth import --change 'ENV PATH=/bin' /var/tmp/box.tar localhost/box >/dev/null

own() { echo "cat /sys/fs/cgroup/$1"; }
check memory 67108864 $berth run --rm --memory 64m localhost/box sh -c "$(own memory.max)"
check swap 0 $berth run --rm --memory 64m --memory-swap 64m localhost/box sh -c "$(own memory.swap.max)"
check cpus "50000 100000" $berth run --rm --cpus 0.5 localhost/box sh -c "$(own cpu.max)"
# 2560 shares on the curve that crun 1.23 and runc 1.3 use.
check shares 208 $berth run --rm --cpu-shares 2560 localhost/box sh -c "$(own cpu.weight)"
check pids 33 $berth run --rm --pids-limit 33 localhost/box sh -c "$(own pids.max)"
check cpuset 0 $berth run --rm --cpuset-cpus 0 localhost/box sh -c "$(own cpuset.cpus.effective)"
check namespace 0::/ $berth run --rm localhost/box cat /proc/self/cgroup
check device-allowed "" $berth run --rm localhost/box sh -c 'echo x >/dev/null'
check device-denied 1 sh -c "$berth run --rm --cap-add MKNOD localhost/box sh -c 'mknod /tmp/kmsg c 1 11 && cat /tmp/kmsg >/dev/null 2>&1; echo \$?'"
check oom 137 sh -c "$berth run --rm --memory 16m --memory-swap 16m localhost/box sh -c 'tail /dev/zero' >/dev/null 2>&1; echo \$?"
id=$($berth run -d --name web localhost/box sh -c 'while :; do sleep 1; done')
$berth pause web >/dev/null
check frozen paused $berth inspect --format '{{.State.Status}}' web
$berth unpause web >/dev/null
check thawed running $berth inspect --format '{{.State.Status}}' web
$berth rm -f -t 0 web >/dev/null
check gone "" sh -c "find /sys/fs/cgroup -name '*$id*'"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
