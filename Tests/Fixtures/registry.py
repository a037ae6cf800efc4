"""A registry for tests that misbehaves on request, and the image that it serves.

  registry.py serve LOG        serves on a free port of loopback, prints it, and writes one JSON line per request to LOG
  registry.py layout DIRECTORY writes the image as an OCI layout, for skopeo
  registry.py cut PORT BYTES   a TCP proxy to PORT that ends two of three connections after BYTES; prints its port
  registry.py proxy PORT LOG   an HTTP proxy (CONNECT, for user:secret) that leads every name to PORT; prints its port

The first part of a repository's name says what happens: see `Handler.blob` and `Handler.manifest`.
"""
import base64, gzip, hashlib, io, json, os, random, re, socket, sys, tarfile, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def layer(seed):
    """A layer of about 1.5 MB that does not compress; the same every time."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        noise = random.Random(seed).randbytes(1500000)
        for name, data in ((f"layer{seed}", b"hello\n"), (f"noise{seed}", noise)):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o644
            archive.addfile(info, io.BytesIO(data))
    return tar.getvalue()


def image():
    """Blobs by digest, and the manifest."""
    blobs, layers, diffs = {}, [], []
    for seed in (1, 2):
        tar = layer(seed)
        packed = gzip.compress(tar, 1, mtime=0)
        blobs[digest(packed)] = packed
        diffs.append(digest(tar))
        layers.append({"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest(packed), "size": len(packed)})
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/layer1"]},
                         "rootfs": {"type": "layers", "diff_ids": diffs}}).encode()
    blobs[digest(config)] = config
    manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "layers": layers, "config": {
        "mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(config), "size": len(config)}}).encode()
    return blobs, manifest


BLOBS, IMAGE = image()


def index(entries):
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()


def entry(data, kind, arch="amd64"):
    return {"mediaType": kind, "digest": digest(data), "size": len(data), "platform": {"os": "linux", "architecture": arch}}


DOCUMENTS = {}


def keep(data):
    DOCUMENTS[digest(data)] = data
    return data


def chain(depth):
    """An index that points to an index that points to …"""
    data, kind = keep(IMAGE), MANIFEST
    for _ in range(depth):
        data, kind = keep(index([entry(data, kind)])), INDEX
    return data


MULTI = keep(index([entry(b"another", MANIFEST, "arm64"), entry(keep(IMAGE), MANIFEST)]))
DEEP = chain(8)
TOKENS = {}
# What goes on for ever ends after so many times: a client without limits is seen to succeed.
PATIENCE, NEVER = 100, 7


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers=(), length=None):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def error(self, status, code, message="", headers=()):
        body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
        self.answer(status, body, [("Content-Type", "application/json"), *headers])

    def hang_up(self):
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def do_GET(self):
        with self.server.lock:
            print(json.dumps({"path": self.path, "authorization": self.headers.get("Authorization"),
                              "range": self.headers.get("Range")}), file=self.server.log, flush=True)
        try:
            self.route()
        except BrokenPipeError:
            self.close_connection = True

    def route(self):
        if self.path.startswith("/token"):
            return self.token()
        if self.path.startswith("/elsewhere/"):
            return self.answer(200, BLOBS[self.path.split("/")[2]])
        if self.path.startswith("/files/"):
            return self.file(self.path.split("/")[2])
        if self.path == "/v2/":
            return self.challenge("")
        found = re.fullmatch(r"/v2/(([^/]+)/[^?]+)/(manifests|blobs)/([^/?]+)", self.path)
        if not found:
            return self.error(404, "NAME_UNKNOWN")
        name, mode, kind, key = found.groups()
        if mode in ("bearer", "private") and self.headers.get("Authorization") not in TOKENS.get(name, ()):
            return self.challenge(name)
        if mode == "forbidden":
            return self.error(403, "DENIED", "not \x1b[31myours\x1b[0m\nat all")
        if mode == "busy" and self.server.first("busy" + self.path):
            return self.error(429, "TOOMANYREQUESTS", "slow down", [("Retry-After", "0")])
        if mode == "exhausted":
            return self.error(429, "TOOMANYREQUESTS", "come back", [("Retry-After", "9999")])
        if mode == "broken":
            return self.error(500, "UNKNOWN")
        (self.manifest if kind == "manifests" else self.blob)(mode, key)

    # --- what `import` fetches: a root filesystem's tar, and what may happen to it

    def file(self, mode):
        tar = layer(1)
        if mode == "moved":
            return self.answer(302, b"", [("Location", "/files/root.tar.gz")])
        if mode == "circle":
            return self.answer(302, b"", [("Location", self.path)])
        if mode == "private":
            return self.error(401, "UNAUTHORIZED", headers=[("WWW-Authenticate", "Basic realm=x")])
        if mode == "failing":
            return self.error(500, "UNKNOWN")
        if mode == "html":
            return self.answer(200, b"<!DOCTYPE html><title>Welcome</title>" * 1000, [("Content-Type", "text/html")])
        if mode == "short":
            self.answer(200, tar[:700000], length=len(tar))
            return self.hang_up()
        files = {"root.tar": tar, "root.tar.gz": gzip.compress(tar, 1, mtime=0)}
        return self.answer(200, files[mode]) if mode in files else self.error(404, "NAME_UNKNOWN")

    # --- who asks

    def challenge(self, name):
        realm = f"http://127.0.0.1:{self.server.server_address[1]}/token"
        scope = f',scope="repository:{name}:pull"' if name else ""
        if not name and self.headers.get("Authorization") in TOKENS.get("", ()):
            return self.answer(200, b"{}")
        self.error(401, "UNAUTHORIZED", "authentication required",
                   [("WWW-Authenticate", f'Bearer realm="{realm}",service="test"{scope}')])

    def token(self):
        scope = re.search(r"scope=repository%3A([^&]*)%3Apull", self.path)
        name = scope.group(1).replace("%2F", "/") if scope else ""
        right = "Basic " + base64.b64encode(b"user:secret").decode()
        given = self.headers.get("Authorization")
        if given not in (None, right) or given is None and not name.startswith("bearer/"):
            return self.error(401, "UNAUTHORIZED", "incorrect username or password")
        value = "t" + str(random.getrandbits(64))
        TOKENS.setdefault(name, set()).add("Bearer " + value)
        self.answer(200, json.dumps({"token": value, "expires_in": 300}).encode())

    # --- content

    def manifest(self, mode, key):
        if key == "missing":
            return self.error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        if mode == "bomb":  # a good manifest for who reads on
            self.send_response(200)
            self.send_header("Content-Type", MANIFEST)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for _ in range(80):
                self.wfile.write(b"10000\r\n" + b" " * 65536 + b"\r\n")
            self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(IMAGE), IMAGE))
            return
        if mode == "html":
            return self.answer(200, b"<!DOCTYPE html><title>Welcome</title>", [("Content-Type", "text/html")])
        body = {"multi": MULTI, "recursion": DEEP}.get(mode, IMAGE)
        if key.startswith("sha256:"):
            body = DOCUMENTS.get(key, IMAGE)
            if mode == "wrongmanifest":
                body = body + b"\n"
        kind = json.loads(body)["mediaType"]
        self.answer(200, body, [("Content-Type", kind), ("Docker-Content-Digest", digest(body))])

    def blob(self, mode, key):
        data = BLOBS.get(key)
        if data is None:
            return self.error(404, "BLOB_UNKNOWN", "blob unknown")
        is_layer = len(data) > 100000
        if mode == "redirect":
            return self.answer(307, b"", [("Location", f"http://localhost:{self.server.server_address[1]}/elsewhere/{key}")])
        if mode == "circle" and self.server.count(self.path) < PATIENCE:
            return self.answer(307, b"", [("Location", self.path)])
        if mode == "outside":
            return self.answer(307, b"", [("Location", "file:///etc/passwd")])
        if mode == "wrong" and is_layer:
            data = data[:4] + bytes([data[4] ^ 1]) + data[5:]  # a date in gzip's head: the content stays the same
        if mode == "slow" and is_layer:  # half a second, for eyes
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            for start in range(0, len(data), len(data) // 10):
                self.wfile.write(data[start:start + len(data) // 10])
                time.sleep(0.05)
            return
        if mode == "long" and is_layer:
            data = data + b"more"
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data))
            return
        start, status, headers = 0, 200, []
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if asked and mode != "cutnorange":
            start, status = int(asked.group(1)), 206
            headers = [("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")]
        rest = data[start:]
        if is_layer and mode == "cut" and start < 1200000 or is_layer and mode == "cutnorange" and self.server.first(self.path):
            self.answer(status, rest[:400000], headers, length=len(rest))
            return self.hang_up()
        if is_layer and mode == "never" and self.server.count(self.path) < NEVER:
            self.answer(status, b"", headers, length=len(rest))
            return self.hang_up()
        self.answer(status, rest, headers)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, log):
        super().__init__(("127.0.0.1", 0), Handler)
        self.log, self.lock, self.seen = open(log, "a"), threading.Lock(), {}

    def count(self, key):
        with self.lock:
            self.seen[key] = self.seen.get(key, 0) + 1
            return self.seen[key]

    def first(self, key):
        return self.count(key) == 1

    def handle_error(self, *_):
        pass


def layout(directory):
    os.makedirs(directory + "/blobs/sha256")
    for data in [*BLOBS.values(), IMAGE]:
        with open(f"{directory}/blobs/sha256/{digest(data)[7:]}", "wb") as file:
            file.write(data)
    found = entry(IMAGE, MANIFEST)
    found["annotations"] = {"org.opencontainers.image.ref.name": "test"}
    for name, content in (("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'), ("index.json", index([found]))):
        with open(f"{directory}/{name}", "wb") as file:
            file.write(content)


def tunnel(client, server, quota=None):
    """Passes bytes both ways; the server's end after `quota`."""

    def pump(source, target, quota=None):
        try:
            while data := source.recv(65536):
                if quota is not None:
                    data, quota = data[:quota], quota - len(data)
                target.sendall(data)
                if quota is not None and quota <= 0:
                    break
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    threading.Thread(target=pump, args=(client, server), daemon=True).start()
    threading.Thread(target=pump, args=(server, client, quota), daemon=True).start()


def proxy(port, log):
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    right = base64.b64encode(b"user:secret").decode()
    while True:
        client, _ = listener.accept()
        head = b""
        while b"\r\n\r\n" not in head and (data := client.recv(4096)):
            head += data
        with open(log, "a") as file:
            print(json.dumps({"path": head.split(b"\r\n")[0].decode()}), file=file)
        if not head.startswith(b"CONNECT ") or f"Basic {right}".encode() not in head:
            client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            client.close()
            continue
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        tunnel(client, socket.create_connection(("127.0.0.1", port)))


def cut(port, limit):
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    number = 0
    while True:
        client, _ = listener.accept()
        number += 1
        server = socket.create_connection(("127.0.0.1", port))
        tunnel(client, server, limit if number % 3 else None)


if __name__ == "__main__":
    if sys.argv[1] == "layout":
        layout(sys.argv[2])
    elif sys.argv[1] == "cut":
        cut(int(sys.argv[2]), int(sys.argv[3]))
    elif sys.argv[1] == "proxy":
        proxy(int(sys.argv[2]), sys.argv[3])
    else:
        server = Server(sys.argv[2])
        print(server.server_address[1], flush=True)
        server.serve_forever()
