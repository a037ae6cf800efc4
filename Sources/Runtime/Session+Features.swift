import JSON
import RuntimeSpec
import Seccomp

extension Session {
  /// What this runtime can do. Source: runtime-spec 1.3, features.md, features-linux.md.
  func features() -> CInt {
    let json: JSON = [
      "ociVersionMin": "1.0.0", "ociVersionMax": .string(RuntimeProgram.specVersion),
      "hooks": JSON(["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]),
      "mountOptions": JSON(MountOptions.known),
      "linux": [
        "namespaces": JSON(["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"]),
        "capabilities": JSON(CapabilityName.all.map { "CAP_" + $0 }),
        "cgroup": ["v1": true, "v2": true, "systemd": true, "systemdUser": true, "rdma": true],
        "seccomp": [
          "enabled": true, "actions": JSON(SeccompFilter.knownActions),
          "operators": JSON(SeccompFilter.knownOperators),
          "archs": JSON(SeccompArchitecture.allCases.map(\.rawValue).sorted()),
          "knownFlags": JSON(SeccompFilter.knownFlags), "supportedFlags": JSON(SeccompFilter.knownFlags),
        ],
        "apparmor": ["enabled": true], "selinux": ["enabled": true],
        "intelRdt": ["enabled": true, "schemata": true, "monitoring": true],
        "memoryPolicy": [
          "modes": JSON(MemoryPolicy.modes.map(\.name).sorted()),
          "flags": JSON(MemoryPolicy.flagNames.map(\.name).sorted()),
        ],
        "mountExtensions": ["idmap": ["enabled": true]],
        "netDevices": ["enabled": true],
      ],
      "annotations": ["berth.runtime.version": .string(RuntimeProgram.version)],
      "potentiallyUnsafeConfigAnnotations": ["org.systemd.property."],
    ]
    return RuntimeProgram.show(json.text(indent: 2) + "\n")
  }
}
