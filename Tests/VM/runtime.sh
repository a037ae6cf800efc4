#!/bin/sh
# Runs as root inside a machine with systemd, a pure cgroup v2 and AppArmor (scripts/test-vm): berth-runtime under the
# cgroup driver that the second argument names.
# covers LX-26, LX-28, LX-35, LX-37, LX-44, LX-46, OC-03, OC-11, G.14 on cgroup v2
set -eu
prefix=$1 driver=$2
. /mnt/host/common.sh
runtime="$prefix/bin/berth-runtime --root /run/rt-$driver --cgroup-manager $driver"
bundle=/var/tmp/bundle-$driver
make_bundle $bundle
if [ $driver = systemd ]; then place=bvm.slice:rt:web group=/sys/fs/cgroup/bvm.slice/rt-web.scope
else place=/bvm/web group=/sys/fs/cgroup/bvm/web; fi
own() { cat $group/$1; }
property() { [ $driver != systemd ] || systemctl show -p $1 --value rt-web.scope; }
configure() { # configure JQ-LIKE PYTHON…: changes of the specification
  python3 /mnt/host/spec.py $bundle/config.json "cgroupsPath='$place'" "$@"
}

configure "resources={'devices':[{'allow':False,'access':'rwm'}],'memory':{'limit':67108864,'swap':67108864,'reservation':33554432},'cpu':{'shares':1024,'quota':50000,'period':100000,'cpus':'0'},'pids':{'limit':33},'unified':{'memory.high':'60000000'}}"
$runtime run -d -b $bundle web
check memory 67108864 own memory.max
check swap 0 own memory.swap.max
check low 33554432 own memory.low
check high 59998208 own memory.high
check cpu "50000 100000" own cpu.max
check weight 100 own cpu.weight
check cpus 0 own cpuset.cpus.effective
check pids 33 own pids.max
check inside 0::/ $runtime exec web cat /proc/self/cgroup
check device-allowed "" $runtime exec web sh -c 'echo x >/dev/null'
check device-denied 1 sh -c "$runtime exec --cap CAP_MKNOD web sh -c 'mknod /tmp/kmsg c 1 11 && cat /tmp/kmsg' >/dev/null 2>&1; echo \$?"
if [ $driver = systemd ]; then
  check MemoryMax 67108864 property MemoryMax
  check MemorySwapMax 0 property MemorySwapMax
  check MemoryHigh 60000000 property MemoryHigh
  check TasksMax 33 property TasksMax
  check CPUWeight 100 property CPUWeight
  check CPUQuota 500ms property CPUQuotaPerSecUSec
  check AllowedCPUs 0 property AllowedCPUs
  check Slice bvm.slice property Slice
  check Delegate yes property Delegate
  check DevicePolicy strict property DevicePolicy
  systemctl daemon-reload # systemd writes its own values: they must be the same
  check reloaded 67108864 own memory.max
  check device-denied-still 1 sh -c "$runtime exec web sh -c 'cat /tmp/kmsg' >/dev/null 2>&1; echo \$?"
fi
$runtime update --memory 100M --memory-swap -1 --cpu-quota 20000 --cpu-share 2560 --pids-limit 44 --cpu-burst 1000 web
check update-memory 104857600 own memory.max
check update-swap max own memory.swap.max
check update-cpu "20000 100000" own cpu.max
check update-weight 208 own cpu.weight
check update-pids 44 own pids.max
check update-burst 1000 own cpu.max.burst
if [ $driver = systemd ]; then
  check update-MemoryMax 104857600 property MemoryMax
  check update-CPUQuota 200ms property CPUQuotaPerSecUSec
  check update-TasksMax 44 property TasksMax
fi
check idle 1 sh -c "$runtime update --cpu-idle 1 web && cat $group/cpu.idle"
check reject 1 sh -c "$runtime update --memory 4096 --memory-check-before-update web 2>&1 | grep -c 'rejecting memory limit'"
check events 104857600 sh -c "$runtime events --stats web | python3 -c 'import json,sys; d=json.load(sys.stdin)[\"data\"]; d[\"cpu\"][\"psi\"][\"some\"]; print(d[\"memory\"][\"usage\"][\"limit\"])'"
$runtime pause web
check paused paused sh -c "$runtime state web | sed -n 's/.*\"status\": \"\(.*\)\".*/\1/p'"
check exec-paused 1 sh -c "$runtime exec web true 2>&1 | grep -c 'cannot exec in a paused container'"
$runtime resume web
mkdir $group/sub
check exec-cgroup 0::/sub $runtime exec --cgroup sub web cat /proc/self/cgroup
check exec-cgroup-absent 1 sh -c "$runtime exec --cgroup absent web true 2>&1 | grep -c 'No such file'"
# The container makes a cgroup of its own and hands a controller down: exec follows its first process there.
for pid in $(own cgroup.procs); do echo $pid >$group/sub/cgroup.procs; done
echo +memory >$group/cgroup.subtree_control
check exec-follows 0::/sub $runtime exec web cat /proc/self/cgroup
check exec-explicit 1 sh -c "$runtime exec --cgroup / web true 2>&1 | grep -c 'esource busy'"
echo threaded >$group/sub/cgroup.type 2>/dev/null || true # refused: domain controllers are on
# A fork bomb, in a cgroup below: delete leaves neither processes nor directories.
$runtime exec -d --cgroup sub web sh -c 'f() { f & f & sleep 1; }; f' || true
sleep 1
$runtime delete -f web
check drained "" sh -c "[ ! -e $group ] || find $group"
check unit-gone inactive sh -c "systemctl is-active rt-web.scope || true"

# The kernel kills for memory: 137, and the event.
configure "resources={'memory':{'limit':16777216,'swap':16777216}}" "args=['tail','/dev/zero']"
check oom 137 sh -c "$runtime run -b $bundle web; echo \$?"
check oom-gone "" sh -c "[ ! -e $group ] || find $group"

# Processes of their own in the cgroup make it busy; the unit of another container stays theirs.
configure "args=['sleep','1000']"
$runtime run -d -b $bundle web
check taken 1 sh -c "$runtime run -d -b $bundle other >/dev/null 2>&1; echo \$?"
check taken-lives running sh -c "$runtime state web | sed -n 's/.*\"status\": \"\(.*\)\".*/\1/p'"
$runtime kill web KILL
sleep 1
$runtime delete web
# With neither privilege nor limits: a user namespace owns its part of the hierarchy where it may write it.
configure "args=['stat','-c','%u','/sys/fs/cgroup']" "userns=100000" "writable_cgroup=True"
chown -R 100000:100000 $bundle/rootfs
check given 0 $runtime run -b $bundle web
unshare --user sleep 1000 &
owner=$!
for file in gid_map uid_map; do
  until echo 0 100000 65536 2>/dev/null >/proc/$owner/$file; do sleep 0.1; done
done
configure "args=['stat','-c','%u','/sys/fs/cgroup']" "joined_userns='/proc/$owner/ns/user'" "writable_cgroup=True"
check given-joined 0 $runtime run -b $bundle web
kill $owner
chown -R 0:0 $bundle/rootfs

if [ $driver = cgroupfs ]; then
  configure "args=['cat','/proc/self/attr/current']" "apparmor='berth-test'"
  echo 'profile berth-test flags=(attach_disconnected) { file, signal, deny /tmp/secret rw, }' | apparmor_parser -r
  echo secret >$bundle/rootfs/tmp/secret
  check apparmor "berth-test (enforce)" $runtime run -b $bundle web
  configure "args=['cat','/tmp/secret']" "apparmor='berth-test'"
  check apparmor-denies 1 sh -c "$runtime run -b $bundle web 2>&1 | grep -c 'Permission denied'"
  configure "args=['sleep','1000']"
  $runtime run -d -b $bundle web
  check exec-apparmor "berth-test (enforce)" $runtime exec --apparmor berth-test web cat /proc/self/attr/current
  check exec-unconfined unconfined $runtime exec web cat /proc/self/attr/current
  $runtime delete -f web
  configure "args=['true']" "apparmor='no-such-profile'"
  check apparmor-absent 1 sh -c "$runtime run -b $bundle web >/dev/null 2>&1; echo \$?"
  apparmor_parser -R /dev/stdin <<'P'
profile berth-test flags=(attach_disconnected) { file, }
P
  # disabled: the container stays where its creator is; limits are refused by name.
  disabled="$prefix/bin/berth-runtime --root /run/rt-$driver --cgroup-manager disabled"
  configure "args=['sleep','1000']" "resources={}"
  $disabled run -d -b $bundle web
  check disabled "$(cut -d: -f3 /proc/self/cgroup)" sh -c "cut -d: -f3 /proc/\$($disabled state web | sed -n 's/.*\"pid\": \([0-9]*\).*/\1/p')/cgroup"
  check disabled-pause 1 sh -c "$disabled pause web 2>&1 | grep -c 'has no cgroup'"
  $disabled delete -f web
  configure "args=['true']" "resources={'pids':{'limit':5}}"
  check disabled-limit 1 sh -c "$disabled run -b $bundle web 2>&1 | grep -c 'needs a cgroup'"
fi
finish "$driver as root"
