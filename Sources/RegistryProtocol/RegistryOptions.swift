/// How one command talks to registries: its flags and its environment.
package struct RegistryOptions: Sendable {
  /// Absolute path of `berth-registry`.
  package var program: String
  /// `--tls-verify`: nil leaves it to registries.conf.
  package var tlsVerify: Bool?
  /// `--cert-dir`: CA, certificate and key for every registry of this command.
  package var certificateDirectory: String?
  /// `--registries-conf`; it must exist.
  package var registriesConfiguration: String?
  /// `--authfile`.
  package var authFile: String?
  /// `--creds`: used for every registry that asks.
  package var credentials: Credentials?
  package var environment: [String]

  package init(program: String, environment: [String]) {
    self.program = program
    self.environment = environment
  }

  /// The program's arguments: everything that it has to know before it shuts itself in; no secrets.
  package var arguments: [String] {
    var result: [String] = []
    if let tlsVerify { result.append("--tls-verify=\(tlsVerify)") }
    if let certificateDirectory { result.append("--cert-dir=\(certificateDirectory)") }
    if let registriesConfiguration { result.append("--registries-conf=\(registriesConfiguration)") }
    return result
  }
}
