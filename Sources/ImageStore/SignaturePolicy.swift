package import Problems

/// Whose images may come in: the rules of policy.json. Source: containers-policy.json(5).
///
/// Berth checks no signatures yet: a rule that asks for one lets nothing pass, and says so.
package struct SignaturePolicy: Equatable, Sendable {
  /// What must hold before an image comes in.
  enum Requirement: Equatable, Sendable {
    case accept
    case reject
    /// A signature, as the file calls it: `signedBy`, `sigstoreSigned`, `signedBaseLayer`.
    case signature(type: String)
  }

  /// Where it was read, for messages; nil where there is no file.
  var file: String?
  var standard: [Requirement]
  /// Transport, then scope; the scope "" stands for the whole transport.
  var transports: [String: [String: [Requirement]]] = [:]

  /// Where there is no policy.json.
  package static let acceptAnything = SignaturePolicy(standard: [.accept])

  /// Where an image comes from, as policies name it.
  package struct Source: Equatable, Sendable {
    /// As in the file: "docker", "docker-archive", "oci", "oci-archive", "tarball".
    let transport: String
    /// The most telling first; the transport's own "" is not among them.
    let scopes: [String]
    /// For messages.
    let label: String
  }

  /// - Throws: `.denied` where a rule rejects it; `.unsupported` where one asks for what cannot be checked.
  package func check(_ source: Source) throws(Problem) {
    let (requirements, rule) = requirements(for: source)
    let place = file ?? "the policy"
    for requirement in requirements {
      switch requirement {
      case .accept: continue
      case .reject:
        throw Problem(
          code: .denied, message: "\(source.label) is rejected by \(place) (\(rule))",
          hint: "take the image from a source that the policy accepts, or change that rule")
      case .signature(let type):
        throw Problem(
          code: .unsupported,
          message: "\(place) asks for a signature of \(source.label) (\(type), \(rule)), which Berth cannot check yet",
          hint: "nothing comes in unchecked: take the image from a source that the policy accepts, "
            + "or set insecureAcceptAnything for this one")
      }
    }
  }

  /// The rules of the most telling scope that has any.
  private func requirements(for source: Source) -> (requirements: [Requirement], rule: String) {
    let scopes = transports[source.transport] ?? [:]
    for scope in source.scopes {
      if let found = scopes[scope] { return (found, "\(source.transport) \(scope)") }
    }
    if let found = scopes[""] { return (found, source.transport) }
    return (standard, "default")
  }
}
