import Glibc
public import JSON
public import Networking
public import Problems
import StateStore
import Sys

/// What `network create` is told.
public struct NetworkOptions: Sendable {
  /// nil makes one up.
  public var name: String?
  /// bridge, macvlan or ipvlan.
  public var driver = "bridge"
  public var subnets: [NetworkConfiguration.Block] = []
  public var routes: [NetworkConfiguration.StaticRoute] = []
  public var ipv6 = false
  public var isInternal = false
  public var disablesDNS = false
  public var dnsServers: [NetworkNameServer] = []
  /// Bridge, or the interface below a macvlan or ipvlan; nil makes one up.
  public var interface: String?
  public var labels: [String: String] = [:]
  public var driverOptions: [String: String] = [:]
  /// host-local, none; nil is the driver's own.
  public var ipamDriver: String?
  /// A network of that name is fine.
  public var ignore = false
  public init() {}
}

extension NetworkOptions {
  /// What Docker's users call two of the options.
  fileprivate mutating func translateDockersNames() {
    if let mtu = driverOptions.removeValue(forKey: "com.docker.network.driver.mtu") { driverOptions["mtu"] = mtu }
    if let name = driverOptions.removeValue(forKey: "com.docker.network.bridge.name") { interface = name }
  }
}

public struct NetworkSummary: Sendable {
  public var network: NetworkConfiguration
  /// As podman's files have it.
  public var document: JSON
}

extension Engine {
  /// The network that nobody has to name. Source: podman's "podman", Docker's "bridge".
  public static let defaultNetwork = "berth"
  static let defaultNetworkNames: Set<String> = ["berth", "podman", "bridge", "default"]

  /// The network that a user means; the default network comes into being when it is first asked for.
  func network(_ name: String) throws(Problem) -> NetworkConfiguration {
    let store = try store()
    if Self.defaultNetworkNames.contains(name) {
      // A user's own network may be called podman or bridge: then it is that.
      if name != Self.defaultNetwork, let own = try store.networks.get(named: name) {
        return try NetworkConfiguration(own)
      }
      if let found = try store.networks.get(named: Self.defaultNetwork) { return try NetworkConfiguration(found) }
      return try makeDefaultNetwork()
    }
    return try otherNetwork(name)
  }

  private func makeDefaultNetwork() throws(Problem) -> NetworkConfiguration {
    var options = NetworkOptions()
    options.name = Self.defaultNetwork
    options.ignore = true
    options.disablesDNS = true  // as podman's: who wants names makes a network
    return try createNetwork(options).network
  }

  /// - Returns: the network.
  @discardableResult
  public func createNetwork(_ given: NetworkOptions) throws(Problem) -> NetworkSummary {
    var options = given
    options.translateDockersNames()
    let store = try store()
    if let name = options.name {
      try ObjectName.check(name, what: "network name")
      if let found = try store.networks.get(named: name), options.ignore { return summary(try .init(found)) }
      let modes = ["none", "host", "bridge", "default", "container", "private", "pasta", "slirp4netns", "ns"]
      if modes.contains(name) {
        throw Problem(code: .invalid, message: "network name \"\(name)\" is a mode of --network")
      }
    }
    guard let driver = NetworkConfiguration.Driver(rawValue: options.driver), driver != .cni else {
      let drivers = NetworkConfiguration.Driver.allCases.filter { $0 != .cni }.map(\.rawValue)
      throw Problem(
        code: .unsupported, message: "unsupported driver \(options.driver)",
        hint: "drivers are \(drivers.joined(separator: ", ")); a network of CNI plugins is a file in "
          + pluginConfigurations.directory)
    }
    if driver != .bridge, try isRootless() {
      throw Problem(
        code: .unsupported,
        message: "driver \(driver.rawValue) needs the host's interfaces, which an ordinary user may not use",
        hint: "bridge is possible", cause: Errno(rawValue: EPERM))
    }
    // What is free is decided under a lock: two commands must not choose the same.
    let lock = try store.locks.acquire(.network, Self.choiceLock)
    var choice = NetworkChoice(networks: store.networks, host: try hostNetwork(), others: try pluginNetworks())
    try checkNoFile(describes: options.name, choice.others)
    var network = NetworkConfiguration(
      id: Identity.random(), name: try choice.name(options.name), driver: driver,
      interface: try choice.interface(for: driver, options, isOnHost: !isRootless()), created: Timestamp.now())
    try fill(&network, options, &choice)
    try network.check()
    try choice.check(network)
    do throws(Problem) {
      try store.networks.insert(
        network.record, ranges: network.subnets.map { AddressRange($0.subnet) }, marks: choice.marks)
    } catch {
      guard options.ignore, error.code == .conflict, let found = try store.networks.get(named: network.name) else {
        throw error
      }
      network = try NetworkConfiguration(found)
    }
    _ = consume lock
    return summary(network)
  }
  static let choiceLock = "choice"

  private func fill(
    _ network: inout NetworkConfiguration, _ options: NetworkOptions, _ choice: inout NetworkChoice
  ) throws(Problem) {
    network.isInternal = options.isInternal
    network.dnsServers = options.dnsServers
    network.labels = options.labels
    network.options = options.driverOptions
    network.options["parent"] = nil
    network.routes = options.routes
    network.subnets = options.subnets
    network.ipamOptions["driver"] = options.ipamDriver ?? "host-local"
    // Names need addresses, and one of the host's where the service listens.
    network.dnsEnabled = !options.disablesDNS && network.assignsAddresses && network.driver == .bridge
    if !network.dnsEnabled, !network.dnsServers.isEmpty {
      throw Problem(code: .invalid, message: "--dns does not fit: network \(network.name) has no name service")
    }
    if network.assignsAddresses {
      var wanted: [IPAddress.Family] = []
      let families = Set(network.subnets.map(\.subnet.family))
      if network.subnets.isEmpty || (options.ipv6 && !families.contains(.v4)) { wanted.append(.v4) }
      if options.ipv6, !families.contains(.v6) { wanted.append(.v6) }
      let given = network.subnets.map(\.subnet) + (try isRootless() ? [SharedGateway.slirp.subnet] : [])
      network.subnets += try choice.subnets(wanted, besides: given).map { .init($0) }
    }
    network.ipv6Enabled = options.ipv6 || network.subnets.contains { $0.subnet.family == .v6 }
    network.fillGateways()
  }

  /// All networks by name; the default network among them.
  public func networks() throws(Problem) -> [NetworkConfiguration] {
    var result: [NetworkConfiguration] = []
    for record in try store().networks.list() { result.append(try NetworkConfiguration(record)) }
    return result
  }

  func summary(_ network: NetworkConfiguration) -> NetworkSummary {
    NetworkSummary(network: network, document: network.document(created: Timestamp.text(network.created)))
  }

  /// Of nf_tables: other root directories have tables of their own.
  var firewallTable: String {
    if paths.root == "/var/lib/berth" { return Firewall.table }
    // FNV-1a: the same name each time, another one for another root.
    let hash = paths.root.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
    return "\(Firewall.table)-" + String(hash, radix: 16)
  }
  func hostNetwork() throws(Problem) -> HostNetwork { try HostNetwork(table: firewallTable) }
}

extension NetworkConfiguration {
  init(_ record: NetworkRecord) throws(Problem) {
    guard let json = try? JSON.parse(record.config), let read = NetworkConfiguration(json, created: record.created)
    else {
      throw Problem(code: .bug, message: "the stored configuration of network \(record.name) is damaged")
    }
    self = read
  }
  var record: NetworkRecord {
    NetworkRecord(
      id: id, name: name, driver: driver.rawValue, interface: interface, created: created,
      config: document(created: "").text())
  }
}
