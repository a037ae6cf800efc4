import Networking
import Sys

/// Finds the program that has a port of the host, for the words of an error: processes that end meanwhile, and what may
/// not be read, are passed over. Source: proc(5), "/proc/net/tcp".
enum PortHolder {
  private enum Limit {
    /// Bytes of one table of sockets.
    static let tableBytesMax = 16 << 20
  }

  /// "nginx (process 812)"; nil where none is found: it may be another user's, or hold the socket in a message.
  static func find(_ port: PublishedPort) -> String? {
    let inodes = ["", "6"].flatMap { sockets(of: "/proc/net/\(port.transport.rawValue)\($0)", on: port.hostPort) }
    if inodes.isEmpty { return nil }
    let wanted = Set(inodes.map { "socket:[\($0)]" })
    for process in (try? entries(ofPath: "/proc")) ?? [] where Int32(process.name) != nil {
      let directory = "/proc/\(process.name)/fd"
      guard let files = try? entries(ofPath: directory) else { continue }
      guard files.contains(where: { file in (try? readLink("\(directory)/\(file.name)")).map(wanted.contains) == true })
      else { continue }
      let name = (try? readText("/proc/\(process.name)/comm", limit: 64)) ?? ""
      return "\(name.split(separator: "\n").first ?? "?") (process \(process.name))"
    }
    return nil
  }

  /// Inodes of the sockets that are bound to a port and wait there.
  private static func sockets(of table: String, on port: UInt16) -> [Substring] {
    let lines = ((try? readText(table, limit: Limit.tableBytesMax)) ?? "").split(separator: "\n").dropFirst()
    return lines.compactMap { line in
      let fields = line.split(separator: " ")
      guard fields.count > 9, let local = fields[1].split(separator: ":").last, UInt16(local, radix: 16) == port,
        fields[2].hasSuffix(":0000")
      else { return nil }
      return fields[9]
    }
  }
}
