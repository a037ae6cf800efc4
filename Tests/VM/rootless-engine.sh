#!/bin/sh
# Runs as the unprivileged user inside the machine of scripts/test-vm: the engine in a login session, whose containers get
# their cgroups from the user's systemd; in a scope that was delegated to the user, without systemd; and with neither.
# covers PD-45, PD-161, G.14 without privilege, PD-143, LP-41, OC-36, OC-50 on a machine with systemd
set -eu
. /mnt/host/common.sh
berth=/opt/berth/bin/berth
box=127.0.0.1:5000/box:1
port=20080
cgroup() { $berth inspect --format '{{.State.CgroupPath}}' "$1"; }
limit() { cat "/sys/fs/cgroup$(cgroup web)/$1"; }
limits="--memory 64m --cpus 0.5 --pids-limit 33 --cpuset-cpus 0"
run() { $berth run -d --network none "$@" sleep 1000 >/dev/null; }
fetch() { printf 'GET / HTTP/1.0\r\n\r\n' | busybox nc -w 5 127.0.0.1 $port | tail -1; }
serve() { # serve NAME NETWORK…: a page behind the published port
  name=$1; shift
  $berth run -d --name "$name" "$@" -p 127.0.0.1:$port:80 $box sh -c 'echo served >/tmp/index.html; httpd -f -p 80 -h /tmp' >/dev/null
  for try in 1 2 3 4 5 6 7 8 9 10; do [ "$(fetch)" = served ] && break; sleep 1; done
}

# An engine apart: no systemd to ask, and its state elsewhere.
without_systemd() {
  export XDG_RUNTIME_DIR=$HOME/run XDG_DATA_HOME=$HOME/data
  unset DBUS_SESSION_BUS_ADDRESS
  mkdir -p -m 700 $XDG_RUNTIME_DIR $XDG_DATA_HOME
  $berth import --change 'ENV PATH=/bin' /mnt/host/box.tar $box >/dev/null
}

case $1 in
session)
  docker-registry serve /mnt/host/registry.yml >$HOME/registry.log 2>&1 &
  registry=$!
  for try in 1 2 3 4 5 6 7 8 9 10; do busybox nc 127.0.0.1 5000 </dev/null && break; sleep 1; done
  $berth pull -q --tls-verify=false $box >/dev/null
  kill $registry
  check manager systemd $berth info --format '{{.host.cgroupManager}}'
  check whoami "0 $(id -u)" $berth run --rm --network none $box sh -c 'echo $(id -u) $(awk "NR==1 {print \$2}" /proc/self/uid_map)'

  root='while read -r _ at type _; do [ $at != / ] || echo $type; done </proc/mounts'
  check overlay overlay $berth run --rm --network none $box sh -c "$root"
  fuse=$(command -v fuse-overlayfs) # whether Debian's is there is the machine's business
  [ -z "$fuse" ] || check fuse-overlayfs fuse.fuse-overlayfs \
    $berth --storage-opt overlay.mount_program=$fuse run --rm --network none $box sh -c "$root"

  run --name web $limits $box
  check scope "berth-$($berth inspect --format '{{.Id}}' web).scope" sh -c "basename $(cgroup web)"
  check below-the-manager 1 sh -c "echo $(cgroup web) | grep -c ^/user.slice/user-$(id -u).slice/user@$(id -u).service/"
  check memory 67108864 limit memory.max
  check cpu "50000 100000" limit cpu.max
  check pids 33 limit pids.max
  check cpuset 0 limit cpuset.cpus
  check exec "0::/" $berth exec web cat /proc/self/cgroup
  check own-view 33 $berth exec web cat /sys/fs/cgroup/pids.max
  $berth pause web >/dev/null
  check paused paused $berth inspect --format '{{.State.Status}}' web
  $berth unpause web >/dev/null
  unit=$(basename $(cgroup web))
  $berth rm -f -t 0 web >/dev/null
  check unit-gone inactive sh -c "systemctl --user is-active $unit || true"
  check out-of-memory 137 sh -c "$berth run --rm --network none --memory 16m --memory-swap 16m $box tail /dev/zero >/dev/null 2>&1; echo \$?"

  run --name web --userns keep-id $limits $box
  check keep-id "$(id -u)" $berth exec web id -u
  check keep-id-pids 33 limit pids.max
  $berth rm -f -t 0 web >/dev/null
  run --name web --userns auto --pids-limit 34 $box
  check auto-pids 34 limit pids.max
  $berth rm -f -t 0 web >/dev/null
  run --name web --cgroup-parent berthtest.slice $box
  check parent 1 sh -c "echo $(cgroup web) | grep -c /berthtest.slice/"
  check default-pids 2048 limit pids.max
  $berth rm -f -t 0 web >/dev/null

  serve web
  check pasta served fetch
  $berth rm -f -t 0 web >/dev/null
  serve web --network slirp4netns
  check slirp served fetch
  $berth rm -f -t 0 web >/dev/null
  $berth network create lan >/dev/null
  serve web --network lan
  check bridge served fetch
  check name served $berth run --rm --network lan $box sh -c "printf 'GET / HTTP/1.0\r\n\r\n' | nc web 80 | tail -1"
  $berth rm -f -t 0 web >/dev/null
  $berth network rm lan >/dev/null
  ;;
scope)
  without_systemd
  check manager cgroupfs $berth info --format '{{.host.cgroupManager}}'
  run --name web --memory 64m --cpus 0.5 --pids-limit 33 $box
  check memory 67108864 limit memory.max
  check cpu "50000 100000" limit cpu.max
  check pids 33 limit pids.max
  check in-the-scope 1 sh -c "echo $(cgroup web) | grep -c '\.scope/berth/'"
  group=/sys/fs/cgroup$(cgroup web)
  $berth rm -f -t 0 web >/dev/null
  check gone "" sh -c "[ ! -e $group ] || find $group"
  $berth system migrate >/dev/null
  ;;
nothing)
  without_systemd
  check runs hello $berth run --rm --network none $box echo hello
  check refused "125 1" sh -c "$berth run --rm --network none --memory 20m $box true 2>err; echo \$? \$(grep -c 'systemd-run --user --scope' err)"
  $berth system migrate >/dev/null
  ;;
esac
finish "engine, $1, as $(id -un)"
