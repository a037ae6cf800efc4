import CSys
import Glibc
import JSON
import Networking
import Problems
import Sys

/// How ports of the host come and go while slirp4netns runs. Source: slirp4netns(1), "API SOCKET".
struct SlirpSocket {
  let directory: String
  var path: String { "\(directory)/\(Self.name)" }
  static let name = "slirp.sock"

  private enum Limit {
    static let answerBytesMax = 1 << 20
  }

  /// Only an answer counts: the socket of a process that is being killed accepts connections for a moment still.
  var isServed: Bool { (try? forwards()) != nil }

  /// A port of the host that leads into the namespace.
  struct Forward: Hashable {
    var number: Int
    var transport: String
    var hostAddress: String
    var hostPort: UInt16

    /// Whether it is what `add` made of this port.
    func isOf(_ port: PublishedPort) -> Bool {
      hostPort == port.hostPort && transport == port.transport.rawValue && hostAddress == SlirpSocket.address(of: port)
    }
  }
  private static func address(of port: PublishedPort) -> String { port.hostAddress?.description ?? "0.0.0.0" }

  func forwards() throws(Problem) -> [Forward] {
    let answer = try ask(["execute": "list_hostfwd"], "ask slirp4netns for the forwarded ports")
    return (answer["entries"]?.array ?? []).compactMap { entry in
      guard let number: Int = entry["id"]?.integer(), let port: UInt16 = entry["host_port"]?.integer() else {
        return nil
      }
      return Forward(
        number: number, transport: entry["proto"]?.string ?? "", hostAddress: entry["host_addr"]?.string ?? "",
        hostPort: port)
    }
  }

  /// - Parameters:
  ///   - target: an address that the namespace has on slirp4netns's interface.
  ///   - number: the port there.
  func add(_ port: PublishedPort, leadingTo target: IPAddress, _ number: UInt16) throws(Problem) {
    let request: JSON = [
      "execute": "add_hostfwd",
      "arguments": [
        "proto": .string(port.transport.rawValue), "host_addr": .string(Self.address(of: port)),
        "host_port": JSON(port.hostPort), "guest_addr": .string(target.description), "guest_port": JSON(number),
      ],
    ]
    _ = try ask(request, "slirp4netns cannot forward port \(port.hostPort)/\(port.transport.rawValue)")
  }

  func remove(_ forward: Forward) throws(Problem) {
    _ = try ask(
      ["execute": "remove_hostfwd", "arguments": ["id": JSON(forward.number)]],
      "slirp4netns cannot withdraw port \(forward.hostPort)/\(forward.transport)")
  }

  private func ask(_ request: JSON, _ what: String) throws(Problem) -> JSON {
    let bytes = try doing(what) { () throws(Errno) in
      let connection = try connectUnix(path, type: CInt(SOCK_STREAM.rawValue))
      try writeAll(connection, request.text())
      try check(csys_shutdown(connection.borrowed, CInt(SHUT_WR)))
      return try readAll(connection, limit: Limit.answerBytesMax)
    }
    guard let answer = try? JSON.parse(String(decoding: bytes, as: UTF8.self)) else {
      throw Problem(code: .unavailable, message: "\(what): no answer")
    }
    if let error = answer["error"] {
      throw Problem(code: .unavailable, message: "\(what): \(error["desc"]?.string ?? "it does not say why")")
    }
    return answer
  }
}
