import Glibc
import Networking
import Problems
import StateStore
import Sys

extension ContainerConfig {
  /// `--publish`, and with `--publish-all` what is exposed besides.
  func portsToPublish() throws(Problem) -> [PortMapping] {
    var result = options.published
    guard options.publishesAll else { return result }
    for port in try allExposed() where !result.contains(where: { $0.covers(port) }) { result.append(port) }
    return result
  }
  /// Single ports, the image's and the user's.
  func allExposed() throws(Problem) -> [PortMapping] {
    var result: [PortMapping] = []
    var seen: Set<PortMapping> = []
    var all = options.exposed
    for text in exposedPorts { all.append(try PortMapping(exposed: text)) }
    for mapping in all {
      for offset in 0..<mapping.count {
        let single = PortMapping(containerPort: mapping.containerPort + offset, transport: mapping.transport)
        if seen.insert(single).inserted { result.append(single) }
      }
    }
    return result
  }
}

extension PortMapping {
  fileprivate func covers(_ port: PortMapping) -> Bool {
    transport == port.transport && port.containerPort >= containerPort
      && Int(port.containerPort) < Int(containerPort) + Int(count)
  }
}

extension Engine {
  /// Takes ports of the host for a container: in the database against other containers, by sockets against others.
  /// Those that are said come first, then those with a choice, so that a choice never takes what was said.
  func take(
    _ mappings: [PortMapping], to targets: [IPAddress], owner: String, _ reservation: PortReservation?
  ) throws(Problem) -> [PublishedPort] {
    for mapping in mappings where !targets.isEmpty && mapping.published(to: targets).isEmpty {
      let family = mapping.hostAddress?.family == .v6 ? "IPv6" : "IPv4"
      throw Problem(
        code: .invalid,
        message: "port \(mapping.containerPort) cannot be published: the container has no \(family) address",
        hint: "join a network with such addresses, or publish it on an address of the other family")
    }
    var taken: [PublishedPort] = []
    for mapping in mappings where mapping.hostPort != 0 && mapping.choices == 1 {
      let ports = mapping.published(to: targets)
      var conflict = try take(ports, owner: owner, reservation)
      for _ in 0..<NetworkLimit.leavingTriesMax {
        guard let found = conflict, found.container == nil, PortHolder.find(found.port) == nil else { break }
        // No program has it and no container either: the monitor of one that was just removed is about to end, and
        // nobody tells when.
        usleep(NetworkLimit.leavingPauseMicroseconds)
        conflict = try reservation?.take(ports).map { PortConflict(port: $0, container: nil) }
      }
      if let conflict { throw try inUse(conflict) }
      taken += ports
    }
    for mapping in mappings where mapping.hostPort != 0 && mapping.choices > 1 {
      taken += try takeFirst(mapping, to: targets, besides: taken, owner: owner, reservation)
    }
    for mapping in mappings where mapping.hostPort == 0 {
      taken += try takeAny(mapping, to: targets, besides: taken, owner: owner, reservation)
    }
    return taken
  }

  struct PortConflict {
    let port: PublishedPort
    /// nil is a program of the host.
    let container: String?
  }
  func inUse(_ conflict: PortConflict) throws(Problem) -> Problem {
    let name = conflict.port.spoken
    if let id = conflict.container {
      return Problem(
        code: .conflict, message: "port \(name) is already allocated: container \(try describe(id)) publishes it",
        hint: "choose another port, or stop that container")
    }
    let holder = PortHolder.find(conflict.port).map { "program \($0)" } ?? "another program"
    return Problem(
      code: .conflict, message: "port \(name): address already in use by \(holder) of the host",
      hint: "choose another port, or stop that program")
  }

  /// Takes all of these ports, or none of those that can be told apart. - Returns: what stands in the way.
  private func take(_ ports: [PublishedPort], owner: String, _ reservation: PortReservation?) throws(Problem)
    -> PortConflict?
  {
    for port in ports { if let holder = try take(port, owner: owner) { return .init(port: port, container: holder) } }
    return try reservation?.take(ports).map { PortConflict(port: $0, container: nil) }
  }
  /// - Returns: the container that has it; nil when it is taken.
  private func take(_ port: PublishedPort, owner: String) throws(Problem) -> String? {
    let store = try store()
    while true {
      let holder = try store.transaction(durable: false) { () throws(Problem) -> String? in
        if let rival = try rival(of: port) { return rival }
        return try store.networks.take(PortRecord(port), owner: owner)
      }
      guard let holder else { return nil }
      if try !releaseIfStale(holder) { return holder }
    }
  }

  /// As `take`, for one of several choices: what was taken in vain is given back, and a forwarder's ports are tried.
  private func tryTaking(
    _ ports: [PublishedPort], besides own: [PublishedPort], owner: String, _ reservation: PortReservation?
  ) throws(Problem) -> PortConflict? {
    if let mine = ports.first(where: { port in own.contains { $0.meets(port) } }) {
      return PortConflict(port: mine, container: owner)
    }
    var conflict = try take(ports, owner: owner, reservation)
    if conflict == nil, reservation == nil, let first = ports.first, try !PortReservation.areFree(ports) {
      conflict = PortConflict(port: first, container: nil)
    }
    if conflict != nil {
      let store = try store()
      try store.transaction(durable: false) { () throws(Problem) in
        for port in ports { try store.networks.giveBack(PortRecord(port), owner: owner) }
      }
    }
    return conflict
  }

  /// `-p 8080-8090:80`: the first of these ports that is free. Source: docker-run(1).
  private func takeFirst(
    _ mapping: PortMapping, to targets: [IPAddress], besides own: [PublishedPort], owner: String,
    _ reservation: PortReservation?
  ) throws(Problem) -> [PublishedPort] {
    var last: PortConflict?
    for offset in 0..<mapping.choices {
      var numbered = mapping
      numbered.hostPort += offset
      let ports = numbered.published(to: targets)
      last = try tryTaking(ports, besides: own, owner: owner, reservation)
      if last == nil { return ports }
    }
    let reason = try last.map { (conflict) throws(Problem) in try inUse(conflict) }
    throw Problem(
      code: .conflict,
      message: "no port from \(mapping.hostPort) to \(mapping.hostPort + mapping.choices - 1) of the host is free",
      hint: "choose another range", cause: reason)
  }

  /// Any ports of the host, in one run where the container's are.
  private func takeAny(
    _ mapping: PortMapping, to targets: [IPAddress], besides own: [PublishedPort], owner: String,
    _ reservation: PortReservation?
  ) throws(Problem) -> [PublishedPort] {
    var numbered = mapping
    for _ in 0..<NetworkLimit.portTriesMax {
      let room = NetworkLimit.anyPort.upperBound - mapping.count + 1
      guard room >= NetworkLimit.anyPort.lowerBound else { break }
      numbered.hostPort = UInt16.random(in: NetworkLimit.anyPort.lowerBound...room)
      let ports = numbered.published(to: targets)
      if try tryTaking(ports, besides: own, owner: owner, reservation) == nil { return ports }
    }
    throw Problem(
      code: .unavailable, message: "no free port of the host was found for container port \(mapping.containerPort)")
  }

  /// Published ports of a container, for `port`, `ps` and `inspect`.
  func publishedPorts(_ id: String) throws(Problem) -> [PublishedPort] {
    try store().networks.ports(of: id).compactMap(PublishedPort.init)
  }
}

extension PublishedPort {
  /// "127.0.0.1:8080/tcp".
  fileprivate var spoken: String {
    let address = hostAddress.map { $0.family == .v6 ? "[\($0)]:" : "\($0):" } ?? ""
    return "\(address)\(hostPort)/\(transport.rawValue)"
  }
  /// Whether one packet could belong to both.
  fileprivate func meets(_ other: PublishedPort) -> Bool {
    guard transport == other.transport && hostPort == other.hostPort else { return false }
    guard container.family == other.container.family else { return false }
    return specificHost == nil || other.specificHost == nil || specificHost == other.specificHost
  }
}

extension PortRecord {
  init(_ port: PublishedPort) {
    self.init(
      transport: port.transport.rawValue, hostPort: port.hostPort,
      host: port.hostAddress.map { $0.isUnspecified ? "" : $0.description } ?? "",
      container: port.container.description, containerPort: port.containerPort)
  }
}
extension PublishedPort {
  init?(_ record: PortRecord) {
    guard let container = IPAddress(record.container), let transport = Transport(rawValue: record.transport) else {
      return nil
    }
    self.init(
      hostAddress: IPAddress(record.host), hostPort: record.hostPort, container: container,
      containerPort: record.containerPort, transport: transport)
  }
}
