#!/bin/sh
# Runs as root inside the machine of scripts/test-vm: what a network needs of a kernel and the build machine's lacks.
# A bridge with the option vlan: names, the gateway and published ports are in the containers' VLAN.
set -eu
. /mnt/host/common.sh
berth=/opt/berth/bin/berth
$berth import --change 'ENV PATH=/bin' /mnt/host/box.tar box >/dev/null
get() { printf 'GET /index.html HTTP/1.0\r\n\r\n' | "$@" | tail -1; }
address() { $berth inspect --format '{{.NetworkSettings.Networks.seven.IPAddress}}' $1; }

$berth network create --opt vlan=7 --interface-name tagged0 seven >/dev/null
$berth network create plain >/dev/null
port=79
for name in one two; do
  $berth run -d --name $name --network seven -p 127.0.0.1:80$port:80 box sh -c 'echo "$0" >/tmp/index.html; httpd -f -p 80 -h /tmp' $name >/dev/null
  port=$((port + 1))
done
check filtering 1 cat /sys/class/net/tagged0/bridge/vlan_filtering
check neighbours two get $berth exec -i one nc -w 5 "$(address two)" 80
check names "$(address two)" sh -c "$berth exec one nslookup two | awk '/^Address/ { last = \$2 } END { print last }'"
check tag-of-the-ports "7 PVID 7 PVID" sh -c "for port in /sys/class/net/tagged0/brif/*; do
  bridge vlan show dev \$(basename \$port) | grep -o '7 PVID'; done | paste -s -d ' '"
check tag-of-the-bridge "7 PVID" sh -c "bridge vlan show dev tagged0 | grep -o '7 PVID'"
check published two get busybox nc -w 5 127.0.0.1 8080
check plain-has-none 0 sh -c "cat /sys/class/net/\$($berth network inspect plain --format '{{.NetworkInterface}}')/bridge/vlan_filtering 2>/dev/null || echo 0"
$berth rm -f -t 0 one two >/dev/null
check bad-vlan 125 sh -c "$berth network create --opt vlan=5000 bad 2>/dev/null; echo \$?"
$berth network rm seven plain >/dev/null
check bridge-gone 1 sh -c "ip link show tagged0 >/dev/null 2>&1; echo \$?"
finish network
