#!/bin/sh
# Runs as the unprivileged user in a login session, whose cgroup belongs to root: systemd must do what the user may not.
# covers OC-03, OC-16 without a delegated cgroup
set -eu
prefix=$1
. /mnt/host/common.sh
bundle=$HOME/bundle
configure() { python3 /mnt/host/spec.py $bundle/config.json rootless=True "$@"; }
systemd="$prefix/bin/berth-runtime --root $XDG_RUNTIME_DIR/rt --systemd-cgroup"
configure "cgroupsPath='user.slice:rt:far'" "resources={'pids':{'limit':33}}"
$systemd run -d -b $bundle far
check far-exec 0::/ $systemd exec far cat /proc/self/cgroup
check far-pids 33 systemctl --user show -p TasksMax --value rt-far.scope
$systemd delete -f far
check far-gone inactive sh -c "systemctl --user is-active rt-far.scope || true"
# The other driver has nowhere to put a cgroup: without limits the container runs where the user is, with one it is refused.
plain="$prefix/bin/berth-runtime --root $XDG_RUNTIME_DIR/rt"
configure "args=['echo','hello']" "resources={}"
check plain hello $plain run -b $bundle near
configure "args=['true']" "resources={'pids':{'limit':33}}"
check plain-limit 1 sh -c "$plain run -b $bundle near 2>&1 | grep -c 'pids limit 33 needs'"
# No manager at the address: named, and the other driver offered.
check no-bus 1 sh -c "DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent $systemd run -b $bundle near 2>&1 | grep -c 'no systemd user manager is here'"
finish "session of $(id -un)"
