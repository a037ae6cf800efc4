// The program in the embedded `hello` image: greets, then shows what a process in a Berth container sees.

import CSys
import Glibc
import Sys

/// The value of `name:` in /proc/self/status, or nil.
func statusField(_ name: String, in status: String) -> String? {
  status.split(separator: "\n").first { $0.hasPrefix(name + ":") }.map { line in
    String(line.dropFirst(name.utf8.count + 1)).split(separator: "\t").joined(separator: " ")
  }
}

func fileText(_ path: String) -> String { (try? readText(path)) ?? "not readable" }

/// "0 → 100000 (65536)": inside, outside, length.
func identityMap(_ path: String) -> String {
  fileText(path).split(separator: "\n").map { line in
    let numbers = line.split(separator: " ")
    guard numbers.count == 3 else { return String(line) }
    return numbers[2] == "4294967295" ? "the host's" : "\(numbers[0]) → \(numbers[1]) (\(numbers[2]) ids)"
  }.joined(separator: ", ")
}

/// "mnt:[4026532281]" and so on, one per kind.
func namespaces() -> String {
  ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"].map { kind in
    (try? readLink("/proc/self/ns/\(kind)")) ?? "\(kind):?"
  }.joined(separator: " ")
}

func mounts() -> (root: String, others: [String]) {
  var root = "not found"
  var others: [String] = []
  for line in fileText("/proc/self/mountinfo").split(separator: "\n") {
    let halves = line.split(separator: " ")
    guard halves.count > 6, let dash = halves.firstIndex(of: "-"), dash + 2 < halves.count else { continue }
    let readOnly = halves[5].split(separator: ",").contains("ro") ? ", read-only" : ""
    if halves[4] == "/" {
      root = "\(halves[dash + 1])\(readOnly)"
    } else {
      others.append("\(halves[4]) (\(halves[dash + 1])\(readOnly))")
    }
  }
  return (root, others)
}

/// Names of the capabilities in a mask that /proc prints in hex. Source: capabilities(7).
func capabilities(_ hex: String) -> String {
  let names = [
    "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
    "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner",
    "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice",
    "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap",
    "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf",
    "checkpoint_restore",
  ]
  guard let mask = UInt64(hex, radix: 16) else { return hex }
  let held = names.indices.filter { mask & 1 << UInt64($0) != 0 }.map { names[$0] }
  return held.isEmpty ? "none" : held.joined(separator: " ")
}

func report() -> String {
  let status = fileText("/proc/self/status")
  let seccomp = ["0": "off", "1": "strict", "2": "filter"][statusField("Seccomp", in: status) ?? ""] ?? "unknown"
  let (root, others) = mounts()
  let rows: [(String, String)] = [
    ("process", "pid \(getpid()), uid \(getuid()), gid \(getgid())"),
    ("uid map", identityMap("/proc/self/uid_map")),
    ("gid map", identityMap("/proc/self/gid_map")),
    ("hostname", fileText("/proc/sys/kernel/hostname").split(separator: "\n").first.map(String.init) ?? ""),
    ("namespaces", namespaces()),
    ("cgroup", fileText("/proc/self/cgroup").split(separator: "\n").last.map(String.init) ?? ""),
    ("root filesystem", root),
    ("mounts", others.joined(separator: " ")),
    ("capabilities", capabilities(statusField("CapEff", in: status) ?? "")),
    ("seccomp", seccomp),
    ("no new privileges", statusField("NoNewPrivs", in: status) == "1" ? "on" : "off"),
  ]
  var text = "Hello from Berth!\n\nThis program runs in a container of its own. From inside it sees:\n\n"
  for (name, value) in rows {
    text += "  \(name)" + String(repeating: " ", count: max(1, 19 - name.utf8.count)) + "\(value)\n"
  }
  return text + "\nNext: `berth pull IMAGE`, then `berth run -it --rm IMAGE`.\n"
}

do { try writeAll(1, report()) } catch { exit(1) }
