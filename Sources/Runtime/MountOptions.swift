import CSys
import Glibc

/// Attributes of one mount. Source: mount_setattr(2), linux/mount.h.
enum MountAttribute {
  static let readOnly: UInt64 = 0x1, noSuid: UInt64 = 0x2, noDev: UInt64 = 0x4, noExec: UInt64 = 0x8
  static let accessTimes: UInt64 = 0x70, noAccessTime: UInt64 = 0x10, strictAccessTime: UInt64 = 0x20
  static let noDirectoryAccessTime: UInt64 = 0x80, idMap: UInt64 = 0x10_0000, noSymlinkFollow: UInt64 = 0x20_0000
}

/// The options of one `mounts` entry, sorted by who takes them.
/// Source: runtime-spec, config.md, "Mounts" (table of options), mount(8).
struct MountOptions: Equatable {
  var set: UInt64 = 0, clear: UInt64 = 0
  /// The `r`-forms: for the mount and all below it.
  var setBelow: UInt64 = 0, clearBelow: UInt64 = 0
  /// `MS_PRIVATE`, `MS_SHARED`, ... and whether they are recursive; in order.
  var propagation: [(flag: UInt64, recursive: Bool)] = []
  var bind = false, recursive = false, remount = false, copyUp = false, idMapped = false, idMappedBelow = false
  /// Superblock options: flags and `key=value`, in order.
  var superblock: [(key: String, value: String?)] = []
  /// No write goes through the mount.
  var isReadOnly: Bool { self.set & MountAttribute.readOnly != 0 }

  static func == (a: MountOptions, b: MountOptions) -> Bool {
    a.set == b.set && a.clear == b.clear && a.setBelow == b.setBelow && a.clearBelow == b.clearBelow
      && a.bind == b.bind && a.recursive == b.recursive && a.copyUp == b.copyUp
      && a.propagation.elementsEqual(b.propagation) { $0 == $1 }
      && a.superblock.elementsEqual(b.superblock) { $0 == $1 }
  }

  /// All words that are understood here; others go to the filesystem.
  static var known: [String] {
    let plain =
      Array(attributes.keys) + Array(propagations.keys) + ["bind", "rbind", "remount", "tmpcopyup", "idmap", "ridmap"]
    let below = attributes.keys.map { "r" + $0 } + propagations.keys.map { "r" + $0 }
    let superblock = ["async", "defaults", "dirsync", "iversion", "lazytime", "loud", "mand", "sync"]
    let none = ["noiversion", "nolazytime", "nomand", "silent"]
    return (plain + below + superblock + none).sorted()
  }

  init(_ options: [String]) { for option in options { add(option) } }

  /// Name of a flag, the attribute it sets, the attributes it clears.
  private static let attributes: [String: (set: UInt64, clear: UInt64)] = [
    "ro": (MountAttribute.readOnly, 0), "rw": (0, MountAttribute.readOnly),
    "nosuid": (MountAttribute.noSuid, 0), "suid": (0, MountAttribute.noSuid),
    "nodev": (MountAttribute.noDev, 0), "dev": (0, MountAttribute.noDev),
    "noexec": (MountAttribute.noExec, 0), "exec": (0, MountAttribute.noExec),
    "noatime": (MountAttribute.noAccessTime, MountAttribute.accessTimes), "atime": (0, MountAttribute.accessTimes),
    "relatime": (0, MountAttribute.accessTimes), "norelatime": (0, MountAttribute.accessTimes),
    "strictatime": (MountAttribute.strictAccessTime, MountAttribute.accessTimes),
    "nostrictatime": (0, MountAttribute.accessTimes),
    "nodiratime": (MountAttribute.noDirectoryAccessTime, 0), "diratime": (0, MountAttribute.noDirectoryAccessTime),
    "nosymfollow": (MountAttribute.noSymlinkFollow, 0), "symfollow": (0, MountAttribute.noSymlinkFollow),
  ]
  private static let propagations: [String: Int] = [
    "private": Int(MS_PRIVATE), "slave": Int(MS_SLAVE), "shared": Int(MS_SHARED), "unbindable": Int(MS_UNBINDABLE),
  ]

  /// The flag and recursion of a propagation word ("rslave"); nil where it is none.
  static func propagation(_ word: String) -> (flag: UInt64, recursive: Bool)? {
    if let flag = propagations[word] { return (UInt64(flag), false) }
    if word.hasPrefix("r"), let flag = propagations[String(word.dropFirst())] { return (UInt64(flag), true) }
    return nil
  }

  private mutating func add(_ option: String) {
    if let change = Self.attributes[option] {
      set = set & ~change.clear | change.set
      clear = clear & ~change.set | change.clear
      return
    }
    if let change = Self.propagation(option) {
      propagation.append(change)
      return
    }
    if option.hasPrefix("r"), let change = Self.attributes[String(option.dropFirst())] {
      setBelow = setBelow & ~change.clear | change.set
      clearBelow = clearBelow & ~change.set | change.clear
      return
    }
    switch option {
    case "bind": bind = true
    case "rbind": (bind, recursive) = (true, true)
    case "remount": remount = true
    case "tmpcopyup": copyUp = true
    case "idmap": idMapped = true
    case "ridmap": (idMapped, idMappedBelow) = (true, true)
    case "defaults", "async", "silent", "loud", "nomand", "nolazytime", "noiversion", "auto", "noauto", "nouser",
      "user", "":
      break
    case "sync", "dirsync", "mand", "lazytime", "iversion": superblock.append((option, nil))
    default:
      let parts = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      superblock.append((String(parts[0]), parts.count == 2 ? String(parts[1]) : nil))
    }
  }
}
