public import Networking
public import Problems
import StateStore

extension Engine {
  /// What a network namespace without a container has: for pods and for library users.
  public struct Sandbox: Sendable {
    /// In the order of the requests.
    public var attachments: [Attachment]
    public var ports: [PublishedPort]
  }

  /// Brings a network namespace onto networks.
  /// - Parameters:
  ///   - id: names what it holds; `tearDownSandbox` gives it back. 64 hex digits, as a container's.
  ///   - namespace: path of the namespace, such as /run/netns/NAME.
  /// - Throws: `.conflict` where an address or a port is taken; then nothing is left of it.
  public func setUpSandbox(
    _ id: String, namespace path: String, networks requests: [NetworkRequest], ports mappings: [PortMapping] = []
  ) throws(Problem) -> Sandbox {
    try ObjectName.check(id, what: "sandbox ID")
    let store = try store()
    if try store.networks.holds(id) {
      throw Problem(code: .conflict, message: "sandbox \(id.prefix(12)) has its networks already")
    }
    let namespace = try NetworkNamespace(path: path)
    var options = ContainerOptions(.image(""))
    options.networks = requests
    let wanted = try memberships(of: &options)
    do throws(Problem) {
      var joined: [Joined] = []
      for membership in wanted {
        guard let record = try store.networks.get(membership.networkID) else { continue }
        let network = try NetworkConfiguration(record)
        joined.append(
          try store.transaction(durable: false) { () throws(Problem) in
            try lease(membership, network, owner: id)
          })
      }
      let ports = try take(mappings, to: Self.portTargets(joined, for: mappings), owner: id, nil)
      var connections = Connections(joined: joined, ports: ports)
      try connect(connections, namespace)
      try joinPlugins(&connections, owner: id, name: String(id.prefix(12)), namespace: path)
      return Sandbox(attachments: connections.joined.map(\.attachment), ports: ports)
    } catch {
      let failure = error
      try tearDownSandbox(id, namespace: path, networks: [])
      throw failure
    }
  }

  /// Gives back what a sandbox holds, and takes its interfaces out of the namespace where that is to live on.
  /// - Parameter networks: attachments to remove; none where the namespace goes.
  public func tearDownSandbox(_ id: String, namespace path: String? = nil, networks: [Attachment] = [])
    throws(Problem)
  {
    if let path, !networks.isEmpty {
      let namespace = try NetworkNamespace(path: path)
      try amongBridgesIfThere { () throws(Problem) in
        let host = try hostNetwork()
        for attachment in networks { try host.detach(attachment.interface, namespace) }
      }
    }
    try disconnect(id)
  }
}
