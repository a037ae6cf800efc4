import CSys
import Glibc
import Sys

/// Sees the kernel kill processes of one container for memory.
///
/// Source: cgroup-v1/memory.rst, "memory.oom_control"; cgroup-v2.rst, "memory.events".
struct MemoryWatch: ~Copyable {
  /// `memory.oom_control` or `memory.events`: both count kills as `oom_kill N`.
  private let counter: OwnedFD
  /// v1: the eventfd that is written when the group runs out of memory.
  private let signal: OwnedFD?

  /// nil where the process is in no memory group of its own, or the kernel offers no counter.
  init?(pid: Int32) {
    guard let groups = try? readText("/proc/\(pid)/cgroup"), let mounts = try? readText("/proc/self/mountinfo") else {
      return nil
    }
    guard let place = MemoryWatch.directory(groups: groups, mounts: mounts), place.group != "/" else { return nil }
    let name = place.isV2 ? "memory.events" : "memory.oom_control"
    guard let counter = try? open("\(place.directory)/\(name)", O_RDONLY) else { return nil }
    signal = place.isV2 ? nil : MemoryWatch.eventDescriptor(place.directory, counter)
    self.counter = counter
  }

  private static func eventDescriptor(_ directory: String, _ counter: borrowing OwnedFD) -> OwnedFD? {
    let raw = csys_eventfd(0, O_NONBLOCK)
    if raw < 0 { return nil }
    let signal = OwnedFD(adopting: raw)
    guard let control = try? open("\(directory)/cgroup.event_control", O_WRONLY) else { return nil }
    do throws(Errno) { try writeAll(control, "\(raw) \(counter.borrowed)") } catch { return nil }
    return signal
  }

  /// The descriptor that becomes ready, and for what.
  var event: (fd: CInt, flags: UInt32) {
    if let fd = signal.number { return (fd, Poller.readable) }
    return (counter.borrowed, Poller.priority)
  }

  /// Kills so far; 0 where the group is gone.
  func kills() -> Int {
    if let fd = signal.number {
      var count: UInt64 = 0
      _ = csys_read(fd, &count, 8)
    }
    var buffer: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0, 0)
    return withUnsafeMutableBytes(of: &buffer) { bytes in
      let count = csys_pread(counter.borrowed, bytes.baseAddress, bytes.count, 0)
      return count > 0 ? MemoryWatch.kills(in: String(decoding: bytes[..<count], as: UTF8.self)) : 0
    }
  }
  static func kills(in text: String) -> Int {
    for line in text.split(separator: "\n") where line.hasPrefix("oom_kill ") {
      return Int(line.dropFirst(9)) ?? 0
    }
    return 0
  }

  /// Where the memory group of a process is, from its /proc/PID/cgroup and our mountinfo.
  static func directory(groups: String, mounts: String) -> (directory: String, group: String, isV2: Bool)? {
    var first: Substring?
    var second: Substring?
    for line in groups.split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      if fields[1].split(separator: ",").contains("memory") { first = fields[2] }
      if fields[0] == "0" && fields[1].isEmpty { second = fields[2] }
    }
    guard let group = first ?? second else { return nil }
    for line in mounts.split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard let dash = fields.firstIndex(of: "-"), dash + 3 < fields.count, dash > 4 else { continue }
      let isV2 = fields[dash + 1] == "cgroup2"
      let isV1 = fields[dash + 1] == "cgroup" && fields[dash + 3].split(separator: ",").contains("memory")
      if first != nil ? isV1 : isV2 {
        let root = fields[3] == "/" ? "" : fields[3]
        let inside = group.hasPrefix(root) ? group.dropFirst(root.count) : group
        return ("\(fields[4])\(inside)", String(group), first == nil)
      }
    }
    return nil
  }
}
