public import JSON
public import Networking
public import Problems
import StateStore

extension Engine {
  func portsByContainer() throws(Problem) -> [String: [PublishedPort]] {
    let pairs = try store().networks.allPorts().compactMap { entry in
      PublishedPort(entry.port).map { (entry.owner, [$0]) }
    }
    return Dictionary(pairs, uniquingKeysWith: +)
  }

  /// The published ports of a container, the host's side and the container's. - Throws: `.notFound`.
  public func ports(of name: String) throws(Problem) -> [PublishedPort] {
    let record = try observed(try store().containers.lookup(name))
    guard record.status.state.isAlive else { return [] }
    try healRules(of: record)
    return try publishedPorts(record.id)
  }

  /// The networks of a container, with what it has there while it runs.
  private func connections(of id: String) throws(Problem) -> [(
    network: NetworkConfiguration, request: NetworkRequest, attachment: Attachment?
  )] {
    var result: [(network: NetworkConfiguration, request: NetworkRequest, attachment: Attachment?)] = []
    for (membership, network) in try store().networks.memberships(of: id) {
      let attachment = Attachment(status: membership.status)
      let configuration = try NetworkConfiguration(network)
      result.append(
        (
          attachment.map { configuration.told(by: $0) } ?? configuration,
          NetworkRequest(network.name, json: membership.request), attachment
        ))
    }
    return result
  }

  /// Source: podman inspect 4.3, "NetworkSettings"; capability line PD-145.
  func networkSettings(_ record: ContainerRecord, _ config: ContainerConfig) throws(Problem) -> JSON {
    let isAlive = record.status.state.isAlive
    let connections = try connections(of: record.id)
    var document = JSON.Object()
    let first = connections.first
    for (name, value) in endpoint(first?.network, isAlive ? first?.attachment : nil) { document[name] = value }
    document["Bridge"] = ""
    document["SandboxID"] = ""
    document["HairpinMode"] = false
    document["LinkLocalIPv6Address"] = ""
    document["LinkLocalIPv6PrefixLen"] = 0
    document["Ports"] = try portDocument(record, config)
    document["SandboxKey"] = .string(isAlive && config.options.network.isOwn ? "/proc/\(record.status.pid)/ns/net" : "")
    var networks = JSON.Object()
    for connection in connections {
      var entry = JSON.Object(endpoint(connection.network, isAlive ? connection.attachment : nil))
      entry["NetworkID"] = .string(connection.network.id)
      entry["DriverOpts"] = .null
      entry["IPAMConfig"] = .null
      entry["Links"] = .null
      entry["Aliases"] = JSON(connection.request.aliases + [String(record.id.prefix(12))])
      networks[connection.network.name] = .object(entry)
    }
    document["Networks"] = .object(networks)
    return .object(document)
  }

  private func endpoint(_ network: NetworkConfiguration?, _ attachment: Attachment?) -> [(String, JSON)] {
    func address(_ family: IPAddress.Family) -> Attachment.Address? {
      attachment?.addresses.first { $0.address.family == family }
    }
    func gateway(_ family: IPAddress.Family) -> String {
      guard let own = address(family), network?.isInternal == false else { return "" }
      return network?.subnets.first { $0.subnet == own.subnet }?.gateway?.description ?? ""
    }
    return [
      ("EndpointID", ""), ("Gateway", .string(gateway(.v4))),
      ("IPAddress", .string(address(.v4)?.address.description ?? "")),
      ("IPPrefixLen", JSON(address(.v4)?.subnet.prefix ?? 0)), ("IPv6Gateway", .string(gateway(.v6))),
      ("GlobalIPv6Address", .string(address(.v6)?.address.description ?? "")),
      ("GlobalIPv6PrefixLen", JSON(address(.v6)?.subnet.prefix ?? 0)),
      ("MacAddress", .string(attachment?.mac.description ?? "")),
    ]
  }

  /// Container port to where it is published; what is only exposed has null.
  private func portDocument(_ record: ContainerRecord, _ config: ContainerConfig) throws(Problem) -> JSON {
    var document = JSON.Object()
    for port in try config.allExposed() { document["\(port.containerPort)/\(port.transport.rawValue)"] = .null }
    if record.status.state.isAlive {
      for (name, ports) in try publishedPorts(record.id).byContainerPort {
        document[name] = .array(ports.map { Self.binding($0.shownHost, $0.hostPort) })
      }
    } else {
      for member in portBindings(config).object?.members ?? [] { document[member.name] = member.value }
    }
    return .object(document)
  }
  private static func binding(_ host: IPAddress?, _ port: UInt16, choices: UInt16 = 1) -> JSON {
    let text = port == 0 ? "" : choices == 1 ? "\(port)" : "\(port)-\(port + choices - 1)"
    return ["HostIp": .string(host?.description ?? ""), "HostPort": .string(text)]
  }
  /// What was asked for. Source: podman inspect 4.3, "HostConfig.PortBindings".
  func portBindings(_ config: ContainerConfig) -> JSON {
    var document = JSON.Object()
    for mapping in config.options.published {
      for offset in 0..<mapping.count {
        let name = "\(mapping.containerPort + offset)/\(mapping.transport.rawValue)"
        let port = mapping.hostPort == 0 ? 0 : mapping.hostPort + offset
        let binding = Self.binding(mapping.hostAddress, port, choices: mapping.choices)
        document[name] = .array((document[name]?.array ?? []) + [binding])
      }
    }
    return .object(document)
  }

  /// The image's, the user's and the published ones. Source: podman inspect 5, "Config.ExposedPorts", as Docker's.
  func exposedPorts(_ config: ContainerConfig) throws(Problem) -> JSON {
    var document = JSON.Object()
    for port in try config.allExposed() { document["\(port.containerPort)/\(port.transport.rawValue)"] = [:] }
    for member in portBindings(config).object?.members ?? [] { document[member.name] = [:] }
    return .object(document)
  }

  // MARK: networks

  /// podman's document of one network, and who is on it.
  public func inspectNetwork(_ name: String) throws(Problem) -> JSON {
    let network = try network(name)
    guard case .object(var document) = summary(network).document else { return .null }
    var containers = JSON.Object()
    for member in try store().networks.members(of: network.id) {
      guard let attachment = Attachment(status: member.membership.status) else { continue }
      containers[member.container] = [
        "name": .string(member.name),
        "interfaces": [
          attachment.interface: [
            "subnets": .array(
              attachment.addresses.map { own in
                var entry = JSON.Object([("ipnet", .string("\(own.address)/\(own.subnet.prefix)"))])
                if let gateway = network.told(by: attachment).subnets.first(where: { $0.subnet == own.subnet })?.gateway
                {
                  entry["gateway"] = .string(gateway.description)
                }
                return .object(entry)
              }), "mac_address": .string(attachment.mac.description),
          ]
        ],
      ]
    }
    document["containers"] = .object(containers)
    return .object(document)
  }
}

extension [PublishedPort] {
  /// In the order in which they come: "80/tcp" and where that is published.
  var byContainerPort: [(String, [PublishedPort])] {
    var result: [(String, [PublishedPort])] = []
    for port in distinct {
      let name = "\(port.containerPort)/\(port.transport.rawValue)"
      if let place = result.firstIndex(where: { $0.0 == name }) {
        result[place].1.append(port)
      } else {
        result.append((name, [port]))
      }
    }
    return result
  }
}
