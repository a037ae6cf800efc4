package import CSys
import Glibc

/// How a process ended. Source: wait(2).
public enum ExitStatus: Hashable, Sendable {
  case exited(code: CInt)
  case killed(signal: CInt)

  /// Decodes wait4(2)'s status word.
  package init(waitStatus: CInt) {
    let signal = waitStatus & 0x7f
    self = signal == 0 ? .exited(code: waitStatus >> 8 & 0xff) : .killed(signal: signal)
  }
  /// As a shell reports it: the code, or 128 + signal.
  public var shellCode: CInt {
    switch self {
    case .exited(let code): code
    case .killed(let signal): 128 + signal
    }
  }
}

/// A child of this process, started by `spawn`.
package struct ChildProcess: ~Copyable {
  package let pid: pid_t
  package let pidfd: OwnedFD
  package init(pid: pid_t, pidfd: consuming OwnedFD) {
    self.pid = pid
    self.pidfd = pidfd
  }
  /// Waits until it ended, and reaps it.
  package borrowing func wait() throws(Errno) -> ExitStatus {
    var status: CInt = 0
    let pid = pid
    _ = try uninterrupted { () throws(Errno) in try check(csys_wait4(pid, &status, 0)) }
    return ExitStatus(waitStatus: status)
  }
  package borrowing func signal(_ number: CInt) throws(Errno) {
    try check(csys_pidfd_send_signal(pidfd.borrowed, number))
  }
}

/// A program to start: nothing is inherited but what is listed.
package struct Spawn {
  /// Absolute; no PATH search.
  package var path: String
  /// argv, argv[0] included.
  package var arguments: [String]
  /// `NAME=value`.
  package var environment: [String]
  /// `descriptors[i]` becomes i in the child; -1 is /dev/null.
  package var descriptors: [CInt] = [0, 1, 2]
  package var workingDirectory: CInt = -1
  package var newSession = false
  /// Signal that the child gets when this process ends; 0 is none.
  package var deathSignal: CInt = 0

  package init(_ path: String, _ arguments: [String], environment: [String]) {
    self.path = path
    self.arguments = [path] + arguments
    self.environment = environment
  }

  /// - Throws: execve's own error, too: a missing program is `.notFound` here and now.
  package func start() throws(Errno) -> ChildProcess {
    var pidfd: CInt = -1
    let result = withCStrings(arguments) { argv in
      withCStrings(environment) { envp in
        path.withCString { path in
          descriptors.withUnsafeBufferPointer { fds in
            var what = csys_spawn(
              path: path, argv: argv, envp: envp, fds: fds.baseAddress, fd_count: CInt(fds.count),
              working_dir: workingDirectory, new_session: newSession ? 1 : 0, death_signal: deathSignal)
            return csys_spawn(&what, &pidfd)
          }
        }
      }
    }
    let pid = try check(result)
    return ChildProcess(pid: pid, pidfd: OwnedFD(adopting: pidfd))
  }
}

/// Calls `body` with a NULL-terminated array of C strings, as execve(2) takes them.
package func withCStrings<R>(_ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> R) -> R {
  withUnsafeTemporaryAllocation(of: UnsafeMutablePointer<CChar>?.self, capacity: strings.count + 1) { copies in
    for (place, text) in strings.enumerated() {
      copies.initializeElement(at: place, to: text.withCString { strdup($0) })
    }
    copies.initializeElement(at: strings.count, to: nil)
    defer { for copy in copies { free(copy) } }
    return body(UnsafePointer(copies.baseAddress!))
  }
}

/// What proc(5)'s stat tells of a process.
package struct ProcessStat {
  /// "R", "S", "Z", ...
  package let state: UInt8
  /// Clock ticks since boot: with the pid it names one process.
  package let startTime: UInt64

  package init(ofPid pid: pid_t) throws(Errno) {
    let bytes = try readFile("/proc/\(pid)/stat")
    // The name may hold anything but ends with the last parenthesis; then a space, the state (field 3), a space, ...
    guard let close = bytes.lastIndex(of: UInt8(ascii: ")")), close + 2 < bytes.count else { throw .invalid }
    state = bytes[close + 2]
    var field = 3
    var ticks: UInt64 = 0
    for byte in bytes[(close + 2)...] where field <= Self.startField {
      if byte == UInt8(ascii: " ") {
        field += 1
      } else if field == Self.startField, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
        ticks = ticks &* 10 &+ UInt64(byte - UInt8(ascii: "0"))
      }
    }
    guard field > Self.startField else { throw .invalid }
    startTime = ticks
  }
  private static let startField = 22
}
package func startTime(ofPid pid: pid_t) throws(Errno) -> UInt64 { try ProcessStat(ofPid: pid).startTime }

/// This process's environment as `NAME=value`.
package func currentEnvironment() -> [String] {
  var result: [String] = []
  var entry = environ
  while let text = entry.pointee {
    result.append(String(cString: text))
    entry += 1
  }
  return result
}
package func environmentVariable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

/// Names the ordinary user for whom a program works that `berth` started as root of that user's namespace.
package let callerVariable = "BERTH_CALLER_UID"

/// The user for whom this program works: in an ordinary user's namespace geteuid(2) says 0 for everybody.
package func callerUID() -> uid_t { environmentVariable(callerVariable).flatMap { uid_t($0) } ?? geteuid() }

/// Whether this process is the machine's root, not one of a user namespace. Source: user_namespaces(7), uid_map.
package func isMachineRoot() -> Bool {
  guard geteuid() == 0, let map = try? readFile("/proc/self/uid_map") else { return false }
  return map.elementsEqual("         0          0 4294967295\n".utf8)  // uid_m_show(), kernel/user_namespace.c
}
