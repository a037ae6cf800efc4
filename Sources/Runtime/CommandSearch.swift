import CSys
import Glibc
import Sys

/// Finds the program of a command as execvp(3) would, with the present identity, root and working directory.
struct CommandSearch {
  let path: String?

  /// The name to execute. A missing or unusable command is an error here, before `start`.
  func find(_ name: String) throws(StepFailure) -> String {
    if name.isEmpty { throw StepFailure(.notInPath, .notFound, name) }
    if name.contains("/") {
      var found = stat()
      let result = csys_fstatat(AT_FDCWD, name, &found, 0)
      if result < 0 { throw StepFailure(-result == EACCES ? .permission : .lookUp, Errno(rawValue: -result), name) }
      if found.isDirectory { throw StepFailure(.isDirectory, Errno(rawValue: EISDIR), name) }
      guard isExecutable(name) else { throw StepFailure(.permission, .accessDenied, name) }
      return name
    }
    for directory in (path ?? "").split(separator: ":", omittingEmptySubsequences: false) {
      let candidate = (directory.isEmpty ? "." : String(directory)) + "/" + name
      var found = stat()
      if csys_fstatat(AT_FDCWD, candidate, &found, 0) == 0, !found.isDirectory, isExecutable(candidate) {
        return candidate
      }
    }
    throw StepFailure(.notInPath, .notFound, name)
  }

  private func isExecutable(_ path: String) -> Bool {
    csys_faccessat2(AT_FDCWD, path, X_OK, AT_EACCESS) == 0
  }
}
