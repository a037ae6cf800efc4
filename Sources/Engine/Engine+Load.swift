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
    return try withoutActuallyEscaping(progress) { (progress) throws(Problem) in
      try library.load(from: path, policy: policy, progress: progress)
    }
  }
}
