import CSys
import Glibc

/// Looks for programs of the host by name: in the absolute directories of `PATH`, then in others.
package struct ProgramSearch {
  let directories: [String]

  /// - Parameters:
  ///   - path: directories with colons between them; nil is this process's own `PATH`.
  ///   - more: directories that are looked through last, for what ordinary users' `PATH` leaves out.
  package init(path: String? = nil, more: [String] = []) {
    let path = path ?? environmentVariable("PATH") ?? "/usr/local/bin:/usr/bin:/bin"
    // A relative directory, or an empty one, would make the program depend on where the user stands.
    directories = path.split(separator: ":").map(String.init).filter { $0.hasPrefix("/") } + more
  }

  /// The path of the first file of this name that may be executed, or nil.
  package func find(_ name: String) -> String? {
    for directory in directories {
      let candidate = directory + "/" + name
      if csys_faccessat2(AT_FDCWD, candidate, X_OK, AT_EACCESS) == 0,
        let found = try? status(candidate), !found.isDirectory  // gone since: as if it had not been there
      {
        return candidate
      }
    }
    return nil
  }
}
