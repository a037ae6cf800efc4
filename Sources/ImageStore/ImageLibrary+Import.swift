import Digests
import Glibc
import ImageSpec
import JSON
package import Problems
import RegistryProtocol
import StateStore
import Sys

extension ImageLibrary {
  /// Makes an image of one layer from the tar (packed or not) of a root filesystem.
  ///
  /// - Parameter path: a file, or an http or https address; nil is standard input.
  /// - Throws: `.invalid` for a bad change or name, before anything is read.
  package func importTar(
    from path: String?, _ options: ImportOptions, policy: SignaturePolicy = .acceptAnything,
    progress: @escaping (ImageProgress) -> Void
  ) throws(Problem) -> ImageReceipt {
    try policy.check(.tarball(path))
    var platform = Platform.host
    if let text = options.platform { platform = try Platform(parsing: text) }
    var config = ImageConfig(created: timeText(ofNanoseconds: nanosecondsNow()), platform: platform)
    for change in options.changes { try ImageChange.apply(change, to: &config.config) }
    let names = try options.reference.map { (name) throws(Problem) in [try localName(name)] } ?? []
    let label = path ?? "standard input"

    return try withScratch { (scratch) throws(Problem) in
      let layer = try unpack(path, label: label, beside: scratch, progress: progress)
      guard let diffID = Digest(hex: layer.record.diffID) else { preconditionFailure(layer.record.diffID) }
      config.diffIDs = [diffID]
      config.history = [
        HistoryEntry(
          created: config.created, createdBy: "/bin/sh -c #(nop) ADD file:\(diffID.short) in / ",
          comment: options.message ?? "Imported from \(path ?? "-")")
      ]
      let source = IncomingLayer.Source.unpacked(directory: layer.directory, layer.record)
      let image = try IncomingImage(
        configBytes: config.json.bytes(), manifest: nil,
        layers: [IncomingLayer(source: source, digest: nil, size: nil)], names: names)
      return try ingest(image, progress: progress)
    }
  }

  /// Unpacks a tar whose digest nobody knows yet, into a directory that the caller's intent remembers.
  private func unpack(
    _ path: String?, label: String, beside scratch: String, progress: @escaping (ImageProgress) -> Void
  ) throws(Problem) -> LayerIngest.Unpacked {
    let prefix = fileName(of: parentPath(of: scratch))
    let ingest = LayerIngest(self, partialPrefix: String(prefix.dropLast()), label: label, progress: progress)
    ingest.add(0, IncomingLayer(source: try source(path, progress), digest: nil, size: nil), diffID: nil)
    try ingest.run()
    guard let layer = ingest.done[0] else { preconditionFailure("no layer from \(label)") }
    return layer
  }

  private func source(_ path: String?, _ progress: (ImageProgress) -> Void) throws(Problem) -> IncomingLayer.Source {
    if let path, ImageLibrary.isWebAddress(path) {
      progress(.downloading(from: path))
      return .download(try RegistryConnection(try registryOptions(PullOptions())), url: path)
    }
    return .file { [self] () throws(Problem) in
      guard let path else { return try standardInput() }
      let file = try doing("open \(path)") { () throws(Errno) in try open(path, O_RDONLY) }
      if try doing("open \(path)", { () throws(Errno) in try status(file) }).isDirectory {
        throw Problem(
          code: .invalid, message: "\(path) is a directory, not a tar", hint: "tar -C \(path) -c . | berth import -")
      }
      return file
    }
  }

  /// What `import` fetches over the network. Source: podman-import(1).
  package static func isWebAddress(_ text: String) -> Bool { text.hasPrefix("http://") || text.hasPrefix("https://") }
}
