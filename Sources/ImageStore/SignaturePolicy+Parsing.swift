import ImageSpec
import JSON
package import Problems
import Sys

extension SignaturePolicy {
  private enum Limit {
    static let fileBytesMax = 4 << 20
  }
  /// Types of requirements that ask for a signature.
  private static let signatures: Set<String> = ["signedBy", "signedBaseLayer", "sigstoreSigned"]

  /// Reads the policy: the file that is named, else the user's, else the system's; without any, all is accepted.
  ///
  /// - Parameters:
  ///   - explicit: `--signature-policy`; it must be there.
  ///   - home: the user's directory.
  /// - Throws: for a file that cannot be read or understood: an unclear policy lets nothing pass.
  package static func load(
    explicit: String?, home: String?, system: String = "/etc/containers"
  ) throws(Problem) -> SignaturePolicy {
    if let explicit {
      guard let policy = try read(explicit) else {
        throw Problem(
          code: .notFound, message: "there is no signature policy \(explicit)",
          hint: "--signature-policy names a file such as \(system)/policy.json")
      }
      return policy
    }
    if let home, let policy = try read("\(home)/.config/containers/policy.json") { return policy }
    return try read("\(system)/policy.json") ?? .acceptAnything
  }

  private static func read(_ path: String) throws(Problem) -> SignaturePolicy? {
    let bytes: [UInt8]
    do throws(Errno) { bytes = try readFile(path, limit: Limit.fileBytesMax) } catch {
      switch error {
      case .notFound, .notDirectory: return nil
      default: throw Problem(code: Problem.Code(error), message: "read the signature policy \(path)", cause: error)
      }
    }
    return try SignaturePolicy(parsing: bytes, file: path)
  }

  package init(parsing bytes: [UInt8], file: String) throws(Problem) {
    func wrong(_ reason: String, cause: (any Error)? = nil) -> Problem {
      Problem(
        code: .invalid, message: "signature policy \(file): \(reason)", hint: "see containers-policy.json(5)",
        cause: cause)
    }
    let json: JSON
    do { json = try JSON.parse(bytes) } catch { throw wrong("no JSON", cause: error) }
    guard let members = json.object?.members else { throw wrong("it is no object") }
    // A rule that is misspelt, or written twice, must not vanish.
    if let name = members.map(\.name).first(where: { $0 != "default" && $0 != "transports" }) {
      throw wrong("unknown member \(quoted(name))")
    }
    guard let given = json["default"] else { throw wrong("\"default\" is missing") }
    standard = try Self.requirements(given, "default", wrong)
    self.file = file
    guard let transports = json["transports"] else { return }
    guard let byName = transports.object?.members else { throw wrong("transports is no object") }
    for transport in byName {
      guard let byScope = transport.value.object?.members else {
        throw wrong("transports.\(transport.name) is no object")
      }
      for scope in byScope {
        let place = "transports.\(transport.name).\(quoted(scope.name))"
        if let reason = Self.fault(inScope: scope.name, of: transport.name) { throw wrong("\(place): \(reason)") }
        self.transports[transport.name, default: [:]][scope.name] = try Self.requirements(scope.value, place, wrong)
      }
    }
  }

  private static func requirements(
    _ json: JSON, _ place: String, _ wrong: (String, (any Error)?) -> Problem
  ) throws(Problem) -> [Requirement] {
    guard let list = json.array, !list.isEmpty else { throw wrong("\(place) is no list with requirements", nil) }
    var result: [Requirement] = []
    for entry in list {
      guard let type = entry["type"]?.string else { throw wrong("\(place): a requirement without type", nil) }
      switch type {
      case "insecureAcceptAnything": result.append(.accept)
      case "reject": result.append(.reject)
      case let type where signatures.contains(type): result.append(.signature(type: type))
      default: throw wrong("\(place): unknown requirement type \(quoted(type))", nil)
      }
    }
    return result
  }

  /// What can never fit would be a rule that never holds.
  private static func fault(inScope scope: String, of transport: String) -> String? {
    if scope.isEmpty { return nil }
    switch transport {
    case "docker-archive", "docker-daemon", "tarball": return "this transport has no scope but \"\""
    case "oci", "oci-archive", "dir":
      let isPlain = scope.hasPrefix("/") && scope != "/" && !scope.hasSuffix("/") && !scope.contains("//")
      return isPlain ? nil : "it is no absolute path"
    case "docker", "atomic":
      return scope.hasPrefix("/") || scope.hasSuffix("/") ? "it is no HOST[:PORT][/NAME]" : nil
    default: return nil
    }
  }
}
