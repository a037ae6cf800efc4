import Digests
import Glibc
import Problems
import Rootless
import Sys

/// A copy of a layer whose files belong to the ids of a container's user namespace, for kernels and file systems that
/// do not map owners. It is made once for each layer and map, beside the layer, and goes with it: the first start
/// costs the time and the space of a copy.
struct ShiftedLayer {
  /// Path of the layer's own directory, which holds `diff`.
  let layer: String
  let maps: UserNamespace
  private let name: String

  init(layer: String, maps: UserNamespace) {
    self.layer = layer
    self.maps = maps
    name = "shifted-" + Digest(of: Array((maps.uids.lines + ";" + maps.gids.lines).utf8)).hex.prefix(16)
  }

  var path: String { "\(layer)/\(name)" }
  private var unfinished: String { path + ".new" }

  /// - Returns: the copy's path; it is made where it is not there yet.
  func make() throws(Problem) -> String {
    if exists(path) { return path }
    let lock = try doing("lock \(layer)") { () throws(Errno) in try FileLock("\(layer)/shifted.lock") }
    if !exists(path) { try copy() }
    _ = consume lock
    return path
  }
  private func copy() throws(Problem) {
    try doing("copy layer \(layer) for other ids", hint: "is there room for a copy of the image?") { () throws(Errno) in
      try removeTree(unfinished)
      try makeDirectory(unfinished)
      let source = try open("\(layer)/diff", O_RDONLY | O_DIRECTORY)
      let target = try open(unfinished, O_RDONLY | O_DIRECTORY)
      try CopyUp.copy(source, into: target, as: maps)
      try rename(unfinished, to: path)
    }
  }

  /// Where no other container can have the same map; also what a killed command left of one.
  func remove() throws(Problem) {
    try doing("remove \(path)") { () throws(Errno) in
      try removeTree(path)
      try removeTree(unfinished)
    }
  }
}
