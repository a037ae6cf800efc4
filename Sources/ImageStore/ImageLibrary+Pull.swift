import Digests
import ImageSpec
package import Problems
import RegistryProtocol
import StateStore

extension ImageLibrary {
  /// Fetches an image: manifest, configuration, and all missing layers at once, each streamed into its own worker.
  ///
  /// - Parameter policy: is asked when it is known which image the name stands for, before anything of it comes in.
  package func pull(
    _ reference: String, _ options: PullOptions, policy: SignaturePolicy,
    progress: @escaping (ImageProgress) -> Void
  ) throws(Problem) -> ImageReceipt {
    let connection = try RegistryConnection(try registryOptions(options))
    let request = try connection.send(.resolve(reference: reference, platform: options.platform))
    let event = try connection.finish(request) { event in
      if case .trying(let source) = event { progress(.trying(source: source)) }
    }
    guard case .resolved(let resolved) = event else {
      throw Problem(code: .bug, message: "berth-registry answered a resolve with something else")
    }
    let (digest, manifest, top) = try checked(resolved, asked: reference)
    try policy.check(.registry(try Reference(parsing: resolved.reference)))
    progress(.found(name: resolved.reference, layers: manifest.layers.count))

    let layers = manifest.layers.map { layer in
      IncomingLayer(source: .registry(connection, name: resolved.name), digest: layer.digest, size: layer.size)
    }
    let image = try IncomingImage(
      configBytes: try config(of: manifest, name: resolved.name, connection), manifest: (digest, resolved.manifest),
      layers: layers, names: [storedName(resolved.reference)], namedDigest: top)
    return try ingest(image, progress: progress)
  }

  func registryOptions(_ options: PullOptions) throws(Problem) -> RegistryOptions {
    var result = RegistryOptions(program: programs.registry, environment: programs.environment)
    result.tlsVerify = options.tlsVerify
    result.certificateDirectory = options.certDirectory
    result.authFile = options.authFile
    if let text = options.credentials {
      guard let colon = text.firstIndex(of: ":") else {
        throw Problem(code: .invalid, message: "--creds wants USER:PASSWORD")
      }
      result.credentials = Credentials(
        user: String(text[..<colon]), password: String(text[text.index(after: colon)...]))
    }
    return result
  }

  /// The registry program parses what strangers send: what it says is checked again, against the digests.
  private func checked(
    _ resolved: ResolvedImage, asked: String
  ) throws(Problem) -> (digest: Digest, manifest: Manifest, top: Digest) {
    func wrong(_ what: String) -> Problem {
      Problem(
        code: .invalid, message: "pull \(asked): \(what)",
        hint: "what came is not what was asked for: try again, or use another registry or mirror")
    }
    let digest = Digest(of: resolved.manifest)
    guard Digest(resolved.digest) == digest else {
      throw wrong("the manifest has another digest than the registry says")
    }
    guard
      case .manifest(let manifest) = try ManifestDocument(
        parsing: resolved.manifest, mediaType: MediaType(rawValue: resolved.mediaType))
    else { throw wrong("an index where a manifest was announced") }
    try manifest.requireImage()
    var top = digest
    if let bytes = resolved.index {
      top = Digest(of: bytes)
      guard resolved.indexDigest.flatMap({ Digest($0) }) == top else { throw wrong("the index has another digest") }
    }
    if let wanted = try? Reference(parsing: resolved.reference).digest, wanted != top, wanted != digest {
      throw wrong("the registry gave \(top) instead of \(wanted)")
    }
    return (digest, manifest, top)
  }

  private func config(
    of manifest: Manifest, name: String, _ connection: RegistryConnection
  ) throws(Problem) -> [UInt8] {
    let wanted = manifest.config
    // Known already: a second tag of an image, or a new pull of the same one. What cannot be read is fetched anew.
    if try store.images.get(wanted.digest.hex) != nil, let bytes = try? readBlob(wanted.digest) { return bytes }
    let blob = RegistryRequest.BlobRequest(
      name: name, digest: wanted.digest.description, size: wanted.size, kind: .config)
    guard case .done(_, let payload?) = try connection.finish(try connection.send(.blob(blob))) else {
      throw Problem(code: .bug, message: "berth-registry gave no configuration of \(name)")
    }
    guard Digest(of: payload) == wanted.digest else {
      throw Problem(
        code: .invalid,
        message:
          "the configuration of \(name) has the wrong digest: expected \(wanted.digest), got \(Digest(of: payload))",
        hint: "what came is not what the image names: try again, or use another registry or mirror")
    }
    return payload
  }

  /// The name that an image keeps: `name:tag`, or `name@digest` where one was asked for.
  private func storedName(_ reference: String) -> String {
    guard let parsed = try? Reference(parsing: reference) else { return reference }
    if let digest = parsed.digest { return parsed.pinned(to: digest).description }
    return parsed.description
  }
}
