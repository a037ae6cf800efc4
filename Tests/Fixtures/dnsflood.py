"""Malformed questions by the thousand, the same in every run: dnsflood.py ADDRESS COUNT

Prints how many replies came, and what they were, as JSON.
"""
import collections, json, random, socket, sys

random.seed(20)
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.connect((sys.argv[1], 53))
client.setblocking(False)
good = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01\x03web\x00\x00\x01\x00\x01\x00\x00\x29\x10\x00" + bytes(6)
codes = collections.Counter()


def drain():
    while True:
        try:
            packet = client.recv(65535)
        except BlockingIOError:
            return
        codes[packet[3] & 15 if len(packet) >= 12 and packet[2] & 0x80 else -1] += 1


for number in range(int(sys.argv[2])):
    packet = bytearray(good)
    for _ in range(random.randrange(5)):
        packet[random.randrange(len(packet))] = random.randrange(256)
    if number % 7 == 0:
        packet = packet[: random.randrange(len(packet))]
    if number % 11 == 0:
        packet += bytes(random.randrange(3000))
    try:
        client.send(bytes(packet))
    except ConnectionRefusedError:
        print("gone")
        sys.exit(1)
    drain()
print(json.dumps(codes))
