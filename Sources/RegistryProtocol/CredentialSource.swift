import Glibc
package import Problems
import Sys

/// Where credentials are looked for and kept: the files, in their order.
///
/// Source: containers-auth.json(5), and containers/image `pkg/docker/config`.
package struct CredentialSource {
  /// Files to read, first match wins.
  package let readPaths: [String]
  /// The file that `login` changes.
  package let writePath: String
  private let fixed: Credentials?
  /// Told to whoever looks for credentials: a login goes without.
  private var missing: Problem?
  private let environment: [String]

  package init(_ options: RegistryOptions, mustExist: Bool = true) {
    self.init(
      authFile: options.authFile, credentials: options.credentials, environment: options.environment,
      mustExist: mustExist)
  }

  /// - Parameters:
  ///   - authFile: `--authfile`; else `REGISTRY_AUTH_FILE`; either is then the only file.
  ///   - mustExist: `find` fails with `.notFound` where an explicit file is not there; `login` creates it instead.
  package init(
    authFile: String?, credentials: Credentials? = nil, environment: [String], mustExist: Bool,
    userID: UInt32 = callerUID()
  ) {
    func variable(_ name: String) -> String? {
      guard let entry = environment.first(where: { $0.hasPrefix(name + "=") }) else { return nil }
      let value = entry.dropFirst(name.count + 1)
      return value.isEmpty ? nil : String(value)
    }
    self.environment = environment
    fixed = credentials
    if let explicit = authFile ?? variable("REGISTRY_AUTH_FILE") {
      if mustExist, !exists(explicit) {
        missing = Problem(
          code: .notFound, message: "there is no auth file \(explicit)",
          hint: "berth login --authfile \(explicit) REGISTRY")
      }
      writePath = explicit
      readPaths = [explicit]
      return
    }
    let runtime = variable("XDG_RUNTIME_DIR").map { $0 + "/containers" } ?? "/run/containers/\(userID)"
    writePath = runtime + "/auth.json"
    var paths = [writePath]
    let home = variable("HOME")
    if let configuration = variable("XDG_CONFIG_HOME") ?? home.map({ $0 + "/.config" }) {
      paths.append(configuration + "/containers/auth.json")
    }
    if let docker = variable("DOCKER_CONFIG") ?? home.map({ $0 + "/.docker" }) { paths.append(docker + "/config.json") }
    readPaths = paths
  }

  /// Credentials for a repository of a registry, or nil: then it is asked without.
  package func find(registry: String, repository: String) throws(Problem) -> Credentials? {
    if let fixed { return fixed }
    if let missing { throw missing }
    for path in readPaths {
      guard let entry = try AuthFile.read(path)?.entry(registry: registry, repository: repository) else { continue }
      switch entry {
      case .credentials(let found): return found
      case .helper(let name, let key):
        if let found = try CredentialHelper(name: name, environment: environment).get(key) { return found }
      }
    }
    return nil
  }

  /// Keeps credentials that the registry accepted. - Parameter key: as `AuthFile.key(forLogin:)` gives it.
  /// - Returns: the file, or the helper's name, for the message to the user.
  @discardableResult
  package func store(_ credentials: Credentials, for key: String) throws(Problem) -> String {
    var kept = writePath
    try edit { (file) throws(Problem) in
      if !key.contains("/"), let helper = file.helper(for: key) {
        try CredentialHelper(name: helper, environment: environment).store(credentials, for: key)
        file.mark(key)
        kept = "credential helper \(helper)"
      } else {
        file.set(credentials, for: key)
      }
      return true
    }
    return kept
  }

  /// Forgets credentials. - Returns: false where the file had none.
  package func remove(_ key: String) throws(Problem) -> Bool {
    guard exists(writePath) else { return false }
    var removed = false
    try edit { (file) throws(Problem) in
      if !key.contains("/"), let helper = file.helper(for: key) {
        removed = try CredentialHelper(name: helper, environment: environment).erase(key)
      }
      removed = file.remove(key) || removed
      return removed
    }
    return removed
  }

  /// Forgets everything in the file that `login` writes.
  package func removeAll() throws(Problem) {
    guard exists(writePath) else { return }
    try edit { (file) throws(Problem) in
      for key in file.keys {
        if !key.contains("/"), let helper = file.helper(for: key) {
          _ = try CredentialHelper(name: helper, environment: environment).erase(key)
        }
        _ = file.remove(key)
      }
      return true
    }
  }

  /// Another file than the one `logout` changes that still answers for the key: the user wants to know.
  package func otherFile(with key: String) throws(Problem) -> String? {
    let registry = String(key.prefix { $0 != "/" })
    for path in readPaths where path != writePath {
      if try AuthFile.read(path)?.entry(registry: registry, repository: key) != nil { return path }
    }
    return nil
  }

  /// Reads, changes and replaces the file while its directory is locked: two logins at once keep both entries.
  private func edit(_ change: (inout AuthFile) throws(Problem) -> Bool) throws(Problem) {
    let directory = parentPath(of: writePath)
    let lock = try doing("change \(writePath)") { () throws(Errno) in
      try makeDirectories(directory, mode: 0o700)
      return try DirectoryLock(directory)
    }
    var file = try AuthFile.read(writePath) ?? AuthFile(path: writePath)
    guard try change(&file) else { return }
    let bytes = file.bytes
    try doing("write \(writePath)") { () throws(Errno) in
      // A link (dotfiles kept elsewhere) stays a link: its target is replaced.
      let target = Self.resolvingLinks(writePath)
      try replaceFile(target, with: bytes, mode: 0o600, durable: true)
    }
    lock.release()
  }

  private static func resolvingLinks(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}
