import CSys
import Glibc
package import Problems
import Sys

extension Cgroup {
  /// Whether any of its directories is there.
  package var isThere: Bool { directories.contains { exists($0.path) } }

  /// Removes the cgroup with all below it, in every hierarchy. One that is gone is fine.
  ///
  /// A process that is just ending keeps its cgroup busy for a moment: removal is tried again for up to `milliseconds`.
  package func delete(milliseconds: Int = 2000) throws(Problem) {
    if let unit { try SystemdManager(isUser: unit.isUser).stop(unit) }
    let deadline = Self.now() + milliseconds
    for directory in directories {
      var pause: UInt32 = 200  // microseconds
      while true {
        do throws(Errno) {
          try Self.remove(directory.path)
          break
        } catch {
          guard error == .busy, Self.now() < deadline else {
            throw Problem(
              code: Problem.Code(error), message: "remove cgroup \(directory.path)",
              hint: error == .busy ? "processes are left in it: list them in cgroup.procs" : nil, cause: error)
          }
          usleep(pause)
          pause = min(pause * 2, 50_000)
        }
      }
    }
  }

  /// rmdir(2) first: a cgroup without children, the usual one, costs one call.
  private static func remove(_ path: String) throws(Errno) {
    let result = csys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR)
    if result == 0 || result == -ENOENT { return }
    guard result == -EBUSY || result == -ENOTEMPTY else { throw Errno(rawValue: -result) }
    let children = (try? entries(ofPath: path)) ?? []
    for child in children where child.type == UInt8(DT_DIR) { try remove(path + "/" + child.name) }
    let again = csys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR)
    if again < 0 && again != -ENOENT { throw Errno(rawValue: -again) }
  }
}
