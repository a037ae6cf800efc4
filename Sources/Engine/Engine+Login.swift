public import Problems
import RegistryProtocol
import Sys

/// How `login` and `logout` reach a registry and where they keep credentials.
public struct LoginOptions: Hashable, Sendable {
  /// nil leaves it to registries.conf.
  public var tlsVerify: Bool?
  public var certDirectory: String?
  public var authFile: String?
  public init() {}
}

extension Engine {
  /// Checks a name and password with a registry, and keeps them.
  ///
  /// - Parameter registry: `host[:port][/namespace]`.
  /// - Returns: the file, or the helper, that keeps them.
  /// - Throws: `.denied` where the registry refuses them, `.unavailable` where it cannot be reached.
  @discardableResult
  public func login(_ registry: String, user: String, password: String, _ options: LoginOptions = LoginOptions())
    throws(Problem) -> String
  {
    let key = try AuthFile.key(forLogin: registry)
    var connecting = RegistryOptions(program: try programs.helper("berth-registry"), environment: currentEnvironment())
    connecting.tlsVerify = options.tlsVerify
    connecting.certificateDirectory = options.certDirectory
    connecting.authFile = options.authFile
    let connection = try RegistryConnection(connecting)
    let host = String(key.prefix { $0 != "/" })
    let id = try connection.send(.login(registry: host, user: user, password: password))
    _ = try connection.finish(id)
    let source = credentialSource(options)
    return try source.store(Credentials(user: user, password: password), for: key)
  }

  /// The name that is logged in to a registry; nil where there is none.
  public func loggedIn(_ registry: String, _ options: LoginOptions = LoginOptions()) throws(Problem) -> String? {
    let key = try AuthFile.key(forLogin: registry)
    let host = String(key.prefix { $0 != "/" })
    return try credentialSource(options).find(registry: host, repository: key)?.user
  }

  /// Forgets the credentials of a registry. - Throws: `.notFound` where there are none.
  public func logout(_ registry: String, _ options: LoginOptions = LoginOptions()) throws(Problem) {
    let key = try AuthFile.key(forLogin: registry)
    let source = credentialSource(options)
    if try source.remove(key) { return }
    if let other = try source.otherFile(with: key) {
      throw Problem(
        code: .notFound, message: "not logged in to \(registry)",
        hint: "\(other) has credentials for it: berth logout --authfile \(other) \(registry)")
    }
    throw Problem(code: .notFound, message: "not logged in to \(registry)", hint: "berth login \(registry)")
  }

  /// Forgets all credentials.
  public func logoutEverywhere(_ options: LoginOptions = LoginOptions()) throws(Problem) {
    try credentialSource(options).removeAll()
  }

  private func credentialSource(_ options: LoginOptions) -> CredentialSource {
    CredentialSource(authFile: options.authFile, environment: currentEnvironment(), mustExist: false)
  }
}
