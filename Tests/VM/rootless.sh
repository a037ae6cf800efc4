#!/bin/sh
# Runs as the unprivileged user inside the machine of scripts/test-vm: once under each cgroup driver, in a scope that was
# delegated to the user, and once in a session, where nothing was.
# covers OC-03, OC-16, LX-35, LX-37, G.14 without privilege
set -eu
prefix=$1 driver=$2
. /mnt/host/common.sh
runtime="$prefix/bin/berth-runtime --root $XDG_RUNTIME_DIR/rt --cgroup-manager $driver"
bundle=$HOME/bundle
[ -e $bundle ] || make_bundle $bundle
configure() { python3 /mnt/host/spec.py $bundle/config.json rootless=True "$@"; }
case $driver in
systemd) place=bvm.slice:rt:web ;;
*) place=/web ;;
esac
group() { echo /sys/fs/cgroup$(cut -d: -f3 /proc/$($runtime state web | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')/cgroup); }
limits="resources={'memory':{'limit':67108864},'pids':{'limit':33},'cpu':{'quota':50000,'period':100000}}"

configure "cgroupsPath='$place'" "$limits"
$runtime run -d -b $bundle web
group=$(group)
check memory 67108864 cat $group/memory.max
check pids 33 cat $group/pids.max
check cpu "50000 100000" cat $group/cpu.max
check exec 0::/ $runtime exec web cat /proc/self/cgroup
$runtime update --memory 100M --pids-limit 44 web
check update-memory 104857600 cat $group/memory.max
check update-pids 44 cat $group/pids.max
if [ $driver = systemd ]; then
  check MemoryMax 104857600 systemctl --user show -p MemoryMax --value rt-web.scope
  check Slice bvm.slice systemctl --user show -p Slice --value rt-web.scope
fi
$runtime pause web
check paused 1 sh -c "grep -c 'frozen 1' $group/cgroup.events"
$runtime resume web
# A second container beside the first.
configure "cgroupsPath='${place%web}two'" "$limits"
$runtime run -d -b $bundle two
check two 44 cat $group/pids.max
$runtime delete -f two
$runtime exec -d web sh -c 'f() { f & f & sleep 1; }; f' || true
sleep 1
$runtime delete -f web
check drained "" sh -c "[ ! -e $group ] || find $group"
finish "$driver as $(id -un)"
