import CSys
import Glibc
package import Problems
import StateStore
import Sys
import UnpackProtocol

extension ImageLibrary {
  /// Reads all images of a docker-archive, an oci-archive (each as a tar, packed or not), an OCI layout or a
  /// directory of one image with its blobs.
  ///
  /// An archive is unpacked by a layer worker, which is shut in: this program reads no tar. Then each image comes in
  /// from the files.
  /// - Parameter path: a file or directory; nil is standard input.
  package func load(
    from path: String?, policy: SignaturePolicy = .acceptAnything, progress: @escaping (ImageProgress) -> Void
  ) throws(Problem) -> [ImageReceipt] {
    if let path {
      let found = try doing("open \(path)") { () throws(Errno) in try status(path) }
      if found.isDirectory {
        return try loadDirectory(path, of: path, policy, progress: progress)
      }
    }
    return try withScratch { (scratch) throws(Problem) in
      try extract(path, label: path ?? "standard input", to: scratch)
      return try loadDirectory(scratch, of: path, policy, progress: progress)
    }
  }

  /// A directory in `layers/` for the time of `body`, remembered by an intent.
  func withScratch<R>(_ body: (String) throws(Problem) -> R) throws(Problem) -> R {
    var leavings = Leavings()
    leavings.partialPrefix = ".partial-\(randomID().prefix(16))-"
    let intent = try store.intents.begin(kind: IntentKind.ingest, payload: leavings.payload, durable: false)
    let path = "\(root)/layers/\(leavings.partialPrefix)s/diff"
    let outcome: Result<R, Problem>
    do throws(Problem) {
      try doing("make \(path)", hint: diskHint) { () throws(Errno) in
        try makeDirectories(root + "/layers", mode: 0o711)
        try makeDirectories(path, mode: 0o700)
      }
      outcome = .success(try body(path))
    } catch { outcome = .failure(error) }
    if (try? clear(leavings)) != nil { try? store.intents.finish(intent, durable: false) }
    return try outcome.get()
  }

  private func extract(_ path: String?, label: String, to directory: String) throws(Problem) {
    let input: OwnedFD
    if let path {
      input = try doing("open \(path)") { () throws(Errno) in try open(path, O_RDONLY) }
    } else {
      input = try standardInput()
    }
    let target = try doing("open \(directory)") { () throws(Errno) in try open(directory, O_RDONLY | O_DIRECTORY) }
    let worker = try UnpackWorker(program: programs.unpack, input: input.borrowed, directory: target.borrowed)
    do throws(Problem) { _ = try worker.wait() } catch {
      let hint =
        error.code == .unavailable
        ? diskHint : "load reads docker-archive and oci-archive; a root filesystem's tar needs: berth import"
      throw Problem(code: error.code, message: "read \(label)", hint: hint, cause: error)
    }
  }

  /// - Throws: `.invalid` where it is a terminal: nobody types an archive.
  func standardInput() throws(Problem) -> OwnedFD {
    if isatty(0) == 1 {
      throw Problem(
        code: .invalid, message: "standard input is a terminal, not an archive",
        hint: "name a file with --input, or use < FILE")
    }
    return try doing("read standard input") { () throws(Errno) in
      OwnedFD(adopting: try check(csys_fcntl(0, F_DUPFD_CLOEXEC, 0)))
    }
  }

  /// - Parameter given: what the user named, for messages and the policy.
  private func loadDirectory(
    _ path: String, of given: String?, _ policy: SignaturePolicy, progress: @escaping (ImageProgress) -> Void
  ) throws(Problem) -> [ImageReceipt] {
    let label = given ?? "standard input"
    let files = try ArchiveFiles(path: path, label: label)
    let images: [IncomingImage]
    if files.has("version") && files.has("manifest.json") {
      try policy.check(.directory(given))
      images = [try OCILayout.imageOfDirectory(path, files)]
    } else if files.has("manifest.json") {
      try policy.check(.dockerArchive(given))
      images = try DockerArchive.images(path, files)
    } else if files.has("index.json") {
      try policy.check(.oci(given, isDirectory: given == path))
      images = try OCILayout.images(path, files)
    } else {
      throw Problem(
        code: .invalid, message: "\(label) is no image archive: it has neither manifest.json nor index.json",
        hint:
          "load reads docker-archive, oci-archive, OCI layouts and dir:; a root filesystem's tar needs: berth import"
      )
    }
    if images.isEmpty { throw Problem(code: .invalid, message: "\(label) holds no image") }
    var receipts: [ImageReceipt] = []
    for image in images {
      progress(.found(name: image.label, layers: image.layers.count))
      receipts.append(try ingest(image, progress: progress))
    }
    return receipts
  }
}
