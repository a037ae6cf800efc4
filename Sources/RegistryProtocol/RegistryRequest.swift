package import JSON
package import Problems

/// What the engine asks of `berth-registry`: one packet each, `{"id":n,"op":…}`.
package enum RegistryRequest: Hashable, Sendable {
  /// Finds an image's manifest. Answered by `.resolved` with the manifest's bytes.
  /// - `reference`: as the user typed it, short names included.
  /// - `platform`: `os/arch[/variant]`; nil is this machine's.
  case resolve(reference: String, platform: String?)
  /// Fetches a blob. A layer's packet carries the write end of a pipe, which is filled and then closed; a
  /// small blob (a config) comes back as a descriptor of the `.done` packet.
  case blob(BlobRequest)
  /// Fetches a file of a web server into a pipe, as a layer's blob.
  /// - `url`: http or https.
  case download(url: String)
  /// Checks a name and password with the registry; nothing is stored.
  case login(registry: String, user: String, password: String)
  /// The answer to the event `.credentialsNeeded` of the same id; nil where there are none.
  case credentials(Credentials?)
  /// Gives up the request `target`; it answers `.failed`.
  case cancel(target: Int)

  /// One blob of an image that was resolved.
  package struct BlobRequest: Hashable, Sendable {
    package enum Kind: String, Sendable { case config, layer }
    /// Fully qualified repository, as `.resolved` gave it.
    package var name: String
    /// `sha256:…`; whoever reads the bytes checks it.
    package var digest: String
    /// Bytes, as the manifest says: one more ends the transfer.
    package var size: Int64
    package var kind: Kind
    package init(name: String, digest: String, size: Int64, kind: Kind) {
      self.name = name
      self.digest = digest
      self.size = size
      self.kind = kind
    }
  }
}

/// A packet's limits.
package enum RegistryLimit {
  /// Larger payloads travel in a memfd.
  package static let packetBytesMax = 128 << 10
  /// Source: distribution-spec, "Pushing Manifests": registries accept at least 4 MiB.
  package static let manifestBytesMax = 4 << 20
  /// An image's configuration.
  package static let configBytesMax = 8 << 20
}

extension RegistryRequest {
  package func json(id: Int) -> JSON {
    var members: [(String, JSON)] = [("id", JSON(id))]
    switch self {
    case .resolve(let reference, let platform):
      members += [("op", "resolve"), ("reference", JSON(reference))]
      if let platform { members.append(("platform", JSON(platform))) }
    case .blob(let blob):
      members += [
        ("op", "blob"), ("name", JSON(blob.name)), ("digest", JSON(blob.digest)), ("size", JSON(blob.size)),
        ("kind", JSON(blob.kind.rawValue)),
      ]
    case .download(let url): members += [("op", "download"), ("url", JSON(url))]
    case .login(let registry, let user, let password):
      members += [("op", "login"), ("registry", JSON(registry)), ("user", JSON(user)), ("password", JSON(password))]
    case .credentials(let credentials):
      members.append(("op", "credentials"))
      if let credentials { members.append(("credentials", credentials.json)) }
    case .cancel(let target): members += [("op", "cancel"), ("target", JSON(target))]
    }
    return .object(JSON.Object(members))
  }

  /// - Throws: `.bug`: both ends are ours.
  package static func read(_ json: JSON) throws(Problem) -> (id: Int, request: RegistryRequest) {
    guard let id = json["id"]?.integer(Int.self), let op = json["op"]?.string else {
      throw malformed("id or op is missing")
    }
    func text(_ name: String) throws(Problem) -> String {
      guard let value = json[name]?.string else { throw malformed("\(op) without \(name)") }
      return value
    }
    switch op {
    case "resolve": return (id, .resolve(reference: try text("reference"), platform: json["platform"]?.string))
    case "blob":
      guard let size = json["size"]?.integer(Int64.self), let kind = BlobRequest.Kind(rawValue: try text("kind")) else {
        throw malformed("blob without size or kind")
      }
      return (id, .blob(BlobRequest(name: try text("name"), digest: try text("digest"), size: size, kind: kind)))
    case "download": return (id, .download(url: try text("url")))
    case "login":
      return (id, .login(registry: try text("registry"), user: try text("user"), password: try text("password")))
    case "credentials": return (id, .credentials(try json["credentials"].map(Credentials.read)))
    case "cancel":
      guard let target = json["target"]?.integer(Int.self) else { throw malformed("cancel without target") }
      return (id, .cancel(target: target))
    default: throw malformed("unknown op \(op)")
    }
  }

  private static func malformed(_ reason: String) -> Problem {
    Problem(code: .bug, message: "malformed request to berth-registry: \(reason)")
  }
}
