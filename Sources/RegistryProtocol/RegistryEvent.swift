package import JSON
package import Problems

/// What `berth-registry` says about a request: `{"id":n,"event":…}`.
package enum RegistryEvent: Sendable {
  /// The image was found; ends the request.
  case resolved(ResolvedImage)
  /// The next name or mirror is asked.
  case trying(source: String)
  /// Bytes of a blob so far, at most ten times a second.
  case progress(bytes: Int64)
  /// Ends the request: all bytes were written, and the pipe is closed; or the login was accepted.
  /// - `payload`: a config's bytes.
  case done(bytes: Int64, payload: [UInt8]?)
  /// Ends the request.
  case failed(Problem)
  /// The registry wants to know who asks: the engine answers with `RegistryRequest.credentials`.
  /// - `registry`: `host[:port]`; `repository`: the name without tag, for keys of auth.json that name a namespace.
  case credentialsNeeded(registry: String, repository: String)

  /// Nothing more will be said about the request.
  package var isLast: Bool {
    switch self {
    case .resolved, .done, .failed: true
    case .trying, .progress, .credentialsNeeded: false
    }
  }
}

/// A manifest for one platform.
package struct ResolvedImage: Hashable, Sendable {
  /// Fully qualified repository without tag and digest: `docker.io/library/busybox`.
  package var name: String
  /// Fully qualified, as asked for: `docker.io/library/busybox:latest`, or with `@sha256:…`.
  package var reference: String
  package var mediaType: String
  /// Of the manifest, checked.
  package var digest: String
  /// Exact bytes.
  package var manifest: [UInt8]
  /// The index that led there, if there was one: its digest (checked) and exact bytes.
  package var indexDigest: String?
  package var index: [UInt8]?

  package init(
    name: String, reference: String, mediaType: String, digest: String, manifest: [UInt8], indexDigest: String? = nil,
    index: [UInt8]? = nil
  ) {
    self.name = name
    self.reference = reference
    self.mediaType = mediaType
    self.digest = digest
    self.manifest = manifest
    self.indexDigest = indexDigest
    self.index = index
  }
}

extension RegistryEvent {
  /// The packet's text; payloads travel as descriptors in the order of `payloads`.
  package func json(id: Int) -> JSON {
    var members: [(String, JSON)] = [("id", JSON(id))]
    switch self {
    case .resolved(let image):
      members += [
        ("event", "resolved"), ("name", JSON(image.name)), ("reference", JSON(image.reference)),
        ("mediaType", JSON(image.mediaType)), ("digest", JSON(image.digest)),
      ]
      if let indexDigest = image.indexDigest { members.append(("indexDigest", JSON(indexDigest))) }
    case .trying(let source): members += [("event", "trying"), ("source", JSON(source))]
    case .progress(let bytes): members += [("event", "progress"), ("bytes", JSON(bytes))]
    case .done(let bytes, _): members += [("event", "done"), ("bytes", JSON(bytes))]
    case .failed(let problem): members += [("event", "failed"), ("error", problem.json)]
    case .credentialsNeeded(let registry, let repository):
      members += [("event", "credentials"), ("registry", JSON(registry)), ("repository", JSON(repository))]
    }
    return .object(JSON.Object(members))
  }

  /// Bytes that go with the packet, each in a memfd.
  package var payloads: [[UInt8]] {
    switch self {
    case .resolved(let image): [image.manifest] + (image.index.map { [$0] } ?? [])
    case .done(_, let payload?): [payload]
    case .done(_, nil), .trying, .progress, .failed, .credentialsNeeded: []
    }
  }

  /// - Throws: `.bug` for a packet that the program would never send.
  package static func read(_ json: JSON, payloads: [[UInt8]]) throws(Problem) -> (id: Int, event: RegistryEvent) {
    guard let id = json["id"]?.integer(Int.self), let event = json["event"]?.string else {
      throw malformed("id or event is missing")
    }
    func text(_ name: String) throws(Problem) -> String {
      guard let value = json[name]?.string else { throw malformed("\(event) without \(name)") }
      return value
    }
    func bytes() throws(Problem) -> Int64 {
      guard let value = json["bytes"]?.integer(Int64.self), value >= 0 else {
        throw malformed("\(event) without bytes")
      }
      return value
    }
    switch event {
    case "resolved":
      let indexDigest = json["indexDigest"]?.string
      guard payloads.count == (indexDigest == nil ? 1 : 2) else { throw malformed("resolved without the manifest") }
      let image = ResolvedImage(
        name: try text("name"), reference: try text("reference"), mediaType: try text("mediaType"),
        digest: try text("digest"), manifest: payloads[0], indexDigest: indexDigest,
        index: indexDigest == nil ? nil : payloads[1])
      return (id, .resolved(image))
    case "trying": return (id, .trying(source: try text("source")))
    case "progress": return (id, .progress(bytes: try bytes()))
    case "done": return (id, .done(bytes: try bytes(), payload: payloads.first))
    case "failed": return (id, .failed(Problem(wire: json["error"] ?? .null)))
    case "credentials":
      return (id, .credentialsNeeded(registry: try text("registry"), repository: try text("repository")))
    default: throw malformed("unknown event \(event)")
    }
  }

  private static func malformed(_ reason: String) -> Problem {
    Problem(code: .bug, message: "malformed message from berth-registry: \(reason)")
  }
}

extension Problem {
  /// As it crosses to another program: the causes are part of the message.
  package var json: JSON {
    var members: [(String, JSON)] = [("code", JSON(code.rawValue)), ("message", JSON(sentence))]
    if let hint = hint ?? (cause as? Problem)?.hint { members.append(("hint", JSON(hint))) }
    return .object(JSON.Object(members))
  }
  /// Reads what `json` wrote; anything else is a bug of the program that wrote it.
  package init(wire: JSON) {
    guard let code = wire["code"]?.string.flatMap(Code.init), let message = wire["message"]?.string else {
      self.init(code: .bug, message: "malformed error message from berth-registry")
      return
    }
    self.init(code: code, message: message, hint: wire["hint"]?.string)
  }
}
