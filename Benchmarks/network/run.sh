#!/bin/sh
# Throughput of Berth's default network and of podman's with netavark, in a network namespace of its own: from container to
# container, and from the host through a published port. Who is first changes from round to round. Prints MB/s a round,
# then the medians and their ratios. Needs root, podman with netavark, and an OCI layout with an image that has python3.
#
# Usage: run.sh PREFIX LAYOUT:TAG [ROUNDS [MEGABYTES]]
set -eu
prefix=$(realpath "$1"); image=$2; rounds=${3:-8}; megabytes=${4:-2048}
if [ "${BERTH_BENCH_INSIDE:-}" != 1 ]; then exec env BERTH_BENCH_INSIDE=1 unshare -n -m "$0" "$prefix" "$image" "$rounds" "$megabytes"; fi
work=$(mktemp -d /tmp/berth-bench-network-XXXXXX)
export BERTH_ROOT="$work/root" BERTH_RUNROOT="$work/run" CONTAINERS_CONF="$work/containers.conf"
berth() { "$prefix/bin/berth" "$@"; }
podman() { command podman --root "$work/p" --runroot "$work/r" --cgroup-manager cgroupfs "$@"; }
trap 'berth rm -fa -t 0 >/dev/null 2>&1; podman rm -fa -t 0 >/dev/null 2>&1; rm -rf "$work"' EXIT
ip link set lo up
ip link add out0 type veth peer name out1 && ip address add 192.0.2.2/24 dev out0
ip link set out0 up && ip link set out1 up && ip route add default via 192.0.2.1
printf '[network]\nnetwork_backend = "netavark"\n' >"$CONTAINERS_CONF"
cat >"$work/flow.py" <<'PY'
import socket, sys, time
if sys.argv[1] == "sink":
    server, buffer = socket.create_server(("0.0.0.0", 5001)), bytearray(1 << 20)
    while True:
        peer, _ = server.accept()
        while peer.recv_into(buffer):
            pass
        peer.sendall(b"!")
        peer.close()
block, count = bytes(1 << 20), int(sys.argv[4])
peer = socket.create_connection((sys.argv[2], int(sys.argv[3])), 10)
start = time.perf_counter()
for _ in range(count):
    peer.sendall(block)
peer.shutdown(socket.SHUT_WR)
peer.recv(1)
print(round(count * (1 << 20) / 1e6 / (time.perf_counter() - start)))
PY
"$prefix/bin/berth" load -q -i "${image%:*}" >/dev/null
podman pull -q "oci:$image" >/dev/null && podman tag "$(podman images -q | head -1)" "${image##*:}"
start() { # start ENGINE PORT
  for name in "sink -p $2:5001" source; do
    "$1" run -d --name $name --ulimit nofile=1024:1024 --ulimit nproc=4096:4096 -v "$work/flow.py:/flow.py:ro" "${image##*:}" \
      python3 /flow.py sink >/dev/null
  done
}
start berth 5101
start podman 5102
address() { "$1" inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' sink; }
measure() { # measure ENGINE PORT: one line "ENGINE between published"
  to=$(address "$1"); sleep 0.3 # what commands leave to be done after their end is not the network's
  between=$("$1" exec source python3 /flow.py send "$to" 5001 "$megabytes"); sleep 0.3
  echo "$1 $between $(python3 "$work/flow.py" send 192.0.2.2 "$2" "$megabytes")"
}
for round in $(seq "$rounds"); do
  if [ $((round % 2)) = 1 ]; then order="berth:5101 podman:5102"; else order="podman:5102 berth:5101"; fi
  for turn in $order; do measure "${turn%:*}" "${turn#*:}"; done
done | tee "$work/rounds"
median() { awk -v e="$1" -v c="$2" '$1 == e { print $c }' "$work/rounds" | sort -n | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }
for column in 2 3; do
  what=$([ $column = 2 ] && echo "between containers" || echo "published port")
  echo "$what: berth $(median berth $column) MB/s, netavark $(median podman $column) MB/s" |
    awk -v a="$(median berth $column)" -v b="$(median podman $column)" '{ printf "%s, ratio %.2f\n", $0, a / b }'
done
