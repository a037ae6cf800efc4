import Glibc
package import Problems
package import RegistryClient
import Sys

/// Everything that the program reads before it shuts itself in.
package struct Configuration: Sendable {
  package var registries = RegistriesConfiguration()
  package var certificates: CertificateDirectories
  package var proxies = ProxyRules()
  package var tlsVerify: Bool?
  /// The system's CA certificates, PEM; parsed when the first TLS connection needs them.
  package var systemAuthorities: [UInt8] = []

  package enum Limit {
    static let authoritiesBytesMax = 8 << 20
  }

  package init(arguments: [String], environment: @escaping (String) -> String?) throws(Problem) {
    var certificateDirectory: String?
    var registriesFile: String?
    for argument in arguments {
      let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      switch (parts.first, parts.count) {
      case ("--tls-verify"?, 2): tlsVerify = parts[1] != "false"
      case ("--cert-dir"?, 2): certificateDirectory = parts[1]
      case ("--registries-conf"?, 2): registriesFile = parts[1]
      default:
        throw Problem(
          code: .invalid, message: "berth-registry does not know \(argument)",
          hint: "berth starts it; it is of no use alone")
      }
    }
    func variable(_ name: String) -> String? { environment(name).flatMap { $0.isEmpty ? nil : $0 } }
    let paths = ConfigurationPaths(explicit: registriesFile, environment: variable, isRoot: callerUID() == 0)
    registries = try RegistriesConfiguration.load(paths)
    let user = variable("XDG_CONFIG_HOME") ?? variable("HOME").map { $0 + "/.config" }
    certificates = try CertificateDirectories(
      explicit: certificateDirectory, roots: CertificateDirectories.roots(userConfiguration: user))
    proxies = try ProxyRules(environment: variable)
    systemAuthorities = Configuration.readAuthorities(variable)
  }

  /// The first bundle that is there: without one, only registries with a CA of their own can be verified.
  private static func readAuthorities(_ variable: (String) -> String?) -> [UInt8] {
    let usual = [
      "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
      "/etc/ssl/cert.pem",
    ]
    for path in [variable("SSL_CERT_FILE")].compactMap(\.self) + usual {
      if let bytes = try? readFile(path, limit: Limit.authoritiesBytesMax) { return bytes }
    }
    return []
  }
}
