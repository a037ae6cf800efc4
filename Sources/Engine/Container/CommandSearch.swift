import CSys
import Glibc
import Problems
import RuntimeClient
import Sys

/// Looks a command up inside a root filesystem as execvp(3) would: so that a missing one is told in our words and with
/// 127, whatever the runtime says. Source: capability line PD-66.
struct CommandSearch: ~Copyable {
  let root: OwnedFD
  /// $PATH of the process.
  let path: String
  let workingDirectory: String

  init(root: consuming OwnedFD, path: String, workingDirectory: String) {
    self.root = root
    self.path = path
    self.workingDirectory = workingDirectory
  }

  /// A directory that is not there gives 127, as with other engines.
  /// - Throws: `.commandNotFound`.
  func checkDirectory() throws(Problem) {
    do throws(Errno) { _ = try openInRoot(root, workingDirectory, O_PATH_ | O_DIRECTORY) } catch {
      guard error == .notFound || error == .notDirectory else { return }  // the runtime's to decide
      throw Problem(
        code: .commandNotFound, message: "--workdir \"\(workingDirectory)\" in the container",
        hint: "exec makes no directories: mkdir -p it first, or name one that is there", cause: error)
    }
  }

  /// - Throws: `.commandNotFound`, `.cannotExecute`.
  func check(_ command: String) throws(Problem) {
    if command.contains("/") {
      switch look(command.hasPrefix("/") ? command : workingDirectory + "/" + command) {
      case .program: return
      case .missing: throw Problem.noCommand("exec: \"\(command)\": no such file in the container")
      case .other(let reason): throw Problem.noProgram("exec: \"\(command)\": \(reason)")
      }
    }
    var refusal: String?
    for directory in path.split(separator: ":", omittingEmptySubsequences: false) {
      let place = directory.hasPrefix("/") ? String(directory) : workingDirectory + "/" + directory
      switch look(place + "/" + command) {
      case .program: return
      case .missing: break
      case .other(let reason): refusal = refusal ?? reason
      }
    }
    if let refusal { throw Problem.noProgram("exec: \"\(command)\": \(refusal)") }
    throw Problem.noCommand("exec: \"\(command)\": executable file not found in $PATH")
  }

  private enum Finding {
    case program, missing
    case other(String)
  }
  private func look(_ path: String) -> Finding {
    do throws(Errno) {
      let file = try openInRoot(root, path, O_PATH_)
      let found = try status(file)
      if found.isDirectory { return .other("is a directory") }
      return found.st_mode & 0o111 == 0 ? .other("permission denied: it is not executable") : .program
    } catch { return error == .notFound || error == .notDirectory ? .missing : .program }  // the runtime's to decide
  }
}
