import CSys
package import Glibc
package import Problems
import Sys

/// Hears of out-of-memory kills in a cgroup.
package struct OutOfMemoryWatch: ~Copyable {
  private let cgroup: Cgroup
  /// Version 1: an eventfd that the kernel writes to. Version 2: memory.events, which polls as POLLPRI. None: no
  /// memory controller, nothing to hear.
  private let descriptor: OwnedFD?
  /// The descriptor's number; -1 is none.
  private let number: CInt
  private let place: Cgroup.Directory?
  private var seen: UInt64

  /// - Source: memory.rst, "OOM Control" (v1); cgroup-v2.rst, "memory.events".
  package init(_ cgroup: Cgroup) throws(Problem) {
    self.cgroup = cgroup
    let place = cgroup.directory(of: "memory")
    self.place = place
    seen = cgroup.oomKills() ?? 0
    guard let place else {
      descriptor = nil
      number = -1
      return
    }
    let opened = try doing("watch cgroup \(place.path) for out-of-memory kills") { () throws(Errno) in
      if place.version == .two { return try open(place.path + "/memory.events", O_RDONLY) }
      let event = OwnedFD(adopting: try check(csys_eventfd(0, O_NONBLOCK)))
      let control = try open(place.path + "/memory.oom_control", O_RDONLY)
      let line = "\(event.borrowed) \(control.borrowed)"
      try Cgroup.write(Array(line.utf8), to: place.path + "/cgroup.event_control")
      return event
    }
    number = opened.borrowed
    descriptor = consume opened
  }

  /// What to poll for; empty where there is nothing to hear.
  package var polls: [pollfd] {
    guard let place else { return [] }
    return [pollfd(fd: number, events: Int16(place.version == .one ? POLLIN : POLLPRI), revents: 0)]
  }

  /// Call it when the poll says something. Version 1's eventfd is also written when the cgroup goes.
  /// - Returns: whether processes were killed since.
  package mutating func take() -> Bool {
    guard let place else { return false }
    var buffer = [UInt8](repeating: 0, count: 512)
    if place.version == .one {
      return csys_read(number, &buffer, 8) == 8 && exists(place.path + "/cgroup.event_control")
    }
    _ = csys_pread(number, &buffer, buffer.count, 0)  // reading makes the next poll wait again
    let now = cgroup.oomKills() ?? seen
    defer { seen = now }
    return now > seen
  }
}
