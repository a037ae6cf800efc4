import CSys
import Glibc
import Problems
import Sys

extension Engine {
  /// Mounts a container's root: by the kernel; by the program that was chosen; or by fuse-overlayfs, where the kernel
  /// refuses.
  ///
  /// The kernel does not read every mark that the program leaves of a directory that took a deleted one's place. What
  /// it has written to once, it goes on with.
  func mount(_ overlay: OverlayMount, of id: String) throws(Problem) {
    let mark = paths.mountProgram(id)
    if let path = storage.mountProgram ?? (try? readText(mark, limit: Int(PATH_MAX))) {
      return try mount(overlay, by: MountProgram(path: path), mark)
    }
    do throws(Errno) { try overlay.mount() } catch {
      guard OverlayMount.refusals.contains(error) else { throw overlay.failure(error) }
      guard let program = MountProgram.installed() else {
        throw overlay.failure(
          error,
          hint: try isRootless()
            ? "install the package fuse-overlayfs, or use Linux 5.11 or newer, where users can mount overlays"
            : "is \(overlay.upper) on a file system that overlayfs takes? The package fuse-overlayfs takes any")
      }
      try mount(overlay, by: program, mark)
    }
  }

  private func mount(_ overlay: OverlayMount, by program: MountProgram, _ mark: String) throws(Problem) {
    try program.mount(overlay)
    if exists(mark) { return }
    try doing("write \(mark)") { () throws(Errno) in
      try replaceFile(mark, with: Array(program.path.utf8), mode: 0o600, durable: false)
    }
  }

  /// What mounts the root of a new container; nil is the kernel.
  /// - Throws: where nothing does, with what to install.
  func mountProgram() throws(Problem) -> MountProgram? {
    if let path = storage.mountProgram { return MountProgram(path: path) }
    let refusal = try overlayRefusal()
    guard let refusal else { return nil }
    if let program = MountProgram.installed() { return program }
    throw Problem(
      code: .unsupported, message: "the kernel refuses overlays below \(paths.root)",
      hint: "install the package fuse-overlayfs", cause: refusal)
  }

  /// What the kernel answers to an overlay of three new directories; nil is one. Nothing is mounted, and the
  /// directories go again: now, or where this command is killed, with the next.
  private func overlayRefusal() throws(Problem) -> Errno? {
    let directory = paths.overlayTrial
    return try doing("try an overlay in \(directory)") { () throws(Errno) in
      try makeDirectories(paths.locks, mode: 0o700)
      let lock = try FileLock("\(paths.locks)/overlay-trial")
      try removeTree(directory)
      try makeDirectory(directory, mode: 0o700)
      var answer: Errno?
      do throws(Errno) { try OverlayMount.tryOut(in: directory) } catch { answer = error }
      try removeTree(directory)
      _ = consume lock
      return answer
    }
  }
}
