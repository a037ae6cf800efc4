import CSys
import Glibc
import Netlink
public import Problems
import Sys

/// A network namespace, held open.
public struct NetworkNamespace: ~Copyable, Sendable {
  let fd: OwnedFD
  /// Its loopback interface is still to be brought up.
  private let isNew: Bool

  /// - Parameter path: such as /run/netns/NAME.
  public init(path: String) throws(Problem) {
    try self.init(path: path, isNew: false)
  }
  private init(path: String, isNew: Bool) throws(Problem) {
    fd = try doing("open network namespace \(path)") { () throws(Errno) in try open(path, O_RDONLY) }
    self.isNew = isNew
  }
  /// The one of a process. The caller has made sure that the pid is still that process's.
  package init(ofPid pid: Int32) throws(Problem) { try self.init(path: "/proc/\(pid)/ns/net") }

  private init(adopting fd: consuming OwnedFD, isNew: Bool) {
    self.fd = fd
    self.isNew = isNew
  }

  /// A new one, owned by the user namespace of the caller. It goes with its last process, or with this value where
  /// none ever enters it. Its loopback goes up with the first interface that it is given, or by `bringUpLoopback`. The
  /// caller must have the right to come back to its own.
  package static func make() throws(Problem) -> NetworkNamespace {
    let home = try own()
    try unshare()
    let result: Result<OwnedFD, Problem>
    do throws(Problem) { result = .success(try own()) } catch { result = .failure(error) }
    leave(to: home)
    return NetworkNamespace(adopting: try result.get(), isNew: true)
  }
  /// The new one of a process that waits in it; otherwise as above.
  package init(newOfPid pid: Int32) throws(Problem) { try self.init(path: "/proc/\(pid)/ns/net", isNew: true) }

  package borrowing func bringUpLoopback() throws(Problem) {
    try inside { () throws(Problem) in try Self.bringUpLoopback() }
  }
  /// Brings up an interface that lies here. - Parameter index: its own, where that is known.
  borrowing func configure(_ attachment: Attachment, _ network: NetworkConfiguration, index: Int32? = nil)
    throws(Problem)
  {
    let first: [NetlinkRequest] = isNew ? [.setUp(index: Self.loopbackIndex)] : []
    try inside { () throws(Problem) in try attachment.configure(network, index: index, first: first) }
  }

  /// This thread is in a new one afterwards.
  private static func unshare() throws(Problem) {
    try doing("make a network namespace") { () throws(Errno) in
      _ = try check(csys_unshare(UInt64(CSYS_CLONE_NEWNET)))
    }
  }
  private static func bringUpLoopback() throws(Problem) {
    try asking("bring up the loopback interface") { () throws(NetlinkFailure) in
      var socket = try NetlinkSocket(.route)
      try socket.exchange([.setUp(index: loopbackIndex)])
    }
  }
  /// Of every network namespace. Source: LOOPBACK_IFINDEX of the kernel.
  private static let loopbackIndex: Int32 = 1

  private static func own() throws(Problem) -> OwnedFD {
    try doing("open the own network namespace") { () throws(Errno) in try open("/proc/thread-self/ns/net", O_RDONLY) }
  }
  private static func leave(to home: borrowing OwnedFD) {
    let back = csys_setns(home.borrowed, CInt(CSYS_CLONE_NEWNET))
    precondition(back == 0, "cannot leave a network namespace: errno \(-back)")
  }

  /// A name of it for programs that this one starts, as long as this value is there.
  package var path: String { "/proc/\(getpid())/fd/\(fd.borrowed)" }

  /// Gives it a name in the file system, for programs that may not look into /proc of its processes.
  /// - Parameter path: a file that is there.
  package borrowing func bind(onto path: String) throws(Problem) {
    try doing("bind a network namespace onto \(path)") { () throws(Errno) in
      _ = try check(csys_mount("/proc/self/fd/\(fd.borrowed)", path, nil, UInt(MS_BIND), nil))
    }
  }

  /// Makes a namespace with its loopback up, and binds it. - Parameter path: a file that is there.
  package static func make(at path: String) throws(Problem) {
    try onThread { () throws(Problem) in
      try unshare()
      try bringUpLoopback()
      try NetworkNamespace(adopting: try own(), isNew: false).bind(onto: path)
    }
  }

  /// Runs `body` in the namespace for callers that could not come back to their own, such as an ordinary user's who are
  /// in the host's: on a thread that ends there, while this one waits.
  package borrowing func apart<R>(_ body: () throws(Problem) -> R) throws(Problem) -> R {
    let raw = fd.borrowed
    return try Self.onThread { () throws(Problem) in
      try doing("enter a network namespace") { () throws(Errno) in
        _ = try check(csys_setns(raw, CInt(CSYS_CLONE_NEWNET)))
      }
      return try body()
    }
  }

  private final class Job {
    let run: () -> Void
    init(_ run: @escaping () -> Void) { self.run = run }
  }
  private static func onThread<R>(_ body: () throws(Problem) -> R) throws(Problem) -> R {
    var result: Result<R, Problem>?
    func run() {
      do throws(Problem) { result = .success(try body()) } catch { result = .failure(error) }
    }
    let code = withoutActuallyEscaping(run) { run in
      var thread = pthread_t()
      let job = Unmanaged.passRetained(Job(run))
      let code = pthread_create(
        &thread, nil,
        { raw in
          if let raw { Unmanaged<Job>.fromOpaque(raw).takeUnretainedValue().run() }
          return nil
        }, job.toOpaque())
      if code == 0 { pthread_join(thread, nil) }
      job.release()
      return code
    }
    guard let result else {
      throw Problem(code: .unavailable, message: "make a thread", cause: Errno(rawValue: code))
    }
    return try result.get()
  }

  /// Whether a namespace is bound there, and no plain file.
  package static func isOne(_ path: String) -> Bool {
    var system = statfs()
    guard let file = try? open(path, O_RDONLY), csys_fstatfs(file.borrowed, &system) == 0 else { return false }
    return Int(system.f_type) == namespaceMagic
  }
  /// Source: linux/magic.h, NSFS_MAGIC.
  private static let namespaceMagic = 0x6e73_6673

  /// Runs `body` in the namespace. This thread comes back in any case, or the program ends: nothing may go on in the
  /// wrong namespace.
  package borrowing func inside<R>(_ body: () throws(Problem) -> R) throws(Problem) -> R {
    let home = try Self.own()
    try doing("enter a network namespace") { () throws(Errno) in
      _ = try check(csys_setns(fd.borrowed, CInt(CSYS_CLONE_NEWNET)))
    }
    let result: Result<R, Problem>
    do throws(Problem) { result = .success(try body()) } catch { result = .failure(error) }
    Self.leave(to: home)
    return try result.get()
  }
}

/// Kernel settings of a network namespace.
enum NetworkSetting {
  /// Source: linux/magic.h.
  private static let procMagic = 0x9fa0

  /// - Parameter path: below /proc/sys/net.
  static func write(_ path: String, _ value: String) throws(Problem) {
    let name = "/proc/sys/net/" + path
    try doing("write \(value) to \(name)") { () throws(Errno) in
      let file = try open(name, O_WRONLY)
      var system = statfs()
      try check(csys_fstatfs(file.borrowed, &system))
      guard Int(system.f_type) == procMagic else { throw Errno(rawValue: EXDEV) }
      try writeAll(file, value)
    }
  }
  /// As `write`, where this kernel or namespace has the setting at all.
  static func writeIfThere(_ path: String, _ value: String) throws(Problem) {
    do throws(Problem) { try write(path, value) } catch  where error.code == .notFound {}
  }
  static func isOne(_ path: String) -> Bool { (try? readText("/proc/sys/net/" + path, limit: 64))?.first == "1" }
}

/// Runs `body`; the kernel's word becomes a problem with this message.
func asking<R: ~Copyable>(
  _ message: @autoclosure () -> String, hint: @autoclosure () -> String? = nil,
  _ body: () throws(NetlinkFailure) -> R
) throws(Problem) -> R {
  do throws(NetlinkFailure) { return try body() } catch {
    throw Problem(code: Problem.Code(error.errno), message: message(), hint: hint(), cause: error)
  }
}
