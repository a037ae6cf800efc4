import CSys
import Glibc
package import Problems
import Sys

/// One container's cgroup: a directory in each hierarchy of the host.
package struct Cgroup: Hashable, Sendable {
  /// The cgroup in one hierarchy.
  package struct Directory: Hashable, Sendable {
    package let version: CgroupLayout.Version
    /// Version 1: the hierarchy's controllers; empty for version 2.
    package let controllers: [String]
    /// Absolute, on the host.
    package let path: String
    /// The hierarchy's root on the host: `path` is below it.
    package let mountPoint: String
  }
  package internal(set) var directories: [Directory]
  /// The unit of systemd's that it is, where that driver made it.
  package internal(set) var unit: SystemdUnit?
  var pending: PendingUnit?
  /// Whether hierarchies and device rules that the caller may not write are left out; nil: unless it is the machine's
  /// root.
  package var toleratesRefusals: Bool?
  package var mayLackRights: Bool { toleratesRefusals ?? !isMachineRoot() }
  /// The container has none of its own.
  package var isNone: Bool { directories.isEmpty }
  /// Version 1 of at least one controller.
  package var hasVersionOne: Bool { directories.contains { $0.version == .one } }
  /// Version 2 and nothing else.
  package var isUnified: Bool { directories.count == 1 && directories[0].version == .two }
  /// The directory of the version 2 hierarchy.
  package var unified: Directory? { directories.first { $0.version == .two } }

  /// Names the cgroup; nothing is made.
  ///
  /// - Parameter path: `linux.cgroupsPath`: absolute from each hierarchy's mount, relative from the cgroup that the
  ///   caller is in (as runc has it); absent is "/<id>". ".." leads nowhere.
  package init(path: String?, id: String, layout: CgroupLayout) throws(Problem) {
    let given = path.flatMap { $0.isEmpty ? nil : $0 } ?? "/" + id
    let name = CgroupPath.clean(given)
    guard !name.isEmpty else {
      throw Problem(code: .invalid, message: "cgroup path \"\(given)\" names the root cgroup")
    }
    let isRelative = !given.hasPrefix("/")
    directories = []
    directories.reserveCapacity(layout.hierarchies.count)
    for hierarchy in layout.hierarchies {
      var base = hierarchy.mountPoint
      if isRelative, hierarchy.ownPath != "/", exists(base + hierarchy.ownPath) { base += hierarchy.ownPath }
      directories.append(
        Directory(
          version: hierarchy.version, controllers: hierarchy.controllers, path: base + "/" + name,
          mountPoint: hierarchy.mountPoint))
    }
  }

  /// As `init(path:id:layout:)`, on this host as it is.
  package init(path: String?, id: String) throws(Problem) {
    try self.init(path: path, id: id, layout: CgroupLayout.detect())
  }

  /// No cgroup: the container stays where its creator is.
  package static var none: Cgroup { Cgroup(saved: []) }

  // MARK: - Saving

  /// What to write down to find one of its directories again.
  package struct Saved {
    /// Joined by ","; "" for version 2.
    package let controllers: String
    package let mountPoint: String
    package let path: String
    package init(controllers: String, mountPoint: String, path: String) {
      self.controllers = controllers
      self.mountPoint = mountPoint
      self.path = path
    }
  }
  package var saved: [Saved] {
    directories.map {
      Saved(controllers: CgroupLayout.joined($0.controllers), mountPoint: $0.mountPoint, path: $0.path)
    }
  }
  package init(saved: [Saved], unit: SystemdUnit? = nil) {
    self.unit = unit
    directories = []
    for entry in saved {
      let controllers = entry.controllers.fields(UInt8(ascii: ","))
      directories.append(
        Directory(
          version: controllers.isEmpty ? .two : .one, controllers: controllers, path: entry.path,
          mountPoint: entry.mountPoint))
    }
  }

  /// The directory that holds a controller's files, or nil where the host has no such controller.
  /// In version 2 a controller counts when the cgroup itself has it.
  package func directory(of controller: String) -> Directory? {
    if let first = directories.first(where: { $0.controllers.contains(controller) }) { return first }
    guard let unified, let text = try? readText(unified.path + "/cgroup.controllers") else { return nil }
    return text.split(whereSeparator: \.isWhitespace).contains(Substring(controller)) ? unified : nil
  }

  // MARK: - Creation

  /// The cgroup in the hierarchies of one version.
  package func part(_ version: CgroupLayout.Version) -> Cgroup {
    var part = self
    part.directories.removeAll { $0.version != version }
    return part
  }

  /// Makes the directories, or only those of one version. Without root's rights, hierarchies that refuse are left
  /// out: a limit that needs one of them fails later.
  ///
  /// - Throws: `.conflict` where the cgroup is there already and has processes. What was made before is removed.
  package mutating func create(_ version: CgroupLayout.Version? = nil) throws(Problem) {
    var made: [Directory] = []
    do throws(Problem) { try create(version, &made) } catch {
      for directory in made.reversed() { _ = csys_unlinkat(AT_FDCWD, directory.path, AT_REMOVEDIR) }
      throw error
    }
  }
  private mutating func create(_ version: CgroupLayout.Version?, _ made: inout [Directory]) throws(Problem) {
    var refused: [Directory] = []
    var isUnprivileged = geteuid() != 0
    for directory in directories where version == nil || directory.version == version {
      do throws(Errno) {
        if try make(directory) {
          made.append(directory)
          continue
        }
      } catch {
        if error == .accessDenied || error == .notPermitted || error.rawValue == EROFS, mayLackRights {
          isUnprivileged = true
          if !nest(directory) { refused.append(directory) }
          continue
        }
        throw Problem(code: Problem.Code(error), message: "create cgroup \(directory.path)", cause: error)
      }
      if let text = try? readText(directory.path + "/cgroup.procs"), !text.isEmpty {
        throw Problem(
          code: .conflict, message: "container's cgroup is not empty: \(directory.path) has processes",
          hint: "choose another linux.cgroupsPath")
      }
      if directory.isFrozen {
        throw Problem(
          code: .conflict, message: "container's cgroup unexpectedly frozen: \(directory.path)",
          hint: "thaw or remove it")
      }
    }
    if !refused.isEmpty { directories.removeAll { refused.contains($0) } }
    if isUnified {
      if isUnprivileged { vacateCallersCgroup() }
      try enableControllers(nil)
    }
  }

  /// - Returns: false where the directory is there already.
  func make(_ directory: Directory) throws(Errno) -> Bool {
    let isCpuset = directory.controllers.contains("cpuset")
    do throws(Errno) {
      try makeDirectory(directory.path)
    } catch {
      switch error {
      case .exists:
        if isCpuset { try inheritCpuset(directory.path, below: directory.mountPoint, isNew: false) }
        return false
      case .notFound:
        try makeDirectories(parentPath(of: directory.path))
        try makeDirectory(directory.path)
      default: throw error
      }
    }
    do throws(Errno) {
      if isCpuset { try inheritCpuset(directory.path, below: directory.mountPoint, isNew: true) }
    } catch {
      _ = csys_unlinkat(AT_FDCWD, directory.path, AT_REMOVEDIR)
      throw error
    }
    return true
  }

  /// A new cpuset has no processors and no memory, and takes no process until it has: it gets its parent's.
  private func inheritCpuset(_ path: String, below mountPoint: String, isNew: Bool) throws(Errno) {
    for file in ["/cpuset.cpus", "/cpuset.mems"] {
      _ = try inheritCpuset(path, file, below: mountPoint, isNew: isNew)
    }
  }
  private func inheritCpuset(
    _ path: String, _ file: String, below mountPoint: String, isNew: Bool = false
  ) throws(Errno) -> [UInt8] {
    if !isNew {
      let own = try readFile(path + file)
      if own.first != UInt8(ascii: "\n") && !own.isEmpty || path == mountPoint { return own }
    }
    let inherited = try inheritCpuset(parentPath(of: path), file, below: mountPoint)
    try Self.write(inherited, to: path + file)
    return inherited
  }

  /// Hands controllers of version 2 down from the hierarchy's root to this cgroup.
  ///
  /// - Parameter wanted: nil is all that there are.
  func enableControllers(_ wanted: [Substring]?) throws(Problem) {
    guard let unified else { return }
    var ancestors: [String] = []
    var path = parentPath(of: unified.path)
    while path.utf8.count >= unified.mountPoint.utf8.count {
      ancestors.append(path)
      path = parentPath(of: path)
    }
    for ancestor in ancestors.reversed() {
      guard let available = try? readText(ancestor + "/cgroup.controllers"),
        let enabled = try? readText(ancestor + "/cgroup.subtree_control")
      else { continue }
      let there = enabled.split(whereSeparator: \.isWhitespace)
      let missing = available.split(whereSeparator: \.isWhitespace).filter {
        !there.contains($0) && wanted?.contains($0) != false
      }
      if missing.isEmpty { continue }
      let file = ancestor + "/cgroup.subtree_control"
      let all = Array(missing.map { "+" + $0 }.joined(separator: " ").utf8)
      if (try? Self.write(all, to: file)) != nil { continue }
      // One that cannot be enabled (realtime processes, threads) keeps none of the others back.
      for controller in missing { try? Self.write(Array("+\(controller)".utf8), to: file) }
    }
  }

  // MARK: - Files

  static func write(_ bytes: [UInt8], to path: String) throws(Errno) {
    let file = try open(path, O_WRONLY)
    let raw = file.borrowed
    _ = try uninterrupted { () throws(Errno) in try check(csys_write(raw, bytes, bytes.count)) }
  }
}
