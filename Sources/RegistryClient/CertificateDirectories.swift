package import Problems
import Sys

/// What `certs.d` holds for one registry, as bytes: parsing is left to whoever speaks TLS.
///
/// Source: containers-certs.d(5).
package struct RegistryCertificates: Equatable, Sendable {
  package struct File: Equatable, Sendable {
    package var path: String
    package var bytes: [UInt8]
  }
  package struct ClientPair: Equatable, Sendable {
    package var certificate: File
    package var key: File
  }
  /// `*.crt`, PEM.
  package var authorities: [File] = []
  /// `NAME.cert` with `NAME.key`.
  package var clients: [ClientPair] = []
  package var isEmpty: Bool { authorities.isEmpty && clients.isEmpty }

  package init() {}

  package enum Limit {
    static let fileBytesMax = 1 << 20
    static let filesMax = 256
  }

  /// Reads one directory. - Parameter mustExist: `--cert-dir` names it.
  package init(directory: String, mustExist: Bool) throws(Problem) {
    let names: [String]
    do throws(Errno) { names = try entries(ofPath: directory).map(\.name).sorted() } catch {
      switch error {
      case .notFound where !mustExist, .notDirectory where !mustExist: return
      default:
        throw Problem(code: Problem.Code(error), message: "read the certificate directory \(directory)", cause: error)
      }
    }
    for name in names.prefix(Limit.filesMax) {
      let stem = name.prefix(name.utf8.count - (name.hasSuffix(".cert") ? 5 : 4))
      if name.hasSuffix(".crt") {
        authorities.append(try RegistryCertificates.read("\(directory)/\(name)"))
      } else if name.hasSuffix(".cert") {
        guard names.contains("\(stem).key") else {
          throw Problem(
            code: .invalid, message: "\(directory)/\(name) has no key",
            hint: "a CA's file ends in .crt; a client certificate needs \(stem).key")
        }
        clients.append(
          ClientPair(
            certificate: try RegistryCertificates.read("\(directory)/\(name)"),
            key: try RegistryCertificates.read("\(directory)/\(stem).key")))
      } else if name.hasSuffix(".key"), !names.contains("\(stem).cert") {
        throw Problem(code: .invalid, message: "\(directory)/\(name) has no certificate", hint: "it needs \(stem).cert")
      }
    }
  }

  private static func read(_ path: String) throws(Problem) -> File {
    File(
      path: path, bytes: try doing("read \(path)") { () throws(Errno) in try readFile(path, limit: Limit.fileBytesMax) }
    )
  }
}

/// The `certs.d` directories of this machine, all read before the program shuts itself in.
package struct CertificateDirectories: Sendable {
  private var registries: [String: RegistryCertificates] = [:]
  private var problems: [String: Problem] = [:]
  /// `--cert-dir`: for every registry.
  private var everywhere: RegistryCertificates?

  /// - Parameter roots: the first that has a directory for a registry wins.
  package init(explicit: String?, roots: [String]) throws(Problem) {
    if let explicit {
      everywhere = try RegistryCertificates(directory: explicit, mustExist: true)
      return
    }
    for root in roots {
      for entry in (try? entries(ofPath: root)) ?? [] where registries[entry.name] == nil && problems[entry.name] == nil
      {
        // A broken directory is an error for its own registry, not for every pull.
        do throws(Problem) {
          let found = try RegistryCertificates(directory: "\(root)/\(entry.name)", mustExist: false)
          if !found.isEmpty { registries[entry.name] = found }
        } catch { problems[entry.name] = error }
      }
    }
  }

  /// - Parameter home: the user's configuration directory, such as `~/.config`.
  package static func roots(userConfiguration: String?) -> [String] {
    [userConfiguration.map { "\($0)/containers/certs.d" }, "/etc/containers/certs.d", "/etc/docker/certs.d"].compactMap(
      \.self)
  }

  /// - Parameter registry: `host[:port]`, as the image's name has it.
  package func certificates(for registry: String) throws(Problem) -> RegistryCertificates {
    if let everywhere { return everywhere }
    if let problem = problems[registry] { throw problem }
    return registries[registry] ?? RegistryCertificates()
  }
}
