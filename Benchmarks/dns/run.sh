#!/bin/sh
# Answers per second of berth-dns and Debian's aardvark-dns: dnsperf asks both for names of containers, in turn, on loopback of a
# network namespace. Prints one line a round. Needs root, dnsperf, aardvark-dns.
#
# Usage: run.sh BERTH-DNS [ROUNDS [SECONDS]]
set -eu
program=$(realpath "$1"); rounds=${2:-5}; seconds=${3:-5}
if [ "${BERTH_BENCH_INSIDE:-}" != 1 ]; then exec env BERTH_BENCH_INSIDE=1 unshare -n -m "$0" "$program" "$rounds" "$seconds"; fi
work=$(mktemp -d /tmp/berth-bench-dns-XXXXXX)
peer=
trap '[ -z "$peer" ] || kill "$peer" 2>/dev/null; rm -rf "$work/dns"; sleep 0.3; rm -rf "$work"' EXIT
ip link set lo up
for host in 1 2; do ip addr add 10.1.0.$host/32 dev lo; ip addr add 10.2.0.$host/32 dev lo; done
id=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
mkdir -p "$work/dns" "$work/aardvark"
{
  echo "berth-dns 1"; echo "network front"; echo "listen 10.1.0.1"; echo "container $id web"; echo "address 10.1.0.2"
  for n in $(seq 100); do echo "container id$n name$n"; echo "address 10.9.0.$n"; done
  echo end
} >"$work/dns/front.network"
{
  echo 10.2.0.1; echo "$id 10.2.0.2  web"
  for n in $(seq 100); do echo "${id%???}$(printf %03d "$n") 10.9.0.$n  name$n"; done
} >"$work/aardvark/front"
for n in $(seq 100); do echo "name$n.dns.podman A"; done >"$work/questions"
"$program" --directory "$work/dns"
/usr/lib/podman/aardvark-dns --config "$work/aardvark" --port 53 run & sleep 1
peer=$(cat "$work/aardvark/aardvark.pid" 2>/dev/null || echo $!)
measure() { # the server's address, the client's
  dnsperf -s "$1" -a "$2" -d "$work/questions" -l "$seconds" -c 8 -q 400 2>/dev/null |
    awk '/Queries per second/ { rate = $4 } /Queries lost/ { lost = $3 } /Response codes/ { codes = $3 } END { print rate, lost, codes }'
}
echo "round  berth-dns/s lost code  aardvark-dns/s lost code  ratio"
for round in $(seq "$rounds"); do
  set -- $(measure 10.1.0.1 10.1.0.2) $(measure 10.2.0.1 10.2.0.2)
  echo "$round $1 $2 $3 $4 $5 $6" | awk '{ printf "%-6s %.0f %s %s  %.0f %s %s  %.2f\n", $1, $2, $3, $4, $5, $6, $7, $2 / $5 }'
done
