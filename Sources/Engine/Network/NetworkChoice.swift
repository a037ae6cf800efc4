import Networking
import Problems
import StateStore

/// What a new network gets where nobody chose, the lowest that is free, and what it must not have: compared with what
/// is looked up by value, not with all networks, so that it costs the same with hundreds of them. Under one lock.
struct NetworkChoice: ~Copyable {
  private enum Limit {
    /// Of names and bridges.
    static let numbersMax = 1 << 20
  }

  private let networks: NetworkTable
  private var host: HostNetwork
  /// Networks of plugins.
  let others: [NetworkConfiguration]
  /// Where the next choice begins.
  private(set) var marks: [NetworkNumber: Int] = [:]
  private var own: [Subnet]?

  init(networks: NetworkTable, host: consuming HostNetwork, others: [NetworkConfiguration]) {
    self.networks = networks
    self.host = host
    self.others = others
  }

  mutating func name(_ given: String?) throws(Problem) -> String {
    if let given { return given }
    let number = try number(.name, from: 1) { (choice, number) throws(Problem) in
      let name = "berth\(number)"
      if choice.others.contains(where: { $0.name == name }) { return false }
      return try choice.networks.get(named: name) == nil
    }
    return "berth\(number)"
  }

  /// - Parameter isOnHost: an ordinary user's bridges are not.
  mutating func interface(for driver: NetworkConfiguration.Driver, _ options: NetworkOptions, isOnHost: Bool)
    throws(Problem) -> String
  {
    if let given = options.interface {
      // Another network's bridge is refused by that network's name when the row is written.
      if driver == .bridge, isOnHost, try !networks.isBridge(given), try host.hasInterface(given) {
        throw Problem(
          code: .conflict, message: "the host has an interface \(given) already: no network may make it its bridge",
          hint: "choose another name, or remove that interface (ip link delete \(given))")
      }
      return given
    }
    if driver != .bridge {
      if let parent = options.driverOptions["parent"] { return parent }
      guard let parent = try host.defaultInterface() else {
        throw Problem(
          code: .invalid, message: "the host has no default route: driver \(driver.rawValue) needs --opt parent=NAME")
      }
      return parent
    }
    let number = try number(.bridge) { (choice, number) throws(Problem) in
      let name = "berth\(number)"
      if try choice.networks.isBridge(name) { return false }
      return try !choice.host.hasInterface(name)
    }
    return "berth\(number)"
  }

  private mutating func number(
    _ kind: NetworkNumber, from first: Int = 0, _ isFree: (inout NetworkChoice, Int) throws(Problem) -> Bool
  ) throws(Problem) -> Int {
    let begin = max(first, try networks.mark(kind))
    for numbers in [begin..<max(begin, Limit.numbersMax), first..<begin] {
      for number in numbers where try isFree(&self, number) {
        marks[kind] = number + 1
        return number
      }
    }
    throw Problem(code: .unavailable, message: "no number is left for another network")
  }

  /// - Parameter given: what the network has already, and what it must not have.
  mutating func subnets(_ families: [IPAddress.Family], besides given: [Subnet]) throws(Problem) -> [Subnet] {
    if families.isEmpty { return [] }
    var routed: [Subnet] = []
    for family in families { routed += try host.routedSubnets(family) }
    let choice = SubnetChoice(taken: try ownSubnets() + routed + given + others.flatMap(\.subnets).map(\.subnet))
    let networks = networks
    func isFree(_ subnet: Subnet) throws(Problem) -> Bool { try networks.holder(of: AddressRange(subnet)) == nil }
    var result: [Subnet] = []
    for family in families {
      switch family {
      case .v4:
        let subnet = try choice.v4(from: try networks.mark(.subnet), isFree: isFree)
        marks[.subnet] = SubnetChoice.numbers(of: subnet).upperBound
        result.append(subnet)
      case .v6: result.append(try choice.v6(isFree: isFree))
      }
    }
    return result
  }
  private mutating func ownSubnets() throws(Problem) -> [Subnet] {
    if let own { return own }
    let found = try host.ownSubnets()
    own = found
    return found
  }

  /// - Throws: `.conflict` for a subnet that somebody else has.
  mutating func check(_ network: NetworkConfiguration) throws(Problem) {
    for block in network.subnets {
      let holder: NetworkConfiguration?
      if let record = try networks.holder(of: AddressRange(block.subnet)) {
        holder = try NetworkConfiguration(record)
      } else {
        holder = others.first { $0.subnets.contains { $0.subnet.overlaps(block.subnet) } }
      }
      if let holder, let used = holder.subnets.first(where: { $0.subnet.overlaps(block.subnet) }) {
        throw Problem(
          code: .conflict,
          message: "subnet \(block.subnet) is already used: network \(holder.name) has \(used.subnet)")
      }
      if network.driver == .bridge, let used = try ownSubnets().first(where: { $0.overlaps(block.subnet) }) {
        throw Problem(
          code: .conflict, message: "subnet \(block.subnet) is already used: the host has an address in \(used)")
      }
    }
    if network.driver != .bridge, try !host.hasInterface(network.interface) {
      throw Problem(code: .invalid, message: "parent interface \(network.interface) does not exist")
    }
  }
}

extension AddressRange {
  init(_ subnet: Subnet) { self.init(first: subnet.base.bytes, last: subnet.last.bytes) }
}

extension NetworkConfiguration {
  /// What is free when it has gone.
  var numbers: [NetworkNumber: Int] {
    func number(_ name: String) -> Int? { name.hasPrefix("berth") ? Int(name.dropFirst(5)) : nil }
    var result: [NetworkNumber: Int] = [:]
    result[.name] = number(name)
    result[.bridge] = driver == .bridge ? number(interface) : nil
    result[.subnet] = subnets.map { SubnetChoice.numbers(of: $0.subnet) }.filter { !$0.isEmpty }.map(\.lowerBound).min()
    return result
  }
}
