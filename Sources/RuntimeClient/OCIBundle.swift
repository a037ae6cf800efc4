import JSON
public import Problems
import RuntimeSpec
import Sys

/// A directory with a `config.json` and a root filesystem. Source: runtime-spec 1.2, bundle.md.
public struct OCIBundle: Hashable, Sendable {
  /// Absolute.
  public let path: String
  /// The root filesystem, absolute.
  public let rootfsPath: String
  /// The container's command; empty where the bundle has no process and can be created, not started.
  public let arguments: [String]
  /// Whether the process wants a terminal.
  public let hasTerminal: Bool
  public let annotations: [String: String]

  /// Reads and checks `config.json`.
  /// - Parameter path: absolute.
  /// - Throws: `.notFound` where there is none, `.invalid` where it is no configuration.
  public init(path: String) throws(Problem) {
    guard path.hasPrefix("/") else {
      throw Problem(code: .invalid, message: "bundle \"\(path)\" is not an absolute path")
    }
    let file = path + "/config.json"
    let bytes = try doing("read \(file)") { () throws(Errno) in try readFile(file, limit: Limit.configBytesMax) }
    let spec: Spec
    do { spec = try Spec(json: try JSON.parse(bytes)) } catch {
      throw Problem(code: .invalid, message: "read \(file)", cause: error)
    }
    guard let root = spec.root?.path, !root.isEmpty else {
      throw Problem(code: .invalid, message: "\(file) has no root.path")
    }
    self.path = path
    rootfsPath = root.hasPrefix("/") ? root : path + "/" + root
    arguments = spec.process?.args ?? []
    hasTerminal = spec.process?.terminal ?? false
    annotations = spec.annotations ?? [:]
  }

  private enum Limit {
    /// Bytes; the largest that engines write have some 100,000.
    static let configBytesMax = 16 << 20
  }
}
