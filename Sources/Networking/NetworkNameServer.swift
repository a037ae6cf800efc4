public import Problems

/// A server that a network's name service asks: for everything that is no container, or for one zone alone.
/// Source: podman-network-create(1), "--dns"; capability line BX-40 for the zones.
public struct NetworkNameServer: Hashable, Sendable {
  /// In lower case, without a dot at the end; nil is everything.
  public let zone: String?
  public let address: IPAddress

  /// "192.0.2.1", "example.org/192.0.2.1". - Parameter flag: for the words of an error.
  public init(_ text: String, flag: String) throws(Problem) {
    func refuse(_ reason: String) -> Problem {
      Problem(code: .invalid, message: "\(flag) \"\(text)\": \(reason)", hint: "want ADDRESS or ZONE/ADDRESS")
    }
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    let last = parts[parts.count - 1]
    guard let address = IPAddress(last) else { throw refuse("\"\(last)\" is not an IP address") }
    self.address = address
    guard parts.count == 2 else {
      zone = nil
      return
    }
    let name = String(parts[0].hasSuffix(".") ? parts[0].dropLast() : parts[0]).lowercased()
    if let reason = DomainText.fault(name) { throw refuse("zone \"\(parts[0])\": \(reason)") }
    zone = name
  }
}

extension NetworkNameServer: CustomStringConvertible {
  public var description: String { zone.map { "\($0)/\(address)" } ?? "\(address)" }
}
