import CSys
import Glibc
import Problems
import Seccomp
import Sys

/// Gives up what the service does not need, once everything that needs it is open.
enum Enclosure {
  private static let nobody: UInt32 = 65534

  static func install(directory: borrowing OwnedFD, port: UInt16) throws(Problem) {
    try leaveRoot()
    var confinement = Confinement(.nameService, highestDescriptor: CInt.max - 1)
    confinement.readableDirectories = [directory.borrowed]
    confinement.streamPorts = Confinement.StreamPorts(listen: port, connect: Forward.Limit.port)
    try confinement.install()
  }

  /// Root becomes nobody, its capabilities kept for `Confinement` to choose from. In a user namespace where nobody has
  /// no number the process stays who it is, which is nobody special outside.
  private static func leaveRoot() throws(Problem) {
    if geteuid() != 0 { return }
    try doing("keep capabilities") { () throws(Errno) in _ = try check(csys_prctl(8, 1, 0, 0, 0)) }  // PR_SET_KEEPCAPS
    let results = [
      csys_setgroups(0, nil), csys_setresgid(nobody, nobody, nobody), csys_setresuid(nobody, nobody, nobody),
    ]
    for result in results where result < 0 && result != -EINVAL && result != -EPERM {
      throw Problem(code: .denied, message: "become nobody", cause: Errno(rawValue: -result))
    }
    try doing("keep capabilities") { () throws(Errno) in
      var effective: UInt64 = 0
      var permitted: UInt64 = 0
      var inheritable: UInt64 = 0
      try check(csys_capget(0, &effective, &permitted, &inheritable))
      try check(csys_capset(permitted, permitted, 0))
    }
  }
}
