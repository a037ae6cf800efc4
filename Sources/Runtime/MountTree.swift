import CSys
import Glibc
import Sys

/// A mount that is not, or not yet, at any place: it is made ready first and appears complete.
/// Source: open_tree(2), fsopen(2), mount_setattr(2), move_mount(2).
struct MountTree: ~Copyable {
  let fd: OwnedFD

  /// A copy of what is mounted at a host path.
  init(cloning path: String, recursive: Bool) throws(Errno) {
    let flags = CUnsignedInt(CSYS_OPEN_TREE_CLONE) | (recursive ? CUnsignedInt(CSYS_AT_RECURSIVE) : 0)
    fd = OwnedFD(adopting: try check(csys_open_tree(AT_FDCWD, path, flags)))
  }
  init(cloning file: borrowing OwnedFD, recursive: Bool = false) throws(Errno) {
    try self.init(cloning: file.borrowed, recursive: recursive)
  }
  init(cloning file: CInt, recursive: Bool = false) throws(Errno) {
    let flags = CSYS_OPEN_TREE_CLONE | CSYS_AT_EMPTY_PATH | (recursive ? CSYS_AT_RECURSIVE : 0)
    fd = OwnedFD(adopting: try check(csys_open_tree(file, "", CUnsignedInt(flags))))
  }
  init(adopting fd: consuming OwnedFD) { self.fd = fd }
  /// Hands the descriptor to a new owner.
  consuming func release() -> CInt { fd.release() }

  /// A new filesystem.
  /// - Parameter options: superblock options, in order.
  init(
    type: String, source: String?, options: [SuperblockOption], attributes: UInt64 = 0
  ) throws(Errno) {
    let context = OwnedFD(adopting: try check(csys_fsopen(type, 0)))
    if let source, !source.isEmpty {
      try Self.configure(context, CUnsignedInt(CSYS_FSCONFIG_SET_STRING), "source", source)
    }
    for option in options {
      if let value = option.value {
        try Self.configure(context, CUnsignedInt(CSYS_FSCONFIG_SET_STRING), option.key, value)
      } else {
        try Self.configure(context, CUnsignedInt(CSYS_FSCONFIG_SET_FLAG), option.key, nil)
      }
    }
    try check(csys_fsconfig(context.borrowed, CUnsignedInt(CSYS_FSCONFIG_CMD_CREATE), nil, nil, 0))
    fd = OwnedFD(adopting: try check(csys_fsmount(context.borrowed, 0, CUnsignedInt(attributes))))
  }
  private static func configure(
    _ context: borrowing OwnedFD, _ command: CUnsignedInt, _ key: String, _ value: String?
  ) throws(Errno) {
    guard let value else {
      try check(csys_fsconfig(context.borrowed, command, key, nil, 0))
      return
    }
    let raw = context.borrowed
    try check(value.withCString { csys_fsconfig(raw, command, key, $0, 0) })
  }

  /// The number of the mount that a host path lies in, as /proc/PID/mountinfo has it.
  static func number(ofPath path: String) throws(Errno) -> Int {
    let file = try open(path, O_PATH_)
    for line in try readText("/proc/self/fdinfo/\(file.borrowed)").split(separator: "\n")
    where line.hasPrefix("mnt_id:") {
      if let number = Int(line.dropFirst(7).filter { $0 != "\t" && $0 != " " }) { return number }
    }
    throw .invalid
  }

  /// Changes attributes; a change of the access time rule replaces the old rule.
  func set(_ set: UInt64, clear: UInt64 = 0, recursive: Bool = false) throws(Errno) {
    if set | clear == 0 { return }
    let flags = CSYS_AT_EMPTY_PATH | (recursive ? CSYS_AT_RECURSIVE : 0)
    try check(csys_mount_setattr(fd.borrowed, "", CUnsignedInt(flags), set, clear, 0, 0))
  }
  /// - Parameter flag: `MS_PRIVATE`, `MS_SLAVE`, `MS_SHARED` or `MS_UNBINDABLE`.
  func setPropagation(_ flag: UInt64, recursive: Bool) throws(Errno) {
    let flags = CSYS_AT_EMPTY_PATH | (recursive ? CSYS_AT_RECURSIVE : 0)
    try check(csys_mount_setattr(fd.borrowed, "", CUnsignedInt(flags), 0, 0, flag, 0))
  }
  /// Maps owners by a user namespace.
  func mapIDs(by userNamespace: CInt, recursive: Bool) throws(Errno) {
    let flags = CSYS_AT_EMPTY_PATH | (recursive ? CSYS_AT_RECURSIVE : 0)
    let namespace = UInt64(userNamespace)
    try check(csys_mount_setattr(fd.borrowed, "", CUnsignedInt(flags), MountAttribute.idMap, 0, 0, namespace))
  }

  /// Puts the tree on an open file or directory.
  func move(onto target: borrowing OwnedFD) throws(Errno) {
    let flags = CUnsignedInt(CSYS_MOVE_MOUNT_F_EMPTY_PATH | CSYS_MOVE_MOUNT_T_EMPTY_PATH)
    try check(csys_move_mount(fd.borrowed, "", target.borrowed, "", flags))
  }
  /// - Parameter name: one part of a path, in the root of a tree that nobody else can reach.
  func move(onto name: String, in tree: borrowing MountTree) throws(Errno) {
    let flags = CUnsignedInt(CSYS_MOVE_MOUNT_F_EMPTY_PATH)
    try check(csys_move_mount(fd.borrowed, "", tree.fd.borrowed, name, flags))
  }
  func move(ontoPath path: String) throws(Errno) {
    try check(csys_move_mount(fd.borrowed, "", AT_FDCWD, path, CUnsignedInt(CSYS_MOVE_MOUNT_F_EMPTY_PATH)))
  }
}
