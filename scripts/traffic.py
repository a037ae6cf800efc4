"""One end of a transfer for acceptance-network: sends or receives so many bytes over TCP or UDP and prints their digest.

Over UDP the receiver acknowledges: a sender goes on with the next window when all of this one's datagrams are there,
and repeats those that are missing.

Usage: traffic.py tcp|udp send|receive listen|connect ADDRESS PORT BYTES
"""
import hashlib
import socket
import struct
import sys
import time

kind, role, side, address, port, size = sys.argv[1:4] + [sys.argv[4], int(sys.argv[5]), int(sys.argv[6])]
block = hashlib.shake_128(b"berth").digest(1 << 20)
digest = hashlib.sha256()
PAYLOAD = 1400
WINDOW = 64


def tcp():
    if side == "listen":
        server = socket.create_server((address, port))
        peer, _ = server.accept()
    else:
        peer = socket.create_connection((address, port), 10)
    left = size
    while left > 0:
        if role == "send":
            piece = block[: min(left, len(block))]
            peer.sendall(piece)
        else:
            piece = peer.recv(1 << 20)
            if not piece:
                sys.exit("the stream ended early")
        digest.update(piece)
        left -= len(piece)
    if role == "send":
        peer.shutdown(socket.SHUT_WR)
        peer.recv(1)


def piece(number):
    start = number * PAYLOAD % (len(block) - PAYLOAD)
    return block[start : start + min(PAYLOAD, size - number * PAYLOAD)]


def udp():
    wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    total = -(-size // PAYLOAD)
    if side == "listen":
        wire.bind((address, port))
        _, partner = wire.recvfrom(16)
    else:
        partner = (address, port)
        wire.sendto(b"begin", partner)
    wire.connect(partner)
    (send if role == "send" else receive)(wire, total)


def send(wire, total):
    wire.settimeout(0.2)
    for first in range(0, total, WINDOW):
        window = range(first, min(first + WINDOW, total))
        for number in window:
            digest.update(piece(number))
        missing = list(window)
        for _ in range(200):
            for number in missing:
                wire.send(struct.pack("!I", number) + piece(number))
            wire.send(struct.pack("!I", 0xFFFFFFFF) + struct.pack("!II", first, len(window)))
            try:
                while True:
                    answer = wire.recv(4 + 4 * WINDOW)
                    if answer[:4] == struct.pack("!I", first):
                        break
            except (TimeoutError, ConnectionRefusedError):
                continue
            missing = [number for (number,) in struct.iter_unpack("!I", answer[4:])]
            if not missing:
                break
        else:
            sys.exit("no acknowledgement")


def receive(wire, total):
    wire.settimeout(20)
    done = 0
    held = {}
    while done < total:
        data = wire.recv(2048)
        (number,) = struct.unpack("!I", data[:4])
        if number != 0xFFFFFFFF:
            if number >= done:
                held[number] = data[4:]
            continue
        first, count = struct.unpack("!II", data[4:12])
        missing = [n for n in range(first, first + count) if n >= done and n not in held]
        wire.send(struct.pack("!I", first) + b"".join(struct.pack("!I", n) for n in missing))
        if not missing and first == done:
            for number in range(first, first + count):
                digest.update(held.pop(number))
            done += count
    # The last acknowledgement may have been lost.
    wire.settimeout(1)
    try:
        while True:
            data = wire.recv(2048)
            if data[:4] == b"\xff\xff\xff\xff":
                wire.send(data[4:8])
    except TimeoutError:
        pass


begun = time.monotonic()
tcp() if kind == "tcp" else udp()
print(digest.hexdigest(), f"{size / (time.monotonic() - begun) / 1e6:.0f} MB/s")
