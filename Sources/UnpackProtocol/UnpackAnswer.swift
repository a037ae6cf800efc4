package import Digests
package import JSON
package import Problems

/// What a worker found in a layer.
package struct UnpackedLayer: Hashable, Sendable {
  /// Of the bytes as they came, and their number.
  package var compressedDigest: Digest
  package var compressedBytes: Int64
  /// Of the tar.
  package var diffID: Digest
  package var bytes: Int64
  package var entries: Int

  package init(compressedDigest: Digest, compressedBytes: Int64, diffID: Digest, bytes: Int64, entries: Int) {
    self.compressedDigest = compressedDigest
    self.compressedBytes = compressedBytes
    self.diffID = diffID
    self.bytes = bytes
    self.entries = entries
  }
}

/// The line on descriptor 4.
package enum UnpackAnswer: Sendable {
  case unpacked(UnpackedLayer)
  case failed(Problem)

  package var json: JSON {
    switch self {
    case .unpacked(let layer):
      [
        "compressedDigest": JSON(layer.compressedDigest.description), "compressedBytes": JSON(layer.compressedBytes),
        "diffID": JSON(layer.diffID.description), "bytes": JSON(layer.bytes), "entries": JSON(layer.entries),
      ]
    case .failed(let problem):
      ["error": JSON(problem.sentence), "code": JSON(problem.code.rawValue)]
    }
  }

  /// nil for a line that no worker writes.
  package init?(json: JSON) {
    if let message = json["error"]?.string {
      let code = json["code"]?.string.flatMap(Problem.Code.init(rawValue:)) ?? .unavailable
      self = .failed(Problem(code: code, message: message))
      return
    }
    guard let compressed = json["compressedDigest"]?.string.flatMap({ Digest($0) }),
      let compressedBytes = json["compressedBytes"]?.integer(Int64.self),
      let diffID = json["diffID"]?.string.flatMap({ Digest($0) }),
      let bytes = json["bytes"]?.integer(Int64.self), let entries = json["entries"]?.integer(Int.self)
    else { return nil }
    self = .unpacked(
      UnpackedLayer(
        compressedDigest: compressed, compressedBytes: compressedBytes, diffID: diffID, bytes: bytes, entries: entries))
  }
}
