import CSys
import Glibc
public import JSON
import Networking
public import Problems
import Rootless
import StateStore
import Sys

extension Engine {
  /// Of this build; one number for all of Berth's programs.
  public static let versionText = "0.1.0"

  /// podman's info document: host, store, registries, version (PD-16).
  public func info() throws(Problem) -> JSON {
    let store = try store()
    let counts = try store.containers.counts()
    func count(_ states: StateStore.ContainerState...) -> Int { states.reduce(0) { $0 + (counts[$1] ?? 0) } }
    let images = try store.database.row("SELECT COUNT(*) FROM images") { row in Int(row.integer(0)) } ?? 0
    let running = try list(ListQuery()).count
    let total = counts.values.reduce(0, +)
    let overlay = overlayDocuments()
    return [
      "host": try host(),
      "store": [
        "graphDriverName": "overlay", "graphRoot": .string(paths.root), "runRoot": .string(paths.runroot),
        "volumePath": .string(paths.root + "/volumes"), "imageStore": ["number": JSON(images)],
        "graphOptions": overlay.options, "graphStatus": overlay.status,
        "containerStore": [
          "number": JSON(total), "running": JSON(running), "paused": JSON(count(.paused)),
          "stopped": JSON(total - running),
        ],
      ],
      "registries": .object(JSON.Object()),
      "plugins": [
        "volume": ["local"], "network": JSON(NetworkConfiguration.Driver.allCases.map(\.rawValue)),
        "log": ["k8s-file", "json-file", "none"],
      ],
      "version": version(),
    ]
  }

  /// What mounts containers' root filesystems, as podman's info tells it. Where nothing can, the user hears what to do.
  private func overlayDocuments() -> (options: JSON, status: JSON) {
    var isNative = false
    var options: JSON = .object(JSON.Object())
    do throws(Problem) {
      if let program = try mountProgram() {
        options = [
          "overlay.mount_program": [
            "Executable": .string(program.path), "Version": .string(try program.version()),
          ]
        ]
      } else {
        isNative = true
      }
    } catch { warning?(error) }
    return (
      options,
      [
        "Backing Filesystem": .string(FileSystem.type(of: paths.root)),
        "Native Overlay Diff": isNative ? "true" : "false", "Supports d_type": "true",
      ]
    )
  }

  private func host() throws(Problem) -> JSON {
    var name = utsname()
    uname(&name)
    func text<T>(_ field: T) -> String {
      withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
    let memory = MemoryFigures((try? readText("/proc/meminfo")) ?? "")
    let isCgroup2 = SpecBuilder.Machine.isCgroup2()
    let distribution = ReleaseFile((try? readText("/etc/os-release")) ?? "")
    let uptime = ((try? readText("/proc/uptime")) ?? "").split(separator: " ").first.flatMap { Double($0) } ?? 0
    let runtime = try? programs.runtime(nil)
    let namespace = try userNamespace()
    let manager = try delegation()?.driver ?? .cgroupfs
    return [
      "arch": .string(
        text(name.machine) == "x86_64" ? "amd64" : text(name.machine) == "aarch64" ? "arm64" : text(name.machine)),
      "os": "linux", "kernel": .string(text(name.release)), "hostname": .string(text(name.nodename)),
      "cpus": JSON(sysconf(CInt(_SC_NPROCESSORS_ONLN))),
      "distribution": ["distribution": .string(distribution["ID"]), "version": .string(distribution["VERSION_ID"])],
      "memTotal": JSON(memory["MemTotal"]), "memFree": JSON(memory["MemFree"]), "swapTotal": JSON(memory["SwapTotal"]),
      "swapFree": JSON(memory["SwapFree"]), "uptime": .string("\(Int(uptime))s"),
      "cgroupManager": .string(manager.rawValue),
      "cgroupVersion": .string(isCgroup2 ? "v2" : "v1"), "cgroupControllers": JSON(Self.controllers()),
      "eventLogger": .string(eventsBackend.rawValue), "logDriver": "k8s-file",
      "idMappings": ["uidmap": namespace.uids.document, "gidmap": namespace.gids.document],
      "ociRuntime": [
        "name": .string(fileName(of: runtime ?? "")), "path": .string(runtime ?? ""),
        "version": .string(Self.versionText),
      ],
      "conmon": [
        "path": .string((try? programs.helper("berth-monitor")) ?? ""), "version": .string(Self.versionText),
        "package": "berth",
      ],
      "security": [
        "rootless": .bool(!namespace.isInitial), "seccompEnabled": true,
        "selinuxEnabled": .bool(exists("/sys/fs/selinux/enforce")),
        "apparmorEnabled": .bool(exists("/sys/kernel/security/apparmor")),
        "capabilities": .string(CapabilitySet.standard.joined(separator: ",")),
      ],
      "serviceIsRemote": false,
    ]
  }

  private static func controllers() -> [String] {
    let lines = ((try? readText("/proc/cgroups")) ?? "").split(separator: "\n").filter { !$0.hasPrefix("#") }
    return lines.compactMap { line in
      let fields = line.split(separator: "\t")
      return fields.count > 3 && fields[3] == "1" ? String(fields[0]) : nil
    }
  }

  public func version() -> JSON {
    #if arch(arm64)
      let architecture = "linux/arm64"
    #else
      let architecture = "linux/amd64"
    #endif
    return [
      "APIVersion": .string(Self.versionText), "Version": .string(Self.versionText), "OsArch": .string(architecture),
      "Os": "linux",
    ]
  }
}

/// /proc/meminfo in bytes.
private struct MemoryFigures {
  private var values: [String: Int64] = [:]
  init(_ text: String) {
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count > 1, let kibibytes = Int64(words[1]) else { continue }
      values[String(words[0].dropLast())] = kibibytes * 1024
    }
  }
  subscript(name: String) -> Int64 { values[name] ?? 0 }
}

/// os-release(5).
private struct ReleaseFile {
  private var values: [String: String] = [:]
  init(_ text: String) {
    for line in text.split(separator: "\n") {
      guard let equals = line.firstIndex(of: "=") else { continue }
      values[String(line[..<equals])] = line[line.index(after: equals)...].filter { $0 != "\"" }
    }
  }
  subscript(name: String) -> String { values[name] ?? "" }
}

private enum FileSystem {
  /// Name of a path's file system. Source: statfs(2), <linux/magic.h>.
  static func type(of path: String) -> String {
    var found = statfs()
    guard let fd = try? open(path, O_PATH_), csys_fstatfs(fd.borrowed, &found) == 0 else { return "unknown" }
    switch UInt32(truncatingIfNeeded: found.f_type) {
    case 0xef53: return "extfs"
    case 0x5846_5342: return "xfs"
    case 0x9123_683e: return "btrfs"
    case 0x0102_1994: return "tmpfs"
    case 0x794c_7630: return "overlayfs"
    default: return "0x" + String(UInt32(truncatingIfNeeded: found.f_type), radix: 16)
    }
  }
}

extension IDMapping {
  /// As podman's info shows it; null in the machine's own namespace.
  fileprivate var document: JSON {
    if isInitial { return .null }
    return .array(
      ranges.map { ["container_id": JSON($0.inside), "host_id": JSON($0.outside), "size": JSON($0.count)] })
  }
}
