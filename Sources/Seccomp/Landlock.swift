import CSys
import Glibc
import Problems
import Sys

/// Limits on files that a process puts on itself. Source: landlock(7).
enum Landlock {
  /// Bits of `LANDLOCK_ACCESS_FS_*` by the version that brought them.
  private enum Access {
    static let readFile: UInt64 = 1 << 2, readDirectory: UInt64 = 1 << 3
    /// `LANDLOCK_ACCESS_NET_*`.
    static let listen: UInt64 = 1 << 0, connect: UInt64 = 1 << 1
    static func handled(version: CInt) -> UInt64 {
      var bits: UInt64 = 1 << 13 - 1
      if version >= 2 { bits |= 1 << 13 }  // linking and renaming across directories
      if version >= 3 { bits |= 1 << 14 }  // truncating
      if version >= 5 { bits |= 1 << 15 }  // ioctl on devices
      return bits
    }
  }
  /// `struct landlock_path_beneath_attr`, which is packed.
  private static func rule(_ access: UInt64, _ descriptor: CInt) -> [UInt8] {
    withUnsafeBytes(of: access) { Array($0) } + withUnsafeBytes(of: descriptor) { Array($0) }
  }

  /// From here on only these files and directories can be opened, for reading; everything else about paths is refused.
  /// Does nothing where the kernel lacks Landlock.
  /// - Parameter ports: TCP, where the kernel knows that (version 4).
  static func restrict(
    reading paths: [String], _ directories: [CInt] = [], ports: Confinement.StreamPorts? = nil
  ) throws(Problem) {
    let version = csys_landlock_create_ruleset(nil, 0, 1)  // LANDLOCK_CREATE_RULESET_VERSION
    if version <= 0 { return }
    try doing("restrict the file system with Landlock") { () throws(Errno) in
      // struct landlock_ruleset_attr, as much of it as this kernel knows: files, then ports
      let limitsPorts = ports != nil && version >= 4
      let handled = [Access.handled(version: version)] + (limitsPorts ? [Access.listen | Access.connect] : [])
      let size = handled.count * MemoryLayout<UInt64>.size
      let rules = OwnedFD(adopting: try check(csys_landlock_create_ruleset(handled, size, 0)))
      if let ports, limitsPorts {
        for (access, port) in [(Access.listen, ports.listen), (Access.connect, ports.connect)] {
          try check(csys_landlock_add_rule(rules.borrowed, 2, [access, UInt64(port)], 0))  // ..._NET_PORT
        }
      }
      for directory in directories {
        let access = Access.readFile | Access.readDirectory
        try check(csys_landlock_add_rule(rules.borrowed, 1, rule(access, directory), 0))
      }
      for path in paths {
        let descriptor = csys_open(path, O_PATH_, 0)
        if descriptor < 0 { continue }  // not there: nothing to allow
        let place = OwnedFD(adopting: descriptor)
        let isDirectory = try status(place).isDirectory
        let access = isDirectory ? Access.readFile | Access.readDirectory : Access.readFile
        try check(csys_landlock_add_rule(rules.borrowed, 1, rule(access, place.borrowed), 0))  // ..._PATH_BENEATH
      }
      try check(csys_landlock_restrict_self(rules.borrowed, 0))
    }
  }
}
