package import Problems
import Sys

/// Where configuration lies. Source: containers-registries.conf(5), "FILES"; containers/image, sysregistriesv2.
package struct ConfigurationPaths: Sendable {
  /// The main file; nil where there is none.
  package var mainFile: String?
  /// Named by the user: it has to exist.
  package var mainIsExplicit = false
  /// `*.conf` of these come after it, in the order of their names; the user's over the system's.
  package var directories: [String]
  /// Aliases that podman learned by asking.
  package var aliasCaches: [String]

  package init(explicit: String?, environment: (String) -> String?, system: String = "/etc/containers", isRoot: Bool) {
    let home = environment("HOME")
    let user = environment("XDG_CONFIG_HOME") ?? home.map { $0 + "/.config" }
    directories = ["\(system)/registries.conf.d"]
    if let user { directories.append("\(user)/containers/registries.conf.d") }
    if let named = explicit ?? environment("CONTAINERS_REGISTRIES_CONF") ?? environment("REGISTRIES_CONFIG_PATH") {
      mainFile = named
      mainIsExplicit = true
    } else {
      mainFile = [user.map { "\($0)/containers/registries.conf" }, "\(system)/registries.conf"].compactMap(\.self)
        .first(where: exists)
    }
    aliasCaches = isRoot ? ["/var/cache/containers/short-name-aliases.conf"] : []
    if let cache = environment("XDG_CACHE_HOME") ?? home.map({ $0 + "/.cache" }), !isRoot {
      aliasCaches.append("\(cache)/containers/short-name-aliases.conf")
    }
  }
}

extension RegistriesConfiguration {
  /// Reads all files, the later over the earlier.
  package static func load(_ paths: ConfigurationPaths) throws(Problem) -> RegistriesConfiguration {
    var result = RegistriesConfiguration()
    if let file = paths.mainFile {
      guard let text = try text(of: file) else {
        if !paths.mainIsExplicit { return result }
        throw Problem(
          code: .notFound, message: "there is no file \(file)",
          hint: "CONTAINERS_REGISTRIES_CONF or --registries-conf names it")
      }
      result = try RegistriesConfiguration(parsing: text, file: file)
    }
    for directory in paths.directories {
      // A directory that is not there, or that nobody may list, adds nothing.
      let names = ((try? entries(ofPath: directory)) ?? []).map(\.name).filter { $0.hasSuffix(".conf") }.sorted()
      for name in names {
        guard let text = try text(of: "\(directory)/\(name)") else { continue }
        result.merge(try RegistriesConfiguration(parsing: text, file: "\(directory)/\(name)"))
      }
    }
    for file in paths.aliasCaches {
      guard let text = try text(of: file) else { continue }
      result.aliases.merge(try RegistriesConfiguration(parsing: text, file: file).aliases) { $1 }
    }
    return result
  }

  private static func text(of path: String) throws(Problem) -> String? {
    let bytes: [UInt8]
    do throws(Errno) { bytes = try readFile(path, limit: TOML.Limit.fileBytesMax) } catch {
      switch error {
      case .notFound, .notDirectory: return nil
      default: throw Problem(code: Problem.Code(error), message: "read \(path)", cause: error)
      }
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Problem(code: .invalid, message: "\(path) is not UTF-8")
    }
    return text
  }
}
