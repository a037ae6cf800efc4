import DNSRecords

/// All networks, and which containers are on several.
package final class Catalogue {
  private(set) var networks: [String: ServedNetwork] = [:]
  private var memberships: [[UInt8]: [ServedNetwork]] = [:]
  /// Addresses at which the service listens: nothing is forwarded there.
  private(set) var ownAddresses: [HostAddress: Int] = [:]

  package init() {}

  /// Puts the new records in the old ones' place at once; nil takes the network out.
  package func replace(_ id: String, with network: ServedNetwork?) {
    if let old = networks[id] {
      for container in old.containers { leave(container.id, old) }
      for address in old.listenAddresses {
        let count = (ownAddresses[address] ?? 1) - 1
        ownAddresses[address] = count > 0 ? count : nil
      }
    }
    networks[id] = network
    guard let network else { return }
    for number in network.containers.indices { join(number, network) }
    for address in network.listenAddresses { ownAddresses[address, default: 0] += 1 }
  }

  private func join(_ number: Int, _ network: ServedNetwork) {
    let id = network.containers[number].id
    memberships[id, default: []].append(network)
    if memberships[id]?.count != 1 { mark(id) }
  }
  private func leave(_ id: [UInt8], _ network: ServedNetwork) {
    let rest = memberships[id]?.filter { $0 !== network } ?? []
    memberships[id] = rest.isEmpty ? nil : rest
    if rest.count == 1 { mark(id) }
  }
  private func mark(_ id: [UInt8]) {
    let all = memberships[id] ?? []
    for network in all {
      network.forEachContainer(withID: id[...]) { network.containers[$0].isShared = all.count > 1 }
    }
  }

  func networks(ofContainer id: [UInt8]) -> [ServedNetwork] { memberships[id] ?? [] }
}
