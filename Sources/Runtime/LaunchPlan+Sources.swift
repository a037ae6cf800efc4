import CSys
import Glibc
import Problems
import RuntimeSpec
import Sys

extension LaunchPlan {
  /// Opens the sources of binds on the host, as detached mounts: from inside the container they may be out of reach.
  mutating func openBindSources() throws(Problem) {
    for (number, mount) in (spec.mounts ?? []).enumerated() {
      let words = MountOptions(mount.options ?? [])
      guard words.bind || mount.type == "bind", let source = mount.source else { continue }
      let path = source.hasPrefix("/") ? source : bundle + "/" + source
      if isInRoot(path) { continue }  // it is what the mounts before it make of it
      preparedSources[number] = try doing("open mount source \(path)") { () throws(Errno) in
        let tree = try MountTree(cloning: path, recursive: words.recursive)
        // Only privilege on the host may map owners.
        if let map = idMapNamespaces[number] { try tree.mapIDs(by: map, recursive: words.idMappedBelow) }
        return try tree.fd.duplicate().release()
      }
    }
  }
}
