import CSys
import Glibc
import Problems
import Sys

/// A program that mounts an overlay through FUSE, and serves it for as long as it is mounted: fuse-overlayfs(1), or
/// what understands its command line.
struct MountProgram: Hashable {
  let path: String

  private enum Limit {
    static let textBytesMax = 64 << 10
  }

  /// fuse-overlayfs, in PATH.
  static func installed() -> MountProgram? {
    ProgramSearch(more: ["/usr/bin"]).find("fuse-overlayfs").map(MountProgram.init)
  }

  /// Returns when the overlay is there. The program then goes on in a session of its own, without any descriptor of
  /// this process; unmounting ends it.
  func mount(_ overlay: OverlayMount) throws(Problem) {
    let words = try Self.arguments(overlay)
    if let fault = NeededDevice.fuse.fault("mount an overlay through FUSE") { throw fault }
    let said = try doing("make a file in memory") { () throws(Errno) in
      OwnedFD(adopting: try check(csys_memfd_create("mount-program", 0)))
    }
    let status = try doing("run \(path)", hint: "is the package fuse-overlayfs installed?") { () throws(Errno) in
      var spawn = Spawn(path, words, environment: [])
      spawn.descriptors = [-1, said.borrowed, said.borrowed]
      spawn.newSession = true
      spawn.deathSignal = SIGKILL  // until it serves: a mount that comes after our end would stay
      return try spawn.start().wait()
    }
    if status == .exited(code: 0), Self.isMounted(overlay.target) { return }
    let reason = Self.text(of: said).split(separator: "\n").last
    throw Problem(
      code: .unavailable,
      message: "mount the overlay at \(overlay.target) by \(path): \(reason ?? "it did not say why")")
  }

  /// - Throws: `.unsupported` for a path that its list of layers cannot have.
  static func arguments(_ overlay: OverlayMount) throws(Problem) -> [String] {
    for path in overlay.layers + [overlay.upper] where path.contains(":") {
      throw Problem(
        code: .unsupported, message: "mount an overlay by a program: \(path) has a colon in it",
        hint: "choose directories without one: --root, --runroot")
    }
    func option(_ name: String, _ value: String) -> String {
      name + "=" + value.replacing("\\", with: "\\\\").replacing(",", with: "\\,")
    }
    var options = [
      option("lowerdir", overlay.layers.reversed().joined(separator: ":")), option("upperdir", overlay.upper),
      option("workdir", overlay.work),
    ]
    if overlay.isVolatile { options.append("volatile") }
    return ["-o", options.joined(separator: ","), overlay.target]
  }

  /// A file system of its own begins there.
  private static func isMounted(_ target: String) -> Bool {
    guard let found = try? status(target), let around = try? status(parentPath(of: target)) else { return false }
    return found.st_dev != around.st_dev
  }
  private static func text(of file: borrowing OwnedFD) -> String {
    lseek(file.borrowed, 0, SEEK_SET)
    // Only for words that are there already.
    return String(decoding: (try? readAll(file, limit: Limit.textBytesMax)) ?? [], as: UTF8.self)
  }

  /// What it says of itself; empty where it says nothing.
  func version() throws(Problem) -> String {
    let said = try doing("run \(path) --version") { () throws(Errno) in
      let said = OwnedFD(adopting: try check(csys_memfd_create("mount-program", 0)))
      var spawn = Spawn(path, ["--version"], environment: [])
      spawn.descriptors = [-1, said.borrowed, -1]
      _ = try spawn.start().wait()
      return said
    }
    return Self.text(of: said)
  }
}
