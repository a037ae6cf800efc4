public import Problems

extension NetworkConfiguration {
  public enum Limit {
    /// `IFNAMSIZ` without the NUL. Source: linux/if.h.
    public static let interfaceNameBytesMax = 15
    /// Source: IEEE 802.1Q.
    static let vlanMax: UInt16 = 4094
    /// Source: linux/if_ether.h, ETH_MAX_MTU; RFC 791 for the least.
    static let mtuRange: ClosedRange<UInt32> = 68...65535
  }

  /// What cannot be, refused by name. - Throws: `.invalid`, `.unsupported`.
  public func check() throws(Problem) {
    try checkSubnets()
    try checkOptions()
    if driver == .bridge, let reason = Self.interfaceFault(interface) {
      throw Problem(code: .invalid, message: "interface name \"\(interface)\": \(reason)")
    }
  }

  private func checkSubnets() throws(Problem) {
    for (place, block) in subnets.enumerated() {
      if block.subnet.hosts == nil {
        throw Problem(code: .invalid, message: "subnet \(block.subnet) has no room for hosts")
      }
      if let other = subnets[..<place].first(where: { $0.subnet.overlaps(block.subnet) }) {
        throw Problem(code: .invalid, message: "subnets \(other.subnet) and \(block.subnet) overlap")
      }
      if block.subnet.isMulticast {
        throw Problem(code: .invalid, message: "subnet \(block.subnet) is of groups of hosts, no host can be in it")
      }
      if let gateway = block.gateway, !block.subnet.contains(gateway) {
        throw Problem(code: .invalid, message: "gateway \(gateway) not in subnet \(block.subnet)")
      }
      if let gateway = block.gateway, block.subnet.hosts?.contains(gateway) == false {
        throw Problem(
          code: .invalid, message: "gateway \(gateway) is no host's address in subnet \(block.subnet)")
      }
      if let range = block.leaseRange,
        !block.subnet.contains(range.lowerBound) || !block.subnet.contains(range.upperBound)
      {
        throw Problem(
          code: .invalid,
          message: "the range \(range.lowerBound) to \(range.upperBound) is not in subnet \(block.subnet)")
      }
    }
    if assignsAddresses, subnets.isEmpty, driver == .bridge {
      throw Problem(code: .invalid, message: "network \(name) has no subnet")
    }
    for route in routes where !subnets.contains(where: { $0.subnet.contains(route.gateway) }) {
      throw Problem(
        code: .invalid,
        message: "route to \(route.destination): gateway \(route.gateway) is in no subnet of the network")
    }
  }

  private func checkOptions() throws(Problem) {
    for (key, value) in options.sorted(by: { $0.key < $1.key }) {
      func refuse(_ reason: String) -> Problem {
        Problem(code: .invalid, message: "network option \(key)=\(value): \(reason)")
      }
      switch (driver, key) {
      case (_, "mtu"):
        guard let mtu = UInt32(value), mtu == 0 || Limit.mtuRange.contains(mtu) else {
          throw refuse("want a number from \(Limit.mtuRange.lowerBound) to \(Limit.mtuRange.upperBound)")
        }
      case (_, "metric"):
        guard UInt32(value) != nil else { throw refuse("want a number") }
      case (_, "no_default_route"):
        guard Self.isBoolean(value) else { throw refuse("want true or false") }
      case (.bridge, "vlan"):
        guard let id = UInt16(value), (1...Limit.vlanMax).contains(id) else {
          throw refuse("want a number from 1 to \(Limit.vlanMax)")
        }
      case (.bridge, "isolate"):
        guard value == "strict" || Self.isBoolean(value) else { throw refuse("want true, false or strict") }
      case (.macvlan, "mode"), (.ipvlan, "mode"):
        let modes = driver == .macvlan ? ["bridge", "private", "vepa", "passthru"] : ["l2", "l3", "l3s"]
        guard modes.contains(value) else { throw refuse("want one of \(modes.joined(separator: ", "))") }
      default:
        throw Problem(code: .invalid, message: "unsupported \(driver.rawValue) network option \(key)")
      }
    }
    for (key, value) in ipamOptions where key != "driver" || !["host-local", "none"].contains(value) {
      throw Problem(
        code: .unsupported, message: "IPAM option \(key)=\(value) is not supported",
        hint: "the IPAM drivers are host-local and none")
    }
  }

  /// Why a text is no interface's name; nil where it is one. Source: dev_valid_name of the kernel.
  public static func interfaceFault(_ name: String) -> String? {
    if name.isEmpty || name == "." || name == ".." { return "it is empty" }
    if name.utf8.count > Limit.interfaceNameBytesMax { return "longer than \(Limit.interfaceNameBytesMax) bytes" }
    let isOdd = name.utf8.contains { $0 <= 0x20 || $0 == 0x2f || $0 == 0x3a || $0 >= 0x7f }
    return isOdd ? "it has a character that no interface may have" : nil
  }

  /// What of the subnets the user left open.
  public mutating func fillGateways() {
    for place in subnets.indices where subnets[place].gateway == nil && !(isInternal && driver != .bridge) {
      subnets[place].gateway = subnets[place].subnet.base.advanced(by: 1)
    }
  }
}
