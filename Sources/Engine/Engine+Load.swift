public import ImageStore
public import Problems

extension Engine {
  /// Reads a docker-archive, oci-archive or OCI layout.
  ///
  /// - Parameters:
  ///   - path: a file or directory; nil is standard input.
  ///   - policyFile: policy.json; nil is the user's, then the system's.
  public func loadImages(
    from path: String?, signaturePolicy policyFile: String? = nil, progress: (ImageProgress) -> Void = { _ in }
  ) throws(Problem) -> [ImageReceipt] {
    let policy = try signaturePolicy(policyFile)
    let library = try library()
    let receipts = try withoutActuallyEscaping(progress) { (progress) throws(Problem) in
      try library.load(from: path, policy: policy, progress: progress)
    }
    tell(receipts.map { EngineEvent(.image, .loadFromArchive, id: $0.id, name: path ?? "-") })
    return receipts
  }
}
