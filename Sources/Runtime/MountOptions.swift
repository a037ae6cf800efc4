import CSys
import Glibc

/// Attributes of one mount. Source: mount_setattr(2), linux/mount.h.
enum MountAttribute {
  static let readOnly: UInt64 = 0x1, noSuid: UInt64 = 0x2, noDev: UInt64 = 0x4, noExec: UInt64 = 0x8
  /// What a user namespace may not take off a mount of its parent's. Source: mount_namespaces(7).
  static let lockable = readOnly | noSuid | noDev | noExec
  static let accessTimes: UInt64 = 0x70, noAccessTime: UInt64 = 0x10, strictAccessTime: UInt64 = 0x20
  static let noDirectoryAccessTime: UInt64 = 0x80, idMap: UInt64 = 0x10_0000, noSymlinkFollow: UInt64 = 0x20_0000
}

/// An option of a filesystem; without a value it is a flag.
struct SuperblockOption: Equatable {
  var key: String
  var value: String?
}

/// The options of one `mounts` entry, sorted by who takes them.
/// Source: runtime-spec, config.md, "Mounts" (table of options), mount(8).
struct MountOptions: Equatable {
  var set: UInt64 = 0, clear: UInt64 = 0
  /// The `r`-forms: for the mount and all below it.
  var setBelow: UInt64 = 0, clearBelow: UInt64 = 0
  /// `MS_PRIVATE`, `MS_SHARED`, ... and whether they are recursive; in order.
  var propagation: [Propagation] = []
  /// An attribute is named, though perhaps none is changed (`atime`).
  var namesAttribute = false
  var bind = false, recursive = false, remount = false, copyUp = false, idMapped = false, idMappedBelow = false
  /// Superblock options: flags and `key=value`, in order.
  var superblock: [SuperblockOption] = []
  /// No write goes through the mount.
  var isReadOnly: Bool { self.set & MountAttribute.readOnly != 0 }

  struct Propagation: Equatable {
    var flag: UInt64
    var recursive: Bool
  }

  /// All words that are understood here; others go to the filesystem.
  static var known: [String] {
    let attributes = [
      "ro", "rw", "nosuid", "suid", "nodev", "dev", "noexec", "exec", "noatime", "atime", "relatime", "norelatime",
      "strictatime", "nostrictatime", "nodiratime", "diratime", "nosymfollow", "symfollow",
    ]
    let propagations = ["private", "slave", "shared", "unbindable"]
    let plain = attributes + propagations + ["bind", "rbind", "remount", "tmpcopyup", "idmap", "ridmap"]
    let below = (attributes + propagations).map { "r" + $0 }
    let superblock = ["async", "defaults", "dirsync", "iversion", "lazytime", "loud", "mand", "sync"]
    let none = ["noiversion", "nolazytime", "nomand", "silent"]
    return (plain + below + superblock + none).sorted()
  }

  init(_ options: [String]) {
    var accessTimes = AccessTimeWords()
    for option in options { add(option, &accessTimes) }
    if accessTimes.isEmpty { return }
    set |= accessTimes.attributes
    clear |= MountAttribute.accessTimes | MountAttribute.noDirectoryAccessTime
  }

  /// What a flag does to the attributes of a mount; nil where the word is no such flag.
  private static func attribute(_ word: String) -> (set: UInt64, clear: UInt64)? {
    switch word {
    case "ro": (MountAttribute.readOnly, 0)
    case "rw": (0, MountAttribute.readOnly)
    case "nosuid": (MountAttribute.noSuid, 0)
    case "suid": (0, MountAttribute.noSuid)
    case "nodev": (MountAttribute.noDev, 0)
    case "dev": (0, MountAttribute.noDev)
    case "noexec": (MountAttribute.noExec, 0)
    case "exec": (0, MountAttribute.noExec)
    case "noatime": (MountAttribute.noAccessTime, MountAttribute.accessTimes)
    case "strictatime": (MountAttribute.strictAccessTime, MountAttribute.accessTimes)
    case "atime", "relatime", "norelatime", "nostrictatime": (0, MountAttribute.accessTimes)
    case "nodiratime": (MountAttribute.noDirectoryAccessTime, 0)
    case "diratime": (0, MountAttribute.noDirectoryAccessTime)
    case "nosymfollow": (MountAttribute.noSymlinkFollow, 0)
    case "symfollow": (0, MountAttribute.noSymlinkFollow)
    default: nil
    }
  }

  /// The flag and recursion of a propagation word ("rslave"); nil where it is none.
  static func propagation(_ word: String) -> Propagation? {
    switch word {
    case "private": Propagation(flag: UInt64(MS_PRIVATE), recursive: false)
    case "slave": Propagation(flag: UInt64(MS_SLAVE), recursive: false)
    case "shared": Propagation(flag: UInt64(MS_SHARED), recursive: false)
    case "unbindable": Propagation(flag: UInt64(MS_UNBINDABLE), recursive: false)
    case "rprivate": Propagation(flag: UInt64(MS_PRIVATE), recursive: true)
    case "rslave": Propagation(flag: UInt64(MS_SLAVE), recursive: true)
    case "rshared": Propagation(flag: UInt64(MS_SHARED), recursive: true)
    case "runbindable": Propagation(flag: UInt64(MS_UNBINDABLE), recursive: true)
    default: nil
    }
  }

  private mutating func add(_ option: String, _ accessTimes: inout AccessTimeWords) {
    if option.utf8.suffix(5).elementsEqual("atime".utf8), accessTimes.add(option) {
      namesAttribute = true
      return
    }
    if let change = Self.attribute(option) {
      namesAttribute = true
      set = set & ~change.clear | change.set
      clear = clear & ~change.set | change.clear
      return
    }
    if let change = Self.propagation(option) {
      propagation.append(change)
      return
    }
    if option.utf8.first == UInt8(ascii: "r"), let change = Self.attribute(String(option.dropFirst())) {
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
    case "sync", "dirsync", "mand", "lazytime", "iversion": superblock.append(SuperblockOption(key: option, value: nil))
    default:
      let key = option.utf8.prefix { $0 != UInt8(ascii: "=") }
      let rest = option.utf8[key.endIndex...].dropFirst()
      let hasValue = key.endIndex != option.utf8.endIndex
      superblock.append(
        SuperblockOption(key: String(Substring(key)), value: hasValue ? String(Substring(rest)) : nil))
    }
  }
}

/// The words about access times, as mount(2), runc and crun read them: together they are the new rule of a mount; words
/// against another only take it back, and where none is left the rule stays.
private struct AccessTimeWords {
  private var noAccess = false, strict = false, relative = false, noDirectory = false

  var isEmpty: Bool { !noAccess && !strict && !relative && !noDirectory }
  var attributes: UInt64 {
    let rule = strict ? MountAttribute.strictAccessTime : noAccess ? MountAttribute.noAccessTime : 0
    return noDirectory ? rule | MountAttribute.noDirectoryAccessTime : rule
  }

  /// - Returns: false for any other word.
  mutating func add(_ word: String) -> Bool {
    switch word {
    case "noatime": noAccess = true
    case "atime": noAccess = false
    case "strictatime": strict = true
    case "nostrictatime": strict = false
    case "relatime": relative = true
    case "norelatime": relative = false
    case "nodiratime": noDirectory = true
    case "diratime": noDirectory = false
    default: return false
    }
    return true
  }
}
