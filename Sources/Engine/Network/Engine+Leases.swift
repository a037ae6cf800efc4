import Glibc
import JSON
import Networking
import Problems
import RuntimeSpec
import StateStore
import Sys

extension Engine {
  /// A network and what one container has there.
  struct Joined: Sendable {
    var network: NetworkConfiguration
    var request: NetworkRequest
    var attachment: Attachment
    /// Of the driver cni, before its plugins run.
    var plugins: PluginList?
  }
  /// What a container that starts has of networks; the ports are held as long as this value is there.
  struct Connections {
    var joined: [Joined] = []
    var ports: [PublishedPort] = []
    var reservation: PortReservation?
    /// Made and connected before the runtime starts; nil where the runtime makes it.
    var namespace: ReadyNamespace?
    /// What a helper of the network lives by.
    var lifeline: Lifeline?
    /// For the container's monitor to keep open.
    var held: CInt? { reservation?.holder.borrowed ?? lifeline?.writer.borrowed }
  }
  /// A program that has the reader goes on as long as the writer is open somewhere.
  final class Lifeline: Sendable {
    let reader: OwnedFD
    let writer: OwnedFD
    init() throws(Problem) {
      let pipe = try doing("make a pipe") { () throws(Errno) in try Pipe.make() }
      reader = pipe.reader
      writer = pipe.writer
    }
  }
  final class ReadyNamespace: Sendable {
    let network: NetworkNamespace
    /// What owns it, where the container has a user namespace of its own.
    private let user: OwnedFD?
    /// By these the runtime joins them, as long as this value is there.
    let paths: [NamespaceKind: String]

    init() throws(Problem) {
      network = try NetworkNamespace.make()
      user = nil
      paths = [.network: network.path]
    }
    /// Of a process that holds both, new.
    init(_ holder: borrowing NamespaceHolder) throws(Problem) {
      network = try NetworkNamespace(newOfPid: holder.pid)
      let user = try doing("open a user namespace") { () throws(Errno) in try holder.open("user") }
      paths = [.network: network.path, .user: "/proc/\(getpid())/fd/\(user.borrowed)"]
      self.user = consume user
    }
  }

  enum NetworkLimit {
    /// Tries to find a port of the host for one that may be any.
    static let portTriesMax = 128
    /// Where those come from. Source: the kernel's ip_local_port_range.
    static let anyPort: ClosedRange<UInt16> = 32768...60999
    /// How often, and how long each time, a port is waited for that only an ending monitor can have.
    static let leavingTriesMax = 50
    static let leavingPauseMicroseconds: UInt32 = 20_000
    /// Networks of one container.
    static let networksMax = 256
  }

  /// Addresses and ports for a container, in one transaction; what it had before is given back.
  func takeConnections(_ record: ContainerRecord, _ config: ContainerConfig) throws(Problem) -> Connections {
    var connections = Connections()
    switch config.options.network {
    case .pasta, .slirp: connections.ports = try takeForwardedPorts(record, config)
    case .bridge, .none, .host, .container, .path: break
    }
    if case .slirp = config.options.network { connections.lifeline = try Lifeline() }
    guard config.options.network == .bridge else { return connections }
    let store = try store()
    let wanted = try config.portsToPublish()
    // An ordinary user's ports are held by what forwards them.
    if !wanted.isEmpty, try !isRootless() { connections.reservation = try PortReservation() }
    var joined: [Joined] = []
    var ports: [PublishedPort] = []
    let memberships = try store.networks.memberships(of: record.id)
    try leavePlugins(record.id)
    try store.transaction(durable: false) { () throws(Problem) in
      if try store.networks.holds(record.id) { try store.networks.release(record.id) }
      for (membership, network) in memberships {
        joined.append(try lease(membership, try NetworkConfiguration(network), owner: record.id))
      }
    }
    if !wanted.isEmpty {
      ports = try take(wanted, to: Self.portTargets(joined, for: wanted), owner: record.id, connections.reservation)
    }
    connections.joined = joined
    connections.ports = ports
    return connections
  }

  /// The addresses of one membership, inside the caller's transaction.
  func lease(_ membership: NetworkMembership, _ network: NetworkConfiguration, owner: String) throws(Problem)
    -> Joined
  {
    let request = NetworkRequest(network.name, json: membership.request)
    if network.driver == .cni { return try joinedPlugins(membership, network, request) }
    var addresses: [Attachment.Address] = []
    if network.assignsAddresses {
      for wanted in request.addresses where !network.subnets.contains(where: { $0.subnet.contains(wanted) }) {
        throw Problem(
          code: .invalid, message: "requested static ip \(wanted) not in any subnet on network \(network.name)")
      }
      for block in network.subnets {
        let address: IPAddress
        if let fixed = request.addresses.first(where: { block.subnet.contains($0) }) {
          address = try leaseFixed(fixed, network, block, owner: owner)
        } else {
          address = try leaseNext(network, block, owner: owner)
        }
        addresses.append(.init(address, in: block.subnet))
      }
    }
    if let mac = request.mac { try checkUnused(mac, network, owner: owner) }
    var attachment = Attachment(
      interface: request.interface ?? "eth\(membership.position)",
      mac: request.mac ?? addresses.first.map { MACAddress(of: $0.address) } ?? MACAddress.random(),
      addresses: addresses)
    attachment.rank = UInt32(membership.position)
    try store().networks.setStatus(owner, network.id, attachment.json.text())
    return Joined(network: network, request: request, attachment: attachment)
  }

  /// Two interfaces with one address would take each other's packets.
  private func checkUnused(_ mac: MACAddress, _ network: NetworkConfiguration, owner: String) throws(Problem) {
    for member in try store().networks.members(of: network.id) where member.container != owner {
      guard Attachment(status: member.membership.status)?.mac == mac, try !releaseIfStale(member.container) else {
        continue
      }
      throw Problem(
        code: .conflict,
        message: "requested MAC address \(mac) is already used on network \(network.name) "
          + "by container \(try describe(member.container))")
    }
  }

  private func leaseFixed(
    _ address: IPAddress, _ network: NetworkConfiguration, _ block: NetworkConfiguration.Block, owner: String
  ) throws(Problem) -> IPAddress {
    if address == block.gateway || block.subnet.hosts?.contains(address) != true {
      throw Problem(code: .invalid, message: "requested ip address \(address) is the network's own, not a container's")
    }
    let networks = try store().networks
    if let holder = try networks.leaseOwner(network.id, address.key), holder != owner {
      guard try releaseIfStale(holder) else {
        throw Problem(
          code: .conflict,
          message: "requested ip address \(address) is already allocated to container \(try describe(holder))")
      }
    }
    try networks.lease(network.id, address.key, owner: owner)
    return address
  }

  /// The next free address behind the one given last: one that was just given back rests as long as it can.
  private func leaseNext(
    _ network: NetworkConfiguration, _ block: NetworkConfiguration.Block, owner: String
  ) throws(Problem) -> IPAddress {
    guard let pool = block.pool else {
      throw Problem(code: .invalid, message: "subnet \(block.subnet) has no room for hosts")
    }
    let networks = try store().networks
    let mark = try networks.leaseMark(network.id, block.subnet.description).flatMap { IPAddress(key: $0) }
    for _ in 0..<2 {
      var candidate = mark.flatMap { $0.advanced(by: 1) } ?? pool.lowerBound
      if !pool.contains(candidate) { candidate = pool.lowerBound }
      let first = candidate
      repeat {
        if candidate != block.gateway, try networks.leaseOwner(network.id, candidate.key) == nil {
          try networks.lease(network.id, candidate.key, owner: owner)
          try networks.setLeaseMark(network.id, block.subnet.description, candidate.key)
          return candidate
        }
        candidate = candidate == pool.upperBound ? pool.lowerBound : candidate.advanced(by: 1) ?? pool.lowerBound
      } while candidate != first
      // Addresses of containers that a reboot ended are nobody's any more.
      if try !releaseAllStale(of: network) { break }
    }
    throw Problem(
      code: .unavailable, message: "no free address is left in \(block.subnet) of network \(network.name)",
      hint: "remove containers that are not needed, or make a larger network")
  }

  // MARK: what nobody uses any more

  func describe(_ owner: String) throws(Problem) -> String {
    if let name = try store().containers.get(owner)?.name { return "\(name) (\(owner.prefix(12)))" }
    return String(owner.prefix(12))
  }

  /// Gives back what a container holds that does not run, such as after a reboot.
  /// - Returns: whether it did.
  func releaseIfStale(_ owner: String) throws(Problem) -> Bool {
    let store = try store()
    guard let record = try store.containers.get(owner) else { return false }  // a sandbox
    // Somebody who starts it right now has its lock.
    guard let lock = try store.locks.tryAcquire(.container, owner) else { return false }
    let isAlive = try observed(record).status.state.isAlive
    if !isAlive { try store.networks.release(owner) }
    _ = consume lock
    return !isAlive
  }
  private func releaseAllStale(of network: NetworkConfiguration) throws(Problem) -> Bool {
    var some = false
    for member in try store().networks.members(of: network.id) where !member.membership.status.isEmpty {
      if try releaseIfStale(member.container) { some = true }
    }
    return some
  }
}

extension Attachment {
  var json: JSON {
    [
      "interface": .string(interface), "mac": .string(mac.description), "rank": JSON(rank),
      "addresses": .array(
        addresses.map {
          JSON([$0.address.description, $0.subnet.description] + ($0.gateway.map { [$0.description] } ?? []))
        }), "dns": nameServers.isEmpty ? .null : nameServers.json,
    ]
  }
  /// nil for "" and for anything else that `json` did not write.
  init?(status text: String) {
    guard !text.isEmpty, let json = try? JSON.parse(text), let interface = json["interface"]?.string,
      let mac = json["mac"]?.string.flatMap({ MACAddress($0) })
    else { return nil }
    let addresses = (json["addresses"]?.array ?? []).compactMap { pair -> Address? in
      guard let parts = pair.strings, parts.count >= 2, let address = IPAddress(parts[0]),
        let subnet = Subnet(parts[1])
      else { return nil }
      var result = Address(address, in: subnet)
      result.gateway = parts.count > 2 ? IPAddress(parts[2]) : nil
      return result
    }
    self.init(interface: interface, mac: mac, addresses: addresses)
    rank = json["rank"]?.integer() ?? 0
    nameServers = NameServers(json["dns"]) ?? NameServers()
  }
}

extension IPAddress {
  /// Hex digits of fixed width, whose order is the addresses' order.
  var key: String {
    let digits = String(value, radix: 16)
    let width = family == .v4 ? 8 : 32
    return String(repeating: "0", count: width - digits.utf8.count) + digits
  }
  init?(key: String) {
    guard let value = UInt128(key, radix: 16) else { return nil }
    self.init(key.utf8.count == 8 ? .v4 : .v6, value)
  }
}

extension MACAddress {
  /// For an interface without an address.
  static func random() -> MACAddress {
    MACAddress(of: IPAddress(.v4, UInt128(UInt32.random(in: 1...UInt32.max))))
  }
}
