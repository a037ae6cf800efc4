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
  func take(
    _ mappings: [PortMapping], to targets: [IPAddress], owner: String, _ reservation: PortReservation?
  ) throws(Problem) -> [PublishedPort] {
    var taken: [PublishedPort] = []
    for mapping in mappings {
      let ports: [PublishedPort]
      if mapping.hostPort != 0 {
        ports = mapping.published(to: targets)
        for port in ports {
          if let conflict = try take(port, owner: owner, reservation) { throw try Self.inUse(port, conflict, self) }
        }
      } else {
        ports = try takeAny(mapping, to: targets, owner: owner, reservation)
      }
      taken += ports
    }
    return taken
  }

  private enum Holder {
    case container(String)
    case otherProgram
  }
  private static func inUse(_ port: PublishedPort, _ holder: Holder, _ engine: Engine) throws(Problem) -> Problem {
    let name = "\(port.hostAddress.map { "\($0):" } ?? "")\(port.hostPort)/\(port.transport.rawValue)"
    switch holder {
    case .container(let id):
      return Problem(
        code: .conflict,
        message: "port \(name) is already allocated: container \(try engine.describe(id)) publishes it",
        hint: "choose another port, or stop that container")
    case .otherProgram:
      return Problem(
        code: .conflict, message: "port \(name): address already in use by another program of the host",
        hint: "choose another port; who has it is shown by: ss -lnp")
    }
  }

  /// - Returns: who has it; nil when it is taken.
  private func take(_ port: PublishedPort, owner: String, _ reservation: PortReservation?) throws(Problem)
    -> Holder?
  {
    let store = try store()
    let record = PortRecord(port)
    for _ in 0..<2 {
      let holder = try store.transaction(durable: false) { () throws(Problem) in
        try store.networks.take(record, owner: owner)
      }
      guard let holder else {
        guard let reservation else { return nil }
        return try reservation.take(port) ? nil : .otherProgram
      }
      if try !releaseIfStale(holder) { return .container(holder) }
    }
    return .otherProgram
  }

  /// Any ports of the host, in one run where the container's are.
  private func takeAny(
    _ mapping: PortMapping, to targets: [IPAddress], owner: String, _ reservation: PortReservation?
  ) throws(Problem) -> [PublishedPort] {
    let store = try store()
    var numbered = mapping
    for _ in 0..<NetworkLimit.portTriesMax {
      let room = NetworkLimit.anyPort.upperBound - mapping.count + 1
      guard room >= NetworkLimit.anyPort.lowerBound else { break }
      numbered.hostPort = UInt16.random(in: NetworkLimit.anyPort.lowerBound...room)
      let ports = numbered.published(to: targets)
      var isFree = true
      for port in ports where isFree { isFree = try take(port, owner: owner, reservation) == nil }
      if isFree { return ports }
      try store.transaction(durable: false) { () throws(Problem) in
        for port in ports { try store.networks.giveBack(PortRecord(port), owner: owner) }
      }
    }
    throw Problem(
      code: .unavailable, message: "no free port of the host was found for container port \(mapping.containerPort)")
  }

  /// Published ports of a container, for `port`, `ps` and `inspect`.
  func publishedPorts(_ id: String) throws(Problem) -> [PublishedPort] {
    try store().networks.ports(of: id).compactMap(PublishedPort.init)
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
