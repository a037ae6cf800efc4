/// What the name service knows of one network.
package struct NetworkRecords: Hashable, Sendable {
  /// The network's name, such as `berth`: containers are found as `NAME.NETWORK` too.
  package var name: String
  /// An internal network: its containers get no answer from outside.
  package var isInternal: Bool
  /// Where the service listens, normally the bridge's gateways: port 53, UDP and TCP.
  package var listenAddresses: [HostAddress]
  /// Servers for everything that is no container (`network create --dns`); empty means the host's.
  package var upstreams: [HostAddress]
  /// Servers for one zone each, before all others; several of one zone are tried in turn.
  package var zones: [Zone]
  package var containers: [Container]

  package init(
    name: String, isInternal: Bool = false, listenAddresses: [HostAddress] = [], upstreams: [HostAddress] = [],
    zones: [Zone] = [], containers: [Container] = []
  ) {
    self.name = name
    self.isInternal = isInternal
    self.listenAddresses = listenAddresses
    self.upstreams = upstreams
    self.zones = zones
    self.containers = containers
  }

  /// Who answers for a zone, such as `example.org`.
  package struct Zone: Hashable, Sendable {
    package var name: String
    package var server: HostAddress

    package init(name: String, server: HostAddress) {
      self.name = name
      self.server = server
    }
  }

  /// One container on this network. It is found by its name, its id, the id's first 12 digits, its host name and
  /// its aliases; what is no name for DNS (RFC 1035, 2.3.4: 63 bytes a label, 253 in all) is left out.
  package struct Container: Hashable, Sendable {
    package var id: String
    package var name: String
    package var hostname: String?
    /// Names on this network; several containers may share one, and are then answered in turn.
    package var aliases: [String]
    /// On this network.
    package var addresses: [HostAddress]
    /// Servers of this container alone (`run --dns`), before the network's.
    package var upstreams: [HostAddress]

    package init(
      id: String, name: String, hostname: String? = nil, aliases: [String] = [], addresses: [HostAddress] = [],
      upstreams: [HostAddress] = []
    ) {
      self.id = id
      self.name = name
      self.hostname = hostname
      self.aliases = aliases
      self.addresses = addresses
      self.upstreams = upstreams
    }
  }

  /// Limits of one file: more is refused, by the writer as by the reader.
  package enum Limit {
    package static let fileBytesMax = 16 << 20
    /// Containers of one network: a /16 full of them.
    package static let containersMax = 65_536
    package static let listenAddressesMax = 32
    package static let upstreamsMax = 16
    package static let zonesMax = 256
    package static let aliasesMax = 256
    /// Addresses of one container on one network.
    package static let addressesMax = 64
    /// Bytes of a name, an alias or an id.
    package static let wordBytesMax = 255
  }
}
