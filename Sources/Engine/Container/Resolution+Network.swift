import Networking
import Problems

/// What is said of networks, ports and names. Source: capability lines PD-136..PD-138, PD-140, PD-144.
extension Resolution {
  func checkNetwork() throws(Problem) {
    func refuse(_ flag: String, _ reason: String) -> Problem {
      Problem(code: .invalid, message: "\(flag) does not fit --network \(options.network.text): \(reason)")
    }
    if case .container = options.network {
      if !options.addHosts.isEmpty { throw refuse("--add-host", "the hosts file is the other container's") }
      if options.namesServers { throw refuse("--dns", "resolv.conf is the other container's") }
    }
    if options.network != .bridge {
      let reason = "the container has no network of its own"
      if options.ipAddress != nil { throw refuse("--ip", reason) }
      if options.ip6Address != nil { throw refuse("--ip6", reason) }
      if options.macAddress != nil { throw refuse("--mac-address", reason) }
      if !options.networkAliases.isEmpty { throw refuse("--network-alias", reason) }
    }
  }

  /// What goes into the container's resolv.conf and hosts must not be able to write other lines there.
  func checkDNS() throws(Problem) {
    if options.noHosts, !options.addHosts.isEmpty {
      throw Problem(code: .invalid, message: "--no-hosts and --add-host cannot be set together")
    }
    for entry in options.addHosts where !Self.isPlain(entry.name, spaces: true) || !Self.isPlain(entry.address) {
      throw FlagValue.invalid("\(entry.name):\(entry.address)", "--add-host", "a name has letters, digits, - . _")
    }
    if options.dnsServers.contains("none") {
      guard options.dnsServers.count == 1, options.dnsSearch.isEmpty, options.dnsOptions.isEmpty else {
        throw Problem(
          code: .invalid,
          message: "--dns none goes alone: it leaves the image's resolv.conf as it is, other --dns… flags change it")
      }
    }
    for domain in options.dnsSearch where domain != "." {
      if let reason = DomainText.fault(domain) { throw FlagValue.invalid(domain, "--dns-search", reason) }
    }
    for option in options.dnsOptions where !Self.isPlain(option, spaces: true) {
      throw FlagValue.invalid(option, "--dns-option", "it has control characters")
    }
  }

  /// Printable ASCII without "#", which begins a comment.
  private static func isPlain(_ text: String, spaces: Bool = false) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != 0x23 || spaces && $0 == 0x20 }
  }

  // MARK: ports

  private struct HostPort: Hashable {
    let transport: Transport
    let port: UInt16
  }
  /// What is said twice is meant once; two places behind one port of the host are refused.
  func distinctPorts() throws(Problem) -> [PortMapping] {
    var result: [PortMapping] = []
    var seen: [HostPort: [PortMapping]] = [:]
    for mapping in options.published {
      guard mapping.hostPort != 0, mapping.choices == 1 else {
        result.append(mapping)
        continue
      }
      var new: [PortMapping] = []
      for offset in 0..<mapping.count {
        let single = PortMapping(
          hostAddress: mapping.hostAddress, hostPort: mapping.hostPort + offset,
          containerPort: mapping.containerPort + offset, transport: mapping.transport)
        let others = seen[HostPort(transport: single.transport, port: single.hostPort), default: []]
        if others.contains(single) { continue }
        guard !others.contains(where: { $0.meets(single) }) else {
          let name = "\(single.hostPort) (protocol \(single.transport.rawValue))"
          throw Problem(code: .invalid, message: "conflicting port mappings for host port \(name)")
        }
        seen[HostPort(transport: single.transport, port: single.hostPort), default: []].append(single)
        new.append(single)
      }
      result += new.count == Int(mapping.count) ? [mapping] : new
    }
    return result
  }
}

extension PortMapping {
  /// Whether an address of the host belongs to both.
  fileprivate func meets(_ other: PortMapping) -> Bool {
    guard let own = hostAddress, let theirs = other.hostAddress else { return true }
    return own.family == theirs.family && (own == theirs || own.isUnspecified || theirs.isUnspecified)
  }
}
