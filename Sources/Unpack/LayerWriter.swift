import CSys
import Glibc
package import Problems
import Rootless
package import Sys

/// Makes a layer's files beneath one directory, which is empty at first.
package final class LayerWriter {
  let directories: DirectoryCache
  /// Modes and times of directories, set when nothing more is put into them; nil where the directory has gone.
  private var finals: [(path: [UInt8], entry: TarEntry)?] = []
  private var finalPlaces: [[UInt8]: Int] = [:]
  /// A new file of this process belongs to root already: no chown needed. No directory gets its setgid bit before
  /// the end, so none hands its group down.
  private let makesRootFiles: Bool
  /// An ordinary user's, where not every id has a meaning; nil is the machine's own.
  private let namespace: UserNamespace?

  /// - Parameter root: the layer's directory, opened for reading.
  package init(root: consuming OwnedFD) throws(Problem) {
    let mode: mode_t
    do throws(Errno) { mode = try status(root).st_mode } catch {
      throw Problem(code: .unavailable, message: "look at the layer's directory", cause: error)
    }
    let namespace = try UserNamespace.current()
    self.namespace = namespace.isInitial ? nil : namespace
    makesRootFiles = geteuid() == 0 && getegid() == 0 && mode & S_ISGID == 0
    directories = DirectoryCache(root: root)
    _ = csys_umask(0)
  }

  /// Puts one entry into the layer.
  /// - Parameter reader: stands at the entry's data.
  package func add(_ entry: TarEntry, from reader: TarReader) throws(Problem) {
    let (name, meaning) = try LayerWriter.checked(entry) { () throws(TarFault) in
      let name = try EntryName(entry.name)
      if name.isRoot && entry.kind != .directory { throw TarFault("only a directory can be the layer's own directory") }
      return (name, try name.meaning())
    }
    switch meaning {
    case .ignored: break
    case .whiteout(let hidden):
      try LayerWriter.step(entry, "make a whiteout") { () throws(Errno) in try hide(hidden) }
    case .opaque:
      try LayerWriter.step(entry, "make the directory opaque") { () throws(Errno) in try hideBelow(name.parent) }
    case .ordinary: try make(entry, name, from: reader)
    }
  }

  private func make(_ entry: TarEntry, _ name: EntryName, from reader: TarReader) throws(Problem) {
    if let namespace, !namespace.uids.covers(entry.uid) || !namespace.gids.covers(entry.gid) {
      let name = String(decoding: entry.name, as: UTF8.self)
      throw Problem(
        code: .unsupported,
        message:
          "entry \"\(name)\" belongs to user \(entry.uid), group \(entry.gid), which your user namespace does not have")
    }
    switch entry.kind {
    case .file: try makeFile(entry, name, from: reader)
    case .directory: try makeDirectory(entry, name)
    case .symlink:
      guard !entry.linkName.isEmpty else { throw LayerWriter.fault(entry, "a symlink to nothing") }
      try makeNode(entry, name, "make the symlink") { parent, base in
        csys_symlinkat(cString(entry.linkName), parent, base)
      }
    case .hardLink: try makeHardLink(entry, name)
    case .fifo:
      try makeNode(entry, name, "make the fifo") { csys_mknodat($0, $1, S_IFIFO | entry.mode, 0) }
    case .characterDevice(let major, let minor):
      try makeDevice(entry, name, S_IFCHR, LayerWriter.device(major, minor))
    case .blockDevice(let major, let minor):
      try makeDevice(entry, name, S_IFBLK, LayerWriter.device(major, minor))
    }
  }

  // MARK: kinds

  private func makeFile(_ entry: TarEntry, _ name: EntryName, from reader: TarReader) throws(Problem) {
    let base = cString(name.base)
    let opened = try LayerWriter.step(entry, "create the file") { () throws(Errno) in
      let parent = try directories.descriptor(of: name.parent, making: true)
      return try replacing(name, parent, base) {
        csys_openat(parent, base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode_t(entry.mode & 0o777))
      }
    }
    let file = OwnedFD(adopting: opened)
    try LayerWriter.copyData(entry, from: reader, to: file.borrowed)
    if !(makesRootFiles && entry.uid == 0 && entry.gid == 0) {
      try LayerWriter.step(entry, "set the owner") { () throws(Errno) in
        try check(csys_fchownat(file.borrowed, "", entry.uid, entry.gid, CInt(CSYS_AT_EMPTY_PATH)))
      }
    }
    if entry.mode & 0o7000 != 0 {
      try LayerWriter.step(entry, "set the mode") { () throws(Errno) in
        try check(csys_fchmod(file.borrowed, mode_t(entry.mode)))
      }
    }
    try LayerWriter.setAttributes(entry, file.borrowed)
    try LayerWriter.step(entry, "set the time") { () throws(Errno) in
      try check(csys_futimens(file.borrowed, LayerWriter.times(entry)))
    }
  }

  private func makeDirectory(_ entry: TarEntry, _ name: EntryName) throws(Problem) {
    if name.isRoot {
      try LayerWriter.step(entry, "set the owner") { () throws(Errno) in
        try check(csys_fchownat(directories.root.borrowed, "", entry.uid, entry.gid, CInt(CSYS_AT_EMPTY_PATH)))
      }
    } else {
      try LayerWriter.step(entry, "make the directory") { () throws(Errno) in
        let base = cString(name.base)
        let parent = try directories.descriptor(of: name.parent, making: true)
        let wasWhiteout = try makeOrKeepDirectory(parent, base, mode_t(entry.mode & 0o1777 | 0o700))
        try check(csys_fchownat(parent, base, entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW))
        if wasWhiteout { try hideBelow(name.path) }
      }
    }
    if !entry.attributes.isEmpty {
      let directory = try LayerWriter.step(entry, "open the directory") { () throws(Errno) in
        try directories.openForAttributes(name.path)
      }
      try LayerWriter.setAttributes(entry, directory.borrowed)
    }
    if let place = finalPlaces[name.path] {
      finals[place] = (name.path, entry)
    } else {
      finalPlaces[name.path] = finals.count
      finals.append((name.path, entry))
    }
  }

  /// A directory that is there already stays, with what is in it; anything else gives way.
  /// - Returns: a whiteout gave way.
  private func makeOrKeepDirectory(_ parent: CInt, _ base: [CChar], _ mode: mode_t) throws(Errno) -> Bool {
    let made = csys_mkdirat(parent, base, mode)
    if made != -EEXIST {
      try check(made)
      return false
    }
    var there = stat()
    try check(csys_fstatat(parent, base, &there, AT_SYMLINK_NOFOLLOW))
    if there.isDirectory { return false }
    try check(csys_unlinkat(parent, base, 0))
    directories.forget()
    try check(csys_mkdirat(parent, base, mode))
    return there.st_mode & S_IFMT == S_IFCHR && there.st_rdev == 0
  }

  private func makeHardLink(_ entry: TarEntry, _ name: EntryName) throws(Problem) {
    let target = try LayerWriter.checked(entry) { () throws(TarFault) in
      let target = try EntryName(entry.linkName)
      if target.isRoot { throw TarFault("a hard link to the layer's own directory") }
      return target
    }
    if target == name { return }
    try LayerWriter.step(entry, "link to \(shown(entry.linkName))") { () throws(Errno) in
      let base = cString(name.base)
      // A descriptor is valid until the next look-up only.
      let from = OwnedFD(
        adopting: try check(
          csys_fcntl(try directories.descriptor(of: target.parent, making: false), F_DUPFD_CLOEXEC, 0)))
      let parent = try directories.descriptor(of: name.parent, making: true)
      var source = stat()
      var there = stat()
      try check(csys_fstatat(from.borrowed, cString(target.base), &source, AT_SYMLINK_NOFOLLOW))
      if csys_fstatat(parent, base, &there, AT_SYMLINK_NOFOLLOW) == 0, there.st_dev == source.st_dev,
        there.st_ino == source.st_ino
      {
        return
      }
      _ = try replacing(name, parent, base) {
        csys_linkat(from.borrowed, cString(target.base), parent, base, 0)
      }
    }
  }

  private func makeDevice(_ entry: TarEntry, _ name: EntryName, _ type: mode_t, _ device: dev_t) throws(Problem) {
    var refused = false
    try makeNode(entry, name, "make the device node") { parent, base in
      let result = csys_mknodat(parent, base, type | entry.mode, device)
      refused = result == -EPERM
      return result
    } unless: {
      refused  // without privilege there are no devices: rootless containers get theirs from the host
    }
  }

  /// Makes what has no data and is never opened.
  private func makeNode(
    _ entry: TarEntry, _ name: EntryName, _ what: String, _ call: (CInt, [CChar]) -> CInt,
    unless: () -> Bool = { false }
  ) throws(Problem) {
    try LayerWriter.step(entry, what) { () throws(Errno) in
      let base = cString(name.base)
      let parent = try directories.descriptor(of: name.parent, making: true)
      do throws(Errno) { _ = try replacing(name, parent, base) { call(parent, base) } } catch {
        if unless() { return }
        throw error
      }
      if !(makesRootFiles && entry.uid == 0 && entry.gid == 0) {
        try check(csys_fchownat(parent, base, entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW))
      }
      try check(csys_utimensat(parent, base, LayerWriter.times(entry), AT_SYMLINK_NOFOLLOW))
    }
  }

  /// Calls `body`; if the name is taken, removes what has it, whatever it is, and calls again.
  private func replacing(
    _ name: EntryName, _ parent: CInt, _ base: [CChar], _ body: () -> CInt
  ) throws(Errno) -> CInt {
    let first = body()
    if first != -EEXIST { return try check(first) }
    try removeTree(at: parent, base)
    forgetFinals(at: name.path)
    directories.forget()
    return try check(body())
  }

  private func forgetFinals(at path: [UInt8]) {
    let below = path + [UInt8(ascii: "/")]
    for (place, final) in finals.enumerated() {
      guard let final, final.path == path || final.path.starts(with: below) else { continue }
      finalPlaces[final.path] = nil
      finals[place] = nil
    }
  }

  // MARK: the end

  /// Gives directories their modes and times. Afterwards the layer is complete.
  package func finish() throws(Problem) {
    for case let (path, entry)? in finals {
      try LayerWriter.step(entry, "set mode and time") { () throws(Errno) in
        let directory = try directories.openForAttributes(path)
        if path.isEmpty || entry.mode & 0o1777 | 0o700 != entry.mode {
          try check(csys_fchmod(directory.borrowed, mode_t(entry.mode)))
        }
        try check(csys_futimens(directory.borrowed, LayerWriter.times(entry)))
      }
    }
  }

  /// Waits until all of it is on the disk. Source: syncfs(2).
  package func sync() throws(Problem) {
    let root = directories.root.borrowed
    _ = try doing("sync the layer") { () throws(Errno) in try check(csys_syncfs(root)) }
  }
}
