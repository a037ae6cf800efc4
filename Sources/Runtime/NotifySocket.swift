import CSys
import Glibc
import Problems
import RuntimeSpec
import Sys

/// sd_notify(3) of a container: it finds a socket of its own in NOTIFY_SOCKET, and what it says about being ready goes
/// on to whoever started the runtime, together with the pid that this one can see.
/// Source: sd_notify(3); runc's docs/systemd.md.
struct NotifySocket {
  /// The supervisor's address: a path, or "@name" of the abstract kind.
  let host: String
  /// `<root>/<id>/notify`, bound to `directory` in the container.
  let path: String

  static let variable = "NOTIFY_SOCKET"
  private static let directory = "/run/notify", name = "notify.sock"
  private enum Limit { static let messageBytesMax = 4096 }

  /// nil where nobody listens for it.
  init?(store: RecordStore, id: String) {
    guard let host = environmentVariable(Self.variable), !host.isEmpty else { return nil }
    self.host = host
    path = store.path(id, "notify")
  }

  /// What the container gets: the directory that will hold the socket, and the variable.
  func prepare(_ spec: inout Spec) throws(Problem) {
    try doing("make \(path)") { () throws(Errno) in try makeDirectory(path, mode: 0o755) }
    var mount = Mount(destination: Self.directory)
    mount.type = "bind"
    mount.source = path
    mount.options = ["bind", "nosuid", "noexec", "nodev", "ro"]
    spec.mounts = (spec.mounts ?? []) + [mount]
    let others = (spec.process?.env ?? []).filter { !$0.hasPrefix(Self.variable + "=") }
    spec.process?.env = others + ["\(Self.variable)=\(Self.directory)/\(Self.name)"]
  }

  /// The container's end; bound before its command runs.
  func listen() throws(Problem) -> OwnedFD {
    try doing("make the notify socket of the container") { () throws(Errno) in
      let file = path + "/" + Self.name
      let socket = try bindDatagramUnix(file)
      try check(csys_fchmodat(AT_FDCWD, file, 0o777))  // the container's user is not ours
      return socket
    }
  }

  /// As `forward`, in a process of its own, while this one stands in front of the container.
  func forwardInBackground(from socket: borrowing OwnedFD, pidfd: borrowing OwnedFD) throws(Problem) {
    let pid = try doing("fork") { () throws(Errno) in try check(csys_fork(0, nil)) }
    if pid != 0 { return }
    try? forward(from: socket, mainPid: nil, pidfd: pidfd)
    _exit(0)
  }

  /// Waits until the container says that it is ready, and passes it on; or until its process has ended.
  /// - Parameter mainPid: told to the supervisor, where the runtime itself does not stay.
  func forward(from socket: borrowing OwnedFD, mainPid: pid_t?, pidfd: borrowing OwnedFD) throws(Problem) {
    try doing("pass the container's readiness on to \(host)") { () throws(Errno) in
      while true {
        var polls = [
          pollfd(fd: socket.borrowed, events: Int16(POLLIN), revents: 0),
          pollfd(fd: pidfd.borrowed, events: Int16(POLLIN), revents: 0),
        ]
        _ = try uninterrupted { () throws(Errno) in try check(csys_poll(&polls, 2, -1)) }
        if polls[0].revents != 0 {
          let got = try receive(socket, bytesMax: Limit.messageBytesMax)
          let lines = String(decoding: got.bytes, as: UTF8.self).split(separator: "\n")
          guard let ready = lines.first(where: { $0.hasPrefix("READY=") }) else { continue }
          let main = mainPid.map { "MAINPID=\($0)\n" } ?? ""
          return try sendDatagramUnix(host, Array("\(ready)\n\(main)".utf8))
        }
        if polls[1].revents != 0 { return }
      }
    }
  }
}
