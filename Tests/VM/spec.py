#!/usr/bin/env python3
"""Writes the config.json of a test: spec.py FILE NAME=VALUE…, values in Python's notation."""
import json, os, sys

given = dict(word.split("=", 1) for word in sys.argv[2:])
given = {name: eval(value) for name, value in given.items()}
rootless = given.get("rootless", False)
namespaces = ["pid", "ipc", "uts", "mount", "cgroup"] + ([] if rootless else ["network"])
sys_options = ["nosuid", "noexec", "nodev"] + ([] if given.get("writable_cgroup") else ["ro"])
caps = ["CAP_KILL", "CAP_DAC_OVERRIDE"]
linux = {
    "namespaces": [{"type": name} for name in namespaces],
    "resources": given.get("resources", {}),
}
if "cgroupsPath" in given:
    linux["cgroupsPath"] = given["cgroupsPath"]
first = given.get("userns", os.getuid() if rootless else None)
if first is not None:
    linux["namespaces"].append({"type": "user"})
    ids = [{"containerID": 0, "hostID": first, "size": 1 if rootless else 65536}]
    linux["uidMappings"], linux["gidMappings"] = ids, ids if not rootless else [dict(ids[0], hostID=os.getgid())]
if "joined_userns" in given:
    linux["namespaces"].append({"type": "user", "path": given["joined_userns"]})
process = {
    "user": {"uid": 0, "gid": 0}, "cwd": "/", "args": given.get("args", ["sleep", "1000"]),
    "env": ["PATH=/bin"],
    "capabilities": {kind: caps for kind in ("bounding", "effective", "permitted")},
}
if "apparmor" in given:
    process["apparmorProfile"] = given["apparmor"]
spec = {
    "ociVersion": "1.2.0", "process": process, "root": {"path": "rootfs"}, "linux": linux,
    "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
        {"destination": "/sys", "type": "none" if rootless else "sysfs", "source": "/sys" if rootless else "sysfs",
         "options": ["rbind", "ro"] if rootless else ["ro"]},
    ] + ([] if rootless else [
        {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": sys_options}]),
}
with open(sys.argv[1], "w") as file:
    json.dump(spec, file)
