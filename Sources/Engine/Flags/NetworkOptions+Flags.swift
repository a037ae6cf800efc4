import Networking
public import Problems

extension NetworkOptions {
  /// `--subnet`, `--gateway` and `--ip-range`, each given as often as wanted: a gateway and a range belong to the
  /// subnet that they lie in. Source: podman-network-create(1).
  public mutating func setSubnets(_ texts: [String], gateways: [String], ranges: [String]) throws(Problem) {
    for text in texts {
      guard let subnet = Subnet(text) else { throw FlagValue.invalid(text, "--subnet", "want ADDRESS/PREFIX") }
      subnets.append(.init(subnet))
    }
    for text in gateways {
      let gateway = try NetworkRequest.address(text, flag: "--gateway")
      guard let place = subnets.firstIndex(where: { $0.subnet.contains(gateway) && $0.gateway == nil }) else {
        throw FlagValue.invalid(text, "--gateway", "it is in no --subnet, or its subnet has a gateway already")
      }
      subnets[place].gateway = gateway
    }
    for text in ranges {
      let range = try Self.range(text)
      let place = subnets.firstIndex {
        $0.subnet.contains(range.lowerBound) && $0.subnet.contains(range.upperBound) && $0.leaseRange == nil
      }
      guard let place else {
        throw FlagValue.invalid(text, "--ip-range", "it is in no --subnet, or its subnet has a range already")
      }
      let hosts = subnets[place].subnet.hosts ?? range
      subnets[place].leaseRange = range.clamped(to: hosts)
    }
  }

  /// "10.89.5.0/26" or "10.89.5.10-10.89.5.20".
  private static func range(_ text: String) throws(Problem) -> ClosedRange<IPAddress> {
    if let block = Subnet(text) { return block.base...block.last }
    let ends = text.split(separator: "-", omittingEmptySubsequences: false).compactMap { IPAddress($0) }
    guard ends.count == 2, ends[0].family == ends[1].family, ends[0] <= ends[1] else {
      throw FlagValue.invalid(text, "--ip-range", "want ADDRESS/PREFIX or ADDRESS-ADDRESS")
    }
    return ends[0]...ends[1]
  }

  /// `--route DESTINATION,GATEWAY[,METRIC]`.
  public mutating func addRoute(flag text: String) throws(Problem) {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    guard (2...3).contains(parts.count), let destination = Subnet(parts[0]), let gateway = IPAddress(parts[1]),
      destination.family == gateway.family, parts.count == 2 || UInt32(parts[2]) != nil
    else { throw FlagValue.invalid(text, "--route", "want DESTINATION/PREFIX,GATEWAY[,METRIC]") }
    routes.append(
      .init(destination: destination, gateway: gateway, metric: parts.count == 3 ? UInt32(parts[2]) : nil))
  }
}
