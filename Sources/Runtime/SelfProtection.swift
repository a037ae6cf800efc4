import CSys
import Glibc
import Problems
import Sys

/// CVE-2019-5736: a container that reaches the runtime's program through /proc/self/exe must not be able to write it.
/// The program executes itself from a detached read-only mount of its file, or from a sealed copy in memory.
enum SelfProtection {
  private static let marker = "BERTH_RUNTIME_PROTECTED"
  private static let readOnlyFlag = 1  // ST_RDONLY: statfs(2)
  private static let seals = 0xf  // F_SEAL_SEAL | SHRINK | GROW | WRITE
  private static let allowSealing: CUnsignedInt = 2  // MFD_ALLOW_SEALING
  private static let getSeals: CInt = 1034, addSeals: CInt = 1033

  /// Returns when this process runs from a protected copy; else executes one and does not return.
  static func enter(arguments: [String]) throws(Problem) {
    try doing("protect the runtime's own program") { () throws(Errno) in
      let own = try open("/proc/self/exe", O_PATH_)
      if try isProtected(own) {
        unsetenv(marker)
        return
      }
      if getenv(marker) != nil { throw .notPermitted }  // one try: a loop would be worse
      let environment = currentEnvironment() + ["\(marker)=1"]
      var failure = execute(try? readOnlyMount(own), arguments, environment)
      failure = execute(try sealedCopy(), arguments, environment)
      throw failure
    }
  }

  private static func isProtected(_ own: borrowing OwnedFD) throws(Errno) -> Bool {
    var status = statfs()
    try check(csys_fstatfs(own.borrowed, &status))
    if Int(status.f_flags) & readOnlyFlag != 0 { return true }
    guard getenv(marker) != nil else { return false }  // only a second start can be a sealed copy
    let file = try open("/proc/self/exe", O_RDONLY)
    let found = csys_fcntl(file.borrowed, getSeals, 0)
    return found >= 0 && Int(found) & seals == seals
  }

  private static func readOnlyMount(_ own: borrowing OwnedFD) throws(Errno) -> OwnedFD {
    let tree = try MountTree(cloning: own)
    try tree.set(MountAttribute.readOnly)
    return try tree.fd.duplicate()
  }

  private static func sealedCopy() throws(Errno) -> OwnedFD {
    let file = try open("/proc/self/exe", O_RDONLY)
    let copy = OwnedFD(adopting: try check(csys_memfd_create("berth-runtime", allowSealing)))
    while try check(csys_sendfile(copy.borrowed, file.borrowed, 64 << 20)) > 0 {}
    try check(csys_fcntl(copy.borrowed, addSeals, seals))
    return copy
  }

  private static func execute(_ program: consuming OwnedFD?, _ arguments: [String], _ environment: [String]) -> Errno {
    guard let program = program?.release() else { return .notSupported }
    let result = withCStrings(arguments) { argv in
      withCStrings(environment) { csys_execveat(program, "", argv, $0, CInt(CSYS_AT_EMPTY_PATH)) }
    }
    return Errno(rawValue: -result)
  }
}
