import CSys
import Glibc
import JSON
import Networking
import Problems
import StateStore
import Sys

extension Engine {
  private enum SlirpLimit {
    static let answerBytesMax = 4096
    static let errorBytesMax = 64 << 10
  }

  /// Starts what is the network of a container that was created, and waits until it is there.
  func startForwarder(_ record: ContainerRecord, _ config: ContainerConfig, _ connections: Connections)
    throws(Problem)
  {
    if case .pasta(let options) = config.options.network {
      try startPasta(record, options: options, connections.ports)
    }
    if case .slirp(let options) = config.options.network, let lifeline = connections.lifeline {
      try startSlirp(
        record.id, try Slirp(options), connections.ports, try networkNamespace(of: record), lifeline)
    }
  }

  /// - Parameter lifeline: it ends when the last who has its writer, the container's monitor, has ended.
  private func startSlirp(
    _ id: String, _ slirp: Slirp, _ ports: [PublishedPort], _ namespace: borrowing NetworkNamespace,
    _ lifeline: Lifeline
  ) throws(Problem) {
    let bundle = paths.bundle(id)
    try waitForPorts(ports)
    let name = "slirp.sock"
    let program = try Self.networkProgram(
      "slirp4netns", package: "slirp4netns", instead: "--network bridge, pasta, none or host")
    let words = slirp.arguments(namespace: namespace.path, apiSocket: ports.isEmpty ? nil : name)
    let errors = try doing("make a file in memory") { () throws(Errno) in
      OwnedFD(adopting: try check(csys_memfd_create("slirp4netns-errors", 0)))
    }
    let isReady = try doing("run \(program)") { () throws(Errno) in
      let ready = try Pipe.make()
      let directory = try open(bundle, O_RDONLY | O_DIRECTORY)
      var spawn = Spawn(program, words, environment: [])
      spawn.descriptors = [-1, errors.borrowed, errors.borrowed, ready.writer.borrowed, lifeline.reader.borrowed]
      spawn.workingDirectory = directory.borrowed  // the socket's path may be longer than a socket's may be
      spawn.newSession = true
      _ = try spawn.start()
      return try !readAll(ready.closingWriter(), limit: 16).isEmpty
    }
    guard isReady else {
      lseek(errors.borrowed, 0, SEEK_SET)
      // Only for the words of an error that is there already.
      let said = String(decoding: (try? readAll(errors, limit: SlirpLimit.errorBytesMax)) ?? [], as: UTF8.self)
      throw Problem(
        code: .unavailable,
        message: "slirp4netns could not set up the network: \(said.split(separator: "\n").last ?? "it said nothing")",
        hint: "is /dev/net/tun there and writable (chmod 666 /dev/net/tun)? --network none needs nothing")
    }
    for port in ports { try forward(port, to: slirp.container, api: "\(bundle)/\(name)") }
    try? unlink("\(bundle)/\(name)")  // not there without ports; else it goes with the bundle
  }

  /// One that has just ended may have them for a moment still, and nobody tells when it has let them go.
  private func waitForPorts(_ ports: [PublishedPort]) throws(Problem) {
    for _ in 0..<NetworkLimit.leavingTriesMax {
      if try PortReservation.areFree(ports) { return }
      usleep(NetworkLimit.leavingPauseMicroseconds)
    }
    for port in ports where try !PortReservation.areFree([port]) { throw try inUse(.init(port: port, container: nil)) }
  }

  /// Source: slirp4netns(1), "API SOCKET".
  private func forward(_ port: PublishedPort, to container: IPAddress, api path: String) throws(Problem) {
    let request: JSON = [
      "execute": "add_hostfwd",
      "arguments": [
        "proto": .string(port.transport.rawValue), "host_addr": .string(port.hostAddress?.description ?? "0.0.0.0"),
        "host_port": JSON(port.hostPort), "guest_addr": .string(container.description),
        "guest_port": JSON(port.containerPort),
      ],
    ]
    let answer = try doing("ask slirp4netns for port \(port.hostPort)") { () throws(Errno) in
      let socket = try connectUnix(path, type: CInt(SOCK_STREAM.rawValue))
      try writeAll(socket, request.text())
      try check(csys_shutdown(socket.borrowed, CInt(SHUT_WR)))
      return try readAll(socket, limit: SlirpLimit.answerBytesMax)
    }
    let document = try? JSON.parse(String(decoding: answer, as: UTF8.self))  // what is no JSON is no answer
    if document?["return"] != nil { return }
    let reason = document?["error"]?["desc"]?.string ?? "no answer"
    throw Problem(
      code: .unavailable,
      message: "slirp4netns cannot forward port \(port.hostPort)/\(port.transport.rawValue): \(reason)")
  }

  /// A program that a network mode needs, from PATH.
  static func networkProgram(_ name: String, package: String, instead: String) throws(Problem) -> String {
    if let program = ProgramSearch(more: ["/usr/bin"]).find(name) { return program }
    throw Problem(
      code: .notFound, message: "\(name) is not installed", hint: "install the package \(package), or choose \(instead)"
    )
  }
}
