#!/bin/sh
# Runs as root inside a machine whose kernel CRIU knows (scripts/test-vm): containers are written to files, come back and
# go on where they were; podman does the same over berth-runtime.
set -eu
prefix=$1
passed=0 failed=0
mkdir -p /opt/berth && cp -r "$prefix/." /opt/berth
work=/var/tmp/checkpoint
mkdir -p $work/bundle $work/shared
cp -a /mnt/host/rootfs $work/bundle/rootfs
runtime="/opt/berth/bin/berth-runtime --root $work/state"
check() { # check NAME WANTED COMMAND…
  name=$1 wanted=$2; shift 2
  got=$("$@" 2>&1) || true
  if [ "$got" = "$wanted" ]; then passed=$((passed + 1)); else
    failed=$((failed + 1)); printf 'FAILED %s\n  wanted: %s\n  got:    %s\n' "$name" "$wanted" "$got"
  fi
}
# configure FILTER.PY: writes config.json, changed by Python statements on `c`.
configure() {
  rm -f $work/bundle/config.json
  $runtime spec --bundle $work/bundle
  python3 - "$1" <<'END'
import json, sys
path = "/var/tmp/checkpoint/bundle/config.json"
c = json.load(open(path))
c["process"]["terminal"] = False
c["process"]["env"] = ["PATH=/bin"]
c["root"]["readonly"] = False
exec(sys.argv[1])
json.dump(c, open(path, "w"))
END
}
status() { $runtime state "$1" | sed -n 's/.*"status": "\(.*\)".*/\1/p'; }
gone() { $runtime state "$1" 2>&1 | grep -o "does not exist"; }
number() { cat $work/bundle/rootfs/number 2>/dev/null || echo 0; }
# goes_on BEFORE: whether the container counts further from there.
goes_on() {
  for _ in $(seq 100); do
    now=$(number)
    [ "${now:-0}" -le "$1" ] || { [ "$now" -lt $(($1 + 1000)) ] && echo yes; return; }
    sleep 0.1
  done
  echo "stays at $now"
}
images() { ls "$1" | grep -c '\.img$' | sed 's/[1-9][0-9]*/some/'; }
counting='c["process"]["args"] = ["sh", "-c", "i=0; while :; do i=$((i+1)); echo $i >/n; mv /n /number; sleep 0.1; done"]'
bind='c["mounts"].append({"destination": "/shared", "type": "bind", "source": "/var/tmp/checkpoint/shared", "options": ["rbind"]})'

# leave-running, stop, restore
configure "$counting; $bind"
$runtime run -d --bundle $work/bundle c </dev/null >/dev/null 2>&1
sleep 0.5
check leave-running "" $runtime checkpoint --image-path $work/one --work-path $work/log --leave-running c
check running-still running status c
check log-in-work-path "$work/log/dump.log" ls $work/log/dump.log
check images some images $work/one
before=$(number)
check stop "" $runtime checkpoint --image-path $work/two c
check gone "does not exist" gone c
check restore "" sh -c "$runtime restore -d --bundle $work/bundle --image-path $work/two --pid-file $work/pid c </dev/null >/dev/null 2>$work/err; cat $work/err"
check running running status c
check goes-on yes goes_on "$before"
check pid-file "$(cat $work/pid)" sh -c "$runtime state c | sed -n 's/.*\"pid\": \([0-9]*\).*/\1/p'"
check exec in $runtime exec c echo in
check bind "" sh -c "$runtime exec c touch /shared/made && ls $work/shared | grep -v made"
check loopback "127.0.0.1" sh -c "$runtime exec c ip -o -4 addr show lo | grep -o 127.0.0.1"
check cgroup 1 sh -c "$runtime ps -f json c | tr ',' '\n' | grep -c $(cat $work/pid)"
check no-mount-left "" sh -c "grep $work/state /proc/self/mountinfo"
# and a second time, over the first: with a pre-dump before it
check pre-dump "" $runtime checkpoint --pre-dump --image-path $work/pre c
check running-after-pre-dump running status c
check parent "" $runtime checkpoint --image-path $work/three --parent-path ../pre c
check incremental "../pre" readlink $work/three/parent
before=$(number)
check restore-incremental "" sh -c "$runtime restore -d --bundle $work/bundle --image-path $work/three c </dev/null >/dev/null 2>$work/err; cat $work/err"
check goes-on-again yes goes_on "$before"
$runtime delete -f c
rm -rf $work/one $work/two $work/three $work/pre

# In the foreground the restored container's exit status is the command's.
configure 'c["process"]["args"] = ["sh", "-c", "while [ ! -e /shared/end ]; do sleep 0.1; done; exit 7"]; '"$bind"
$runtime run -d --bundle $work/bundle f </dev/null >/dev/null 2>&1
$runtime checkpoint --image-path $work/four f
(sleep 2; touch $work/shared/end) &
check foreground 7 sh -c "$runtime restore --bundle $work/bundle --image-path $work/four f </dev/null >/dev/null 2>&1; echo \$?"
check foreground-gone "does not exist" gone f
rm -rf $work/four $work/shared/end

# A lock on a file needs its flag, and without it the container goes on. (busybox cannot lock: the machine's own can.)
ln -sfn usr/lib $work/bundle/rootfs/lib
ln -sfn usr/lib64 $work/bundle/rootfs/lib64
configure 'c["process"]["args"] = ["/usr/bin/flock", "/lock", "sleep", "1000"]
c["mounts"].append({"destination": "/usr", "type": "bind", "source": "/usr", "options": ["rbind", "ro"]})'
$runtime run -d --bundle $work/bundle l </dev/null >/dev/null 2>&1
sleep 0.5
check lock-refused 1 sh -c "$runtime checkpoint --image-path $work/five l 2>&1 | grep -c 'criu failed.*file-locks'"
check lock-runs running status l
check nothing-left "" sh -c "ls $work/five 2>/dev/null"
check lock "" $runtime checkpoint --file-locks --image-path $work/five l
check lock-restored "" sh -c "$runtime restore -d --file-locks --bundle $work/bundle --image-path $work/five l </dev/null >/dev/null 2>$work/err; cat $work/err"
check lock-held 1 sh -c "$runtime exec l /usr/bin/flock -n /lock true; echo \$?"
$runtime delete -f l
rm -rf $work/five

# An open connection needs its flag.
configure 'c["process"]["args"] = ["sh", "-c", "nc -lp 5000 -e cat & sleep 1; sleep 1000 | nc 127.0.0.1 5000"]'
$runtime run -d --bundle $work/bundle t </dev/null >/dev/null 2>&1
sleep 2
check tcp-refused 1 sh -c "$runtime checkpoint --image-path $work/six t 2>&1 | grep -c 'criu failed.*tcp-established'"
check tcp "" $runtime checkpoint --tcp-established --image-path $work/six t
check tcp-restored "" sh -c "$runtime restore -d --tcp-established --bundle $work/bundle --image-path $work/six t </dev/null >/dev/null 2>$work/err; cat $work/err"
check tcp-there running status t
$runtime delete -f t
rm -rf $work/six

# A network namespace from outside is not dumped; the restored container joins the one that the bundle names.
ip netns add box
configure "$counting"'
for n in c["linux"]["namespaces"]:
    if n["type"] == "network": n["path"] = "/run/netns/box"'
$runtime run -d --bundle $work/bundle n </dev/null >/dev/null 2>&1
check netns "" $runtime checkpoint --image-path $work/seven n
check netns-restored "" sh -c "$runtime restore -d --bundle $work/bundle --image-path $work/seven n </dev/null >/dev/null 2>$work/err; cat $work/err"
check netns-joined "$(stat -Lc %i /run/netns/box)" sh -c "$runtime exec n stat -Lc %i /proc/self/ns/net"
$runtime delete -f n
ip netns del box
rm -rf $work/seven

# Lazily: the pages stay with the CRIU that dumped, which serves them to the other side as they are touched.
configure "$counting"
$runtime run -d --bundle $work/bundle z </dev/null >/dev/null 2>&1
sleep 0.5
mkfifo $work/ready
$runtime checkpoint --lazy-pages --page-server 127.0.0.1:27277 --status-fd 9 --manage-cgroups-mode ignore \
  --image-path $work/nine z 9>$work/ready >$work/dump.out 2>&1 & dumper=$!
check lazy-ready "00" sh -c "timeout 60 od -An -tx1 $work/ready | tr -d ' '"
before=$(number)
criu lazy-pages --page-server --address 127.0.0.1 --port 27277 -D $work/nine >/dev/null 2>&1 & pages=$!
sleep 1
check lazy-restored "" sh -c "$runtime restore -d --lazy-pages --manage-cgroups-mode ignore --bundle $work/bundle --image-path $work/nine lz </dev/null >/dev/null 2>$work/err; cat $work/err"
code=0; wait $dumper || code=$?
check lazy-dumper 0 sh -c "cat $work/dump.out; echo $code"
wait $pages || true
check lazy-goes-on yes goes_on "$before"
check lazy-gone "does not exist" gone z
$runtime delete -f lz
rm -rf $work/nine $work/ready

# A terminal comes back over the console socket; pages of a terminal's job need --shell-job only where it is shared.
configure 'c["process"]["terminal"] = True; c["process"]["args"] = ["sh", "-c", "read line; echo got $line >/number; sleep 1000"]'
cat >$work/terminal.py <<'END'
import os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen(1)
connection, _ = server.accept()
_, fds, _, _ = socket.recv_fds(connection, 100, 1)
if len(sys.argv) > 2:
    os.write(fds[0], (sys.argv[2] + "\n").encode())
while os.path.exists(sys.argv[1]):
    __import__("time").sleep(0.1)
END
python3 $work/terminal.py $work/console &
while [ ! -S $work/console ]; do sleep 0.1; done
$runtime run -d --console-socket $work/console --bundle $work/bundle w
check terminal "" $runtime checkpoint --image-path $work/eight w
rm -f $work/console; wait
python3 $work/terminal.py $work/console back &
while [ ! -S $work/console ]; do sleep 0.1; done
check terminal-restored "" $runtime restore -d --console-socket $work/console --bundle $work/bundle --image-path $work/eight w
for _ in $(seq 50); do grep -q got $work/bundle/rootfs/number && break; sleep 0.1; done
check terminal-works "got back" number
$runtime delete -f w
rm -f $work/console; wait
rm -rf $work/eight

# What fails leaves nothing.
configure "$counting"
check no-images 1 sh -c "$runtime restore --bundle $work/bundle --image-path $work/nowhere x 2>&1 | grep -c 'open checkpoint'"
mkdir $work/empty && echo '[]' >$work/empty/descriptors.json
check damaged 1 sh -c "$runtime restore -d --bundle $work/bundle --image-path $work/empty x 2>&1 | grep -c 'restore x: criu failed'"
check damaged-gone "does not exist" gone x
check damaged-cgroup "" sh -c "ls -d /sys/fs/cgroup/x 2>/dev/null"
check state-empty "" ls $work/state

# podman over berth-runtime
tar -C /mnt/host/rootfs -cf $work/box.tar .
podman="podman --runtime /opt/berth/bin/berth-runtime --cgroup-manager cgroupfs"
$podman import --change 'ENV PATH=/bin' $work/box.tar localhost/box >/dev/null 2>&1
$podman run -d --name p --network none localhost/box sh -c 'i=0; while :; do i=$((i+1)); echo $i >/number; sleep 0.1; done' >/dev/null
sleep 1
check podman-checkpoint p $podman container checkpoint p
check podman-stopped exited $podman inspect --format '{{.State.Status}}' p
check podman-restore p $podman container restore p
check podman-running running $podman inspect --format '{{.State.Status}}' p
check podman-counts yes sh -c "a=\$($podman exec p cat /number); sleep 1; b=\$($podman exec p cat /number); [ \$b -gt \$a ] && [ \$a -gt 3 ] && echo yes"
$podman rm -f -t 0 p >/dev/null 2>&1
echo "$passed passed, $failed failed"
[ $failed = 0 ]
