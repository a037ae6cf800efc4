public import ImageStore
public import Problems

extension Engine {
  /// Reads a docker-archive, oci-archive or OCI layout. - Parameter path: a file or directory; nil is standard input.
  public func loadImages(
    from path: String?, progress: (ImageProgress) -> Void = { _ in }
  ) throws(Problem) -> [ImageReceipt] {
    let library = try library()
    return try withoutActuallyEscaping(progress) { (progress) throws(Problem) in
      try library.load(from: path, progress: progress)
    }
  }
}
