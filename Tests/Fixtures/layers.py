"""Writes an OCI layout with an image "many" of that many layers: layers.py DIRECTORY LAYERS."""
import hashlib
import io
import json
import os
import sys
import tarfile

directory, count = sys.argv[1], int(sys.argv[2])
os.makedirs(directory + "/blobs/sha256")


def put(data, kind):
    name = hashlib.sha256(data).hexdigest()
    with open(f"{directory}/blobs/sha256/{name}", "wb") as blob:
        blob.write(data)
    return {"mediaType": "application/vnd.oci.image." + kind, "digest": "sha256:" + name, "size": len(data)}


def layer(name, source=None):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        if source:
            tar.add(source, name)
        else:
            tar.addfile(tarfile.TarInfo(name))
    return put(data.getvalue(), "layer.v1.tar")


layers = [layer("bin/sh", "/bin/busybox")] + [layer(f"layer{number}") for number in range(1, count)]
rootfs = {"type": "layers", "diff_ids": [one["digest"] for one in layers]}
config = put(json.dumps({"architecture": "amd64", "os": "linux", "rootfs": rootfs}).encode(), "config.v1+json")
manifest = put(json.dumps({"schemaVersion": 2, "config": config, "layers": layers}).encode(), "manifest.v1+json")
manifest["annotations"] = {"org.opencontainers.image.ref.name": "many"}
for name, content in [
    ("index.json", {"schemaVersion": 2, "manifests": [manifest]}),
    ("oci-layout", {"imageLayoutVersion": "1.0.0"}),
]:
    with open(f"{directory}/{name}", "w") as file:
        json.dump(content, file)
