import CSys
import Glibc
import Networking
import Problems
import StateStore
import Sys

extension Engine {
  private enum SlirpLimit {
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
      guard let program = try slirpProgram() else {
        // The container has its loopback, and goes on. Source: capability line PD-164.
        warning?(
          Problem(
            code: .notFound, message: "slirp4netns is not installed: container \(record.name) has no network",
            hint: "install the package slirp4netns, or name the program with --network-cmd-path"))
        return
      }
      try startSlirp(
        record.id, program, try Slirp(options), connections.ports, try networkNamespace(of: record), lifeline)
    }
  }
  /// The one that was chosen, or the one in PATH; nil where none is there. - Throws: where the chosen one is not.
  func slirpProgram() throws(Problem) -> String? {
    guard let chosen = options.networkProgram else { return Self.foundProgram("slirp4netns") }
    guard chosen.hasPrefix("/"), csys_faccessat2(AT_FDCWD, chosen, X_OK, AT_EACCESS) == 0 else {
      throw Problem(
        code: .invalid, message: "--network-cmd-path \"\(chosen)\" is not the absolute path of a program",
        hint: "name slirp4netns, or leave the option out")
    }
    return chosen
  }

  /// - Parameter lifeline: it ends when the last who has its writer, the container's monitor, has ended.
  private func startSlirp(
    _ id: String, _ program: String, _ slirp: Slirp, _ ports: [PublishedPort], _ namespace: borrowing NetworkNamespace,
    _ lifeline: Lifeline
  ) throws(Problem) {
    try waitForPorts(ports)
    let socket = SlirpSocket(directory: paths.bundle(id))
    _ = try Self.run(
      slirp, program, namespace.path, in: socket.directory, hasSocket: !ports.isEmpty, lifeline)
    for port in ports { try socket.add(port, leadingTo: slirp.container, port.containerPort) }
    try? unlink(socket.path)  // not there without ports; else it goes with the bundle
  }

  /// Starts slirp4netns for a namespace. - Returns: its pid, when its interface is there.
  static func run(
    _ slirp: Slirp, _ program: String, _ namespace: String, in directory: String, hasSocket: Bool,
    _ lifeline: Lifeline?
  ) throws(Problem) -> pid_t {
    // The socket's path may be longer than a socket's may be: it is told as a name in the working directory.
    let words = slirp.arguments(
      namespace: namespace, apiSocket: hasSocket ? SlirpSocket.name : nil, hasLifeline: lifeline != nil)
    let errors = try doing("make a file in memory") { () throws(Errno) in
      OwnedFD(adopting: try check(csys_memfd_create("slirp4netns-errors", 0)))
    }
    let started = try doing("run \(program)") { () throws(Errno) in
      let ready = try Pipe.make()
      let place = try open(directory, O_RDONLY | O_DIRECTORY)
      var spawn = Spawn(program, words, environment: [])
      spawn.descriptors = [-1, errors.borrowed, errors.borrowed, ready.writer.borrowed]
      if let lifeline { spawn.descriptors.append(lifeline.reader.borrowed) }
      spawn.workingDirectory = place.borrowed
      spawn.newSession = true
      let child = try spawn.start()
      return (pid: child.pid, isReady: try !readAll(ready.closingWriter(), limit: 16).isEmpty)
    }
    if started.isReady { return started.pid }
    lseek(errors.borrowed, 0, SEEK_SET)
    // Only for the words of an error that is there already.
    let said = String(decoding: (try? readAll(errors, limit: SlirpLimit.errorBytesMax)) ?? [], as: UTF8.self)
    let failed = "slirp4netns could not set up the network"
    if let fault = NeededDevice.tun.fault(failed) { throw fault }
    // It warns of parts that are new, too.
    let reason = said.split(separator: "\n").last { !$0.hasPrefix("WARNING") }
    throw Problem(
      code: .unavailable, message: "\(failed): \(reason ?? "it said nothing")", hint: "--network none needs nothing")
  }

  /// One that has just ended may have them for a moment still, and nobody tells when it has let them go.
  func waitForPorts(_ ports: [PublishedPort]) throws(Problem) {
    for _ in 0..<NetworkLimit.leavingTriesMax {
      if try PortReservation.areFree(ports) { return }
      usleep(NetworkLimit.leavingPauseMicroseconds)
    }
    for port in ports where try !PortReservation.areFree([port]) { throw try inUse(.init(port: port, container: nil)) }
  }

  private static func foundProgram(_ name: String) -> String? { ProgramSearch(more: ["/usr/bin"]).find(name) }
  /// A program that a network mode needs, from PATH.
  /// - Parameter chosen: nil looks for it.
  static func networkProgram(_ name: String, _ chosen: String? = nil, package: String, instead: String)
    throws(Problem) -> String
  {
    if let program = chosen ?? foundProgram(name) { return program }
    throw Problem(
      code: .notFound, message: "\(name) is not installed", hint: "install the package \(package), or choose \(instead)"
    )
  }
}
