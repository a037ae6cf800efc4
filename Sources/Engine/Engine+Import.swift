public import ImageStore
public import Problems

extension Engine {
  /// Makes an image of a root filesystem's tar. - Parameter path: a file or a web address; nil is standard input.
  public func importImage(
    from path: String?, _ options: ImportOptions = ImportOptions(), progress: (ImageProgress) -> Void = { _ in }
  ) throws(Problem) -> ImageReceipt {
    let policy = try signaturePolicy(options.signaturePolicy)
    let library = try library()
    let receipt = try withoutActuallyEscaping(progress) { (progress) throws(Problem) in
      try library.importTar(from: path, options, policy: policy, progress: progress)
    }
    tell(
      [EngineEvent(.image, .import, id: receipt.id, name: path ?? "-")]
        + receipt.names.map { EngineEvent(.image, .tag, id: receipt.id, name: $0) })
    return receipt
  }
}
