import CSys
import Glibc
import JSON
public import Problems
import Sys

/// The files that describe networks of plugins: `*.conflist`, `*.conf` and `*.json` of one directory, in the order of
/// their names. Source: podman's and libcni's rule.
public struct PluginConfigurations: Sendable {
  /// A network and the file that describes it.
  public struct Entry: Hashable, Sendable {
    public let list: PluginList
    public let file: String
    /// Nanoseconds since 1970.
    public let modified: Int64
  }
  public let directory: String
  /// Source: podman, Kubernetes.
  public static let standardDirectory = "/etc/cni/net.d"

  enum Limit {
    static let fileBytesMax = 1 << 20
    static let filesMax = 1024
  }

  public init(directory: String) { self.directory = directory }

  /// What the directory describes; of several files with one name the first counts. A directory that is not there
  /// describes nothing.
  /// - Returns: `faults`: files that describe no network, or one that is described already.
  public func read() throws(Problem) -> (entries: [Entry], faults: [Problem]) {
    let found: [DirectoryEntry]
    do throws(Errno) { found = try Sys.entries(ofPath: directory) } catch {
      if error == .notFound { return ([], []) }
      throw Problem(code: .init(error), message: "read CNI configuration directory \(directory)", cause: error)
    }
    let names = found.map(\.name).filter { name in
      [".conflist", ".conf", ".json"].contains { name.hasSuffix($0) }
    }.sorted()
    if names.isEmpty { return ([], []) }
    try TrustedFile.check(directory, what: "CNI configuration directory")
    guard names.count <= Limit.filesMax else {
      throw Problem(
        code: .invalid,
        message: "CNI configuration directory \(directory) has \(names.count) files: at most \(Limit.filesMax) are read"
      )
    }
    var entries: [Entry] = []
    var faults: [Problem] = []
    var known: [String: String] = [:]
    for name in names {
      do throws(Problem) {
        let entry = try Self.entry("\(directory)/\(name)")
        if let other = known[entry.list.name] {
          throw Problem(
            code: .conflict,
            message: "CNI configuration \(entry.file): network \(entry.list.name) is described in \(other)",
            hint: "give one of the two another name, or remove it")
        }
        known[entry.list.name] = entry.file
        entries.append(entry)
      } catch { faults.append(error) }
    }
    return (entries, faults)
  }

  /// One file. - Throws: `.notFound`; `.denied` where others than root can change it; `.invalid`.
  public static func entry(_ file: String) throws(Problem) -> Entry {
    let (found, bytes) = try doing("read CNI configuration \(file)") { () throws(Errno) -> (stat, [UInt8]) in
      // Not waiting: a pipe of that name would never answer.
      let fd = try open(file, O_RDONLY | O_NONBLOCK)
      let found = try status(fd)
      guard found.isRegular else { throw .invalid }
      return (found, try readAll(fd, limit: Limit.fileBytesMax))
    }
    try TrustedFile.check(found, file, what: "CNI configuration")
    let json: JSON
    do throws(JSON.ParseError) { json = try JSON.parse(bytes) } catch {
      throw Problem(
        code: .invalid, message: "CNI configuration \(file)", hint: "correct the file, or remove it", cause: error)
    }
    let time = found.st_mtim
    return Entry(
      list: try PluginList(json, file: file), file: file,
      modified: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }
}
