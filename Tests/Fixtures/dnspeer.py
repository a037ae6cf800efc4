"""A name server that misbehaves by name, for tests: dnspeer.py ADDRESS ANSWER

silent.* gets nothing, fail.* SERVFAIL, forged.* five forged replies before the right one, source.* tells the port
that asked, slow.* waits. Everything else is ANSWER. `asked` lines on stdout say what came.
"""
import socket, struct, sys, threading, time

address, answer = sys.argv[1], socket.inet_aton(sys.argv[2])
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind((address, 53))


def name_of(packet):
    labels, place = [], 12
    while packet[place]:
        labels.append(packet[place + 1 : place + 1 + packet[place]].decode())
        place += 1 + packet[place]
    return ".".join(labels), place + 5


def reply(packet, end, data, code=0, id=None, question=None):
    id = packet[:2] if id is None else id
    head = id + struct.pack(">HHHHH", 0x8180 | code, 1, 1 if data else 0, 0, 0)
    body = question or packet[12:end]
    return head + body + (b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + data if data else b"")


print("ready", flush=True)
while True:
    packet, peer = server.recvfrom(4096)
    name, end = name_of(packet)
    first = name.split(".")[0]
    print("asked", name, packet[0] << 8 | packet[1], peer[1], flush=True)
    evil = socket.inet_aton("6.6.6.6")
    if first == "silent":
        continue
    if first == "fail":
        server.sendto(reply(packet, end, b"", 2), peer)
        continue
    if first == "forged":
        wrong = bytes([packet[0] ^ 1, packet[1]])
        other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        other.bind((address, 5353))
        other.sendto(reply(packet, end, evil), peer)
        other.close()
        server.sendto(reply(packet, end, evil, id=wrong), peer)
        server.sendto(reply(packet, end, evil, question=b"\x04evil" + packet[12:end][7:]), peer)
        server.sendto(reply(packet, end, evil)[:11], peer)
        server.sendto(packet, peer)
    if first == "slow":
        threading.Timer(0.5, server.sendto, (reply(packet, end, answer), peer)).start()
        continue
    server.sendto(reply(packet, end, answer), peer)
