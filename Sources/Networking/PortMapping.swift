public import Problems

public enum Transport: String, CaseIterable, Sendable {
  case tcp, udp, sctp
  /// Source: protocols(5).
  var number: UInt8 {
    switch self {
    case .tcp: 6
    case .udp: 17
    case .sctp: 132
    }
  }
}

/// What a user wants published: ports of the host that lead to as many ports of the container.
public struct PortMapping: Hashable, Sendable {
  /// nil is all of the host's addresses.
  public var hostAddress: IPAddress?
  /// 0 lets one be chosen.
  public var hostPort: UInt16
  public var containerPort: UInt16
  public var transport: Transport
  /// How many ports from the first on.
  public var count: UInt16
  /// Of how many ports of the host, from the first on, the first free one is taken.
  public var choices: UInt16

  public init(
    hostAddress: IPAddress? = nil, hostPort: UInt16 = 0, containerPort: UInt16, transport: Transport = .tcp,
    count: UInt16 = 1, choices: UInt16 = 1
  ) {
    self.hostAddress = hostAddress
    self.hostPort = hostPort
    self.containerPort = containerPort
    self.transport = transport
    self.count = count
    self.choices = choices
  }
}

/// One port of the host that leads to one of a container.
public struct PublishedPort: Hashable, Sendable {
  public var hostAddress: IPAddress?
  public var hostPort: UInt16
  /// The container's address; its family decides who can come this way.
  public var container: IPAddress
  public var containerPort: UInt16
  public var transport: Transport

  public init(
    hostAddress: IPAddress?, hostPort: UInt16, container: IPAddress, containerPort: UInt16, transport: Transport
  ) {
    self.hostAddress = hostAddress
    self.hostPort = hostPort
    self.container = container
    self.containerPort = containerPort
    self.transport = transport
  }
}

extension PublishedPort {
  /// nil where any address of the host will do, of either or of one family.
  public var specificHost: IPAddress? { hostAddress.flatMap { $0.isUnspecified ? nil : $0 } }
  /// nil for all addresses of IPv4, as podman and Docker show them.
  public var shownHost: IPAddress? { hostAddress ?? (container.family == .v6 ? IPAddress(.v6, 0) : nil) }
  /// "0.0.0.0", "[::1]".
  public var hostText: String {
    let address = hostAddress ?? IPAddress(container.family, 0)
    return address.family == .v6 ? "[\(address)]" : "\(address)"
  }
}

extension [PublishedPort] {
  /// What a user sees: both families of one mapping are one, and it is shown as that of IPv4, as podman does.
  public var distinct: [PublishedPort] {
    func twin(_ port: PublishedPort) -> PortMapping {
      PortMapping(hostPort: port.hostPort, containerPort: port.containerPort, transport: port.transport)
    }
    let fourth = Set(filter { $0.hostAddress == nil && $0.container.family == .v4 }.map(twin))
    return filter { $0.hostAddress != nil || $0.container.family == .v4 || !fourth.contains(twin($0)) }
  }
}

extension PortMapping {
  /// The single ports of it that can reach a container with these addresses.
  public func published(to addresses: [IPAddress]) -> [PublishedPort] {
    var result: [PublishedPort] = []
    for address in addresses where hostAddress == nil || hostAddress?.family == address.family {
      for offset in 0..<count {
        result.append(
          PublishedPort(
            hostAddress: hostAddress, hostPort: hostPort + offset, container: address,
            containerPort: containerPort + offset, transport: transport))
      }
    }
    return result
  }
}

extension PortMapping {
  /// `--publish [[ADDRESS:][HOST[-LAST]]:]CONTAINER[-LAST][/PROTOCOL]`. Source: podman-run(1), docker-run(1).
  public init(flag text: String) throws(Problem) {
    func refuse(_ reason: String) -> Problem {
      Problem(
        code: .invalid, message: "--publish \"\(text)\": \(reason)",
        hint: "the form is [[ADDRESS:][HOST_PORT]:]CONTAINER_PORT[/tcp|udp|sctp], ports may be ranges")
    }
    let halves = text.split(separator: "/", omittingEmptySubsequences: false)
    guard (1...2).contains(halves.count), !halves[0].isEmpty else { throw refuse("not a port") }
    var transport = Transport.tcp
    if halves.count == 2, !halves[1].isEmpty {  // "80/" is tcp to podman and Docker
      guard let named = Transport(rawValue: halves[1].lowercased()) else {
        throw refuse("unknown protocol \"\(halves[1])\"")
      }
      transport = named
    }
    let (address, host, container) = try Self.parts(halves[0], refuse)
    guard let inside = Self.range(container) else { throw refuse("\"\(container)\" is not a port from 1 to 65535") }
    self.init(
      containerPort: inside.lowerBound, transport: transport, count: UInt16(inside.count))
    if let address, !address.isEmpty, address != "0.0.0.0" {
      guard let parsed = IPAddress(address) else { throw refuse("\"\(address)\" is not an IP address") }
      hostAddress = parsed
    } else if address == "0.0.0.0" {
      hostAddress = IPAddress(.v4, 0)  // of this family only
    }
    if let host, !host.isEmpty, host != "0" {
      guard let outside = Self.range(host) else { throw refuse("\"\(host)\" is not a port from 1 to 65535") }
      if outside.count != inside.count {
        // `-p 8000-8010:80`: any one of these. Source: docker-run(1).
        guard inside.count == 1 else {
          throw refuse("the ranges have \(outside.count) and \(inside.count) ports")
        }
        choices = UInt16(outside.count)
      }
      hostPort = outside.lowerBound
    }
  }

  /// Address, host port and container port as text. An IPv6 address is in brackets.
  private static func parts(_ text: Substring, _ refuse: (String) -> Problem) throws(Problem) -> (
    Substring?, Substring?, Substring
  ) {
    if text.hasPrefix("[") {
      guard let close = text.firstIndex(of: "]") else { throw refuse("\"]\" is missing") }
      let rest = text[text.index(after: close)...].split(separator: ":", omittingEmptySubsequences: false)
      guard rest.count == 3, rest[0].isEmpty else { throw refuse("want [ADDRESS]:HOST_PORT:CONTAINER_PORT") }
      return (text[text.index(after: text.startIndex)..<close], rest[1], rest[2])
    }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    switch parts.count {
    case 1: return (nil, nil, parts[0])
    case 2: return (nil, parts[0], parts[1])
    case 3: return (parts[0], parts[1], parts[2])
    default: throw refuse("too many \":\"; an IPv6 address needs brackets")
    }
  }

  /// "80", "8000-8010".
  static func range(_ text: Substring) -> ClosedRange<UInt16>? {
    let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { part in
      part.utf8.allSatisfy { (0x30...0x39).contains($0) } ? UInt16(part) : nil
    }
    guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1], first > 0, first <= last
    else { return nil }
    return first...last
  }

  /// `--expose PORT[-LAST][/PROTOCOL]`, and an image's ExposedPorts.
  public init(exposed text: String) throws(Problem) {
    let halves = text.split(separator: "/", omittingEmptySubsequences: false)
    guard let range = halves.first.flatMap(Self.range), halves.count <= 2,
      let transport = halves.count == 2 ? Transport(rawValue: halves[1].lowercased()) : .tcp
    else {
      throw Problem(
        code: .invalid, message: "exposed port \"\(text)\" is not a port", hint: "want PORT[-LAST][/tcp|udp|sctp]")
    }
    self.init(containerPort: range.lowerBound, transport: transport, count: UInt16(range.count))
  }
}
