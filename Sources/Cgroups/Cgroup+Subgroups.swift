import Glibc
package import Problems
import Sys

/// Cgroups below the container's own that a process is to enter: `exec --cgroup`.
package struct Subgroups: Equatable, Sendable {
  /// Paths by controller; "" is every hierarchy.
  package private(set) var paths: [String: String] = [:]
  package var isEmpty: Bool { paths.isEmpty }

  package static let none = Subgroups()
  private init() {}

  /// - Parameter words: "PATH", once; or "CONTROLLER[,CONTROLLER...]:PATH", each controller once.
  /// - Throws: `.invalid` for a path that leads out, and for words that contradict each other.
  /// - Source: runc-exec(8), "--cgroup".
  package init(_ words: [String]) throws(Problem) {
    for word in words {
      let parts = word.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 2 else {
        if words.count > 1 { throw Self.refusal("--cgroup \(word) lacks a controller: CONTROLLER:PATH") }
        paths[""] = try Self.check(word)
        continue
      }
      for controller in parts[0].split(separator: ",", omittingEmptySubsequences: false).map(String.init) {
        if controller.isEmpty { throw Self.refusal("--cgroup \(word) has an empty controller") }
        guard paths[controller] == nil else {
          throw Self.refusal("--cgroup names the controller \(controller) more than once")
        }
        paths[controller] = try Self.check(parts[1])
      }
    }
  }

  private static func check(_ path: String) throws(Problem) -> String {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst(path.hasPrefix("/") ? 1 : 0)
    guard path == "/" || !path.isEmpty && parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else {
      throw refusal("bad sub cgroup path: \(path)")
    }
    return parts.filter { !$0.isEmpty }.joined(separator: "/")
  }
  private static func refusal(_ message: String) -> Problem { Problem(code: .invalid, message: message) }
}

extension Cgroup {
  /// The cgroup with some of its directories replaced by ones below them.
  ///
  /// - Throws: `.invalid` for a controller that no hierarchy has.
  package func entering(_ subgroups: Subgroups) throws(Problem) -> Cgroup {
    for (controller, path) in subgroups.paths.sorted(by: { $0.key < $1.key }) where !controller.isEmpty {
      guard directories.contains(where: { $0.controllers.contains(controller) }) else {
        throw Problem(
          code: .invalid, message: "unknown controller \(controller) in --cgroup \(controller):\(path)",
          hint: unified == nil ? nil : "on cgroup v2, give the path alone")
      }
    }
    var result = self
    result.directories = directories.map { directory in
      let path = subgroups.paths[""] ?? directory.controllers.compactMap { subgroups.paths[$0] }.first ?? ""
      return path.isEmpty ? directory : directory.moved(to: directory.path + "/" + path)
    }
    return result
  }

  /// Where a process of the container is now, in version 2: it may have made cgroups of its own and left the one that
  /// it was started in, which then takes no process any more (EBUSY, "no internal processes") or has gone.
  package func following(_ pid: Int32) -> Cgroup? {
    guard isUnified, let own = unified, let bytes = try? readFile("/proc/\(pid)/cgroup") else { return nil }
    guard let path = CgroupLayout.parse(memberships: bytes).first(where: { $0.controllers.isEmpty })?.path else {
      return nil
    }
    var result = self
    result.directories = [own.moved(to: own.mountPoint + (path == "/" ? "" : path))]
    return result
  }
}

extension Cgroup.Directory {
  fileprivate func moved(to path: String) -> Cgroup.Directory {
    Cgroup.Directory(version: version, controllers: controllers, path: path, mountPoint: mountPoint)
  }
}
