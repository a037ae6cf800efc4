package import DNSRecords

/// One network's records, made for looking things up.
package final class ServedNetwork {
  struct Container {
    let id: [UInt8]
    /// The name's wire form, for PTR; nil where it is no name for DNS.
    let name: [UInt8]?
    /// Addresses one after the other.
    let ipv4: [UInt8]
    let ipv6: [UInt8]
    let upstreams: [HostAddress]
    /// It is on other networks, too.
    var isShared = false
  }

  package let id: String
  /// The network's name in wire form and lower case, as a suffix; empty where it is none.
  let suffix: [UInt8]
  let isInternal: Bool
  let listenAddresses: [HostAddress]
  let upstreams: [HostAddress]
  /// Suffixes in wire form and lower case, each once, with their servers.
  let zones: [(suffix: [UInt8], servers: [HostAddress])]
  var containers: [Container] = []
  private var names: ByteTable
  private var addresses: ByteTable
  private var ids: ByteTable

  package init(_ id: String, _ records: NetworkRecords) {
    self.id = id
    suffix = DomainName.wire(records.name)?.map(DomainName.lowercased) ?? []
    isInternal = records.isInternal
    listenAddresses = records.listenAddresses
    upstreams = records.upstreams
    var zones: [(suffix: [UInt8], servers: [HostAddress])] = []
    for zone in records.zones {
      guard let suffix = DomainName.wire(zone.name)?.map(DomainName.lowercased) else { continue }
      if let place = zones.firstIndex(where: { $0.suffix == suffix }) {
        zones[place].servers.append(zone.server)
      } else {
        zones.append((suffix, [zone.server]))
      }
    }
    self.zones = zones
    names = ByteTable(expected: records.containers.count * 4)
    addresses = ByteTable(expected: records.containers.count)
    ids = ByteTable(expected: records.containers.count)
    containers.reserveCapacity(records.containers.count)
    for container in records.containers { add(container) }
  }

  private func add(_ container: NetworkRecords.Container) {
    let number = containers.count
    containers.append(
      Container(
        id: Array(container.id.utf8), name: DomainName.wire(container.name),
        ipv4: container.addresses.filter(\.isIPv4).flatMap(\.bytes),
        ipv6: container.addresses.filter { !$0.isIPv4 }.flatMap(\.bytes), upstreams: container.upstreams))
    let shortID = String(container.id.prefix(12))
    for name in [container.name, container.hostname, container.id, shortID].compactMap({ $0 }) + container.aliases {
      if let wire = DomainName.wire(name) { names.add(wire.map(DomainName.lowercased), owner: number) }
    }
    ids.add(container.id.utf8, owner: number)
    for address in container.addresses { addresses.add(address.bytes, owner: number) }
  }

  func forEachContainer(named name: ArraySlice<UInt8>, _ body: (Int) -> Void) { names.forEachOwner(of: name, body) }
  func forEachContainer(withID id: ArraySlice<UInt8>, _ body: (Int) -> Void) { ids.forEachOwner(of: id, body) }
  func container(at address: ArraySlice<UInt8>) -> Int? { addresses.firstOwner(of: address) }
  func forEachContainer(at address: ArraySlice<UInt8>, _ body: (Int) -> Void) {
    addresses.forEachOwner(of: address, body)
  }
}
