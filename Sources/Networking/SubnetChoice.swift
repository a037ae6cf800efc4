public import Problems

/// Chooses subnets for networks that were not given one.
public struct SubnetChoice: Sendable {
  /// Subnets that must not be chosen, such as those of routes and addresses.
  public var taken: [Subnet]
  public init(taken: [Subnet]) { self.taken = taken }

  /// podman's pools: each /24 of 10.89.0.0/16 … 10.255.0.0/16 has a number.
  private static let pools = UInt128(10 << 16 | 89 << 8)..<UInt128(11 << 16)

  /// The numbers of the pools that a subnet takes.
  public static func numbers(of subnet: Subnet) -> Range<Int> {
    guard subnet.family == .v4 else { return 0..<0 }
    let taken = ((subnet.base.value >> 8)..<(subnet.last.value >> 8) + 1).clamped(to: pools)
    return Int(taken.lowerBound - pools.lowerBound)..<Int(taken.upperBound - pools.lowerBound)
  }

  /// The first free /24 of the pools.
  /// - Parameters:
  ///   - begin: a number below which all are taken, so that hundreds of networks stay cheap.
  ///   - isFree: asked about what is not `taken`.
  /// - Throws: `.unavailable` when none is left.
  public func v4(from begin: Int = 0, isFree: (Subnet) throws(Problem) -> Bool = { _ in true }) throws(Problem)
    -> Subnet
  {
    var isTaken = [Bool](repeating: false, count: Self.pools.count)
    for subnet in taken where subnet.prefix > 0 {
      for number in Self.numbers(of: subnet) { isTaken[number] = true }
    }
    let begin = min(max(begin, 0), isTaken.count)
    for numbers in [begin..<isTaken.count, 0..<begin] {
      for number in numbers where !isTaken[number] {
        let address = IPAddress(.v4, (Self.pools.lowerBound + UInt128(number)) << 8)
        if let subnet = Subnet(address, prefix: 24), try isFree(subnet) { return subnet }
      }
    }
    throw Problem(
      code: .unavailable, message: "no free subnet is left in 10.89.0.0 to 10.255.255.0",
      hint: "remove networks that are not used (berth network prune), or give one with --subnet")
  }

  /// A random /64 of the unique local addresses. Source: RFC 4193.
  public func v6(isFree: (Subnet) throws(Problem) -> Bool = { _ in true }) throws(Problem) -> Subnet {
    while true {
      let random = UInt128(UInt64.random(in: 0...UInt64.max) & 0x00ff_ffff_ffff_ffff)
      let address = IPAddress(.v6, UInt128(0xfd) << 120 | random << 64)
      if let subnet = Subnet(address, prefix: 64), !taken.contains(where: { $0.prefix > 0 && $0.overlaps(subnet) }),
        try isFree(subnet)
      {
        return subnet
      }
    }
  }
}
