import Networking
import Problems
import Sys

/// What /etc/hosts and /etc/resolv.conf of a container say.
/// Source: capability lines PD-131, PD-144, G.16; podman-run(1).
struct NameFiles {
  let options: ContainerOptions
  let hostname: String
  let name: String
  let joined: [Engine.Joined]
  /// An ordinary user's networks.
  var isRootless = false

  private var slirp: Slirp? {
    guard case .slirp(let options) = options.network else { return nil }
    return try? Slirp(options)  // checked when it was given
  }
  private var addresses: [IPAddress] {
    joined.flatMap { $0.attachment.addresses.map(\.address) } + (slirp.map { [$0.container] } ?? [])
  }
  /// Where the container reaches the host.
  var hostGateway: IPAddress? {
    if options.network == .host { return IPAddress("127.0.0.1") }
    if let slirp { return slirp.reachesHostLoopback ? slirp.gateway : nil }
    let gateways = joined.filter { !$0.network.isInternal && [.bridge, .cni].contains($0.network.driver) }
      .flatMap { $0.network.subnets.compactMap(\.gateway) }
    return gateways.first { $0.family == .v4 } ?? gateways.first
  }

  /// - Parameter base: the host's file, where its network is shared.
  func hosts(base: String?) throws(Problem) -> String {
    var text = ""
    for entry in options.addHosts {
      var address = entry.address
      if address == HostEntry.hostGateway {
        guard let gateway = hostGateway else {
          throw Problem(
            code: .invalid, message: "--add-host \(entry.name):host-gateway: the container has no way to the host")
        }
        address = gateway.description
      }
      text += "\(address)\t\(entry.name)\n"
    }
    if let base { return text + base }
    text += "127.0.0.1\tlocalhost localhost.localdomain\n::1\tlocalhost ip6-localhost\n"
    if let gateway = hostGateway { text += "\(gateway)\thost.containers.internal host.docker.internal\n" }
    let names = hostname == name ? name : "\(hostname) \(name)"
    for address in addresses.isEmpty ? ["127.0.1.1"] : addresses.map(\.description) { text += "\(address)\t\(names)\n" }
    return text
  }

  /// - Parameters:
  ///   - host: text of the host's resolv.conf.
  ///   - service: where the networks' own name service listens; empty where there is none.
  func resolvConf(host: String, service: [IPAddress] = []) -> String {
    let lines = host.split(separator: "\n").map { $0.split { $0 == " " || $0 == "\t" }.map(String.init) }
    func words(of keyword: String) -> [String] {
      lines.filter { $0.first == keyword }.flatMap { $0.dropFirst() }
    }
    let sharesHost = options.network == .host
    var servers = options.dnsServers
    // The user's word comes first, then that of the networks' plugins, then the host's (PD-144).
    let told = joined.map(\.attachment.nameServers)
    if servers.isEmpty { servers = told.flatMap(\.servers).map(\.description) }
    if !service.isEmpty {
      servers = service.map(\.description)
    } else if servers.isEmpty {
      servers = lines.filter { $0.first == "nameserver" && $0.count > 1 }.map { $0[1] }
      // Name servers on loopback are of no use in another network namespace.
      if !sharesHost { servers.removeAll { IPAddress($0)?.isLoopback == true } }
      if let slirp { servers.insert(slirp.nameServer.description, at: 0) }
      // Source: what Docker and podman fall back on.
      if servers.isEmpty, case .pasta = options.network { servers = [Pasta.nameServer] }
      if servers.isEmpty, options.network == .bridge {
        servers = isRootless ? [SharedGateway.slirp.nameServer.description] : ["8.8.8.8", "8.8.4.4"]
      }
    }
    var search = options.dnsSearch
    if search.isEmpty {
      search = told.flatMap(\.search)
      if search.isEmpty {
        search = lines.last { $0.first == "search" || $0.first == "domain" }.map { Array($0.dropFirst()) } ?? []
      }
      if !service.isEmpty { search.insert("dns.berth", at: 0) }
    }
    search.removeAll { $0 == "." }
    var settings = options.dnsOptions.isEmpty ? told.flatMap(\.options) : options.dnsOptions
    if settings.isEmpty { settings = words(of: "options") }
    var text = ""
    if !search.isEmpty { text += "search \(search.joined(separator: " "))\n" }
    for server in servers { text += "nameserver \(server)\n" }
    if !settings.isEmpty { text += "options \(settings.joined(separator: " "))\n" }
    return text
  }

  /// The host's resolv.conf; the one behind systemd-resolved's stub, which listens on the host's loopback only.
  static func hostResolvConf(sharesHost: Bool) -> String {
    let text = (try? readText("/etc/resolv.conf", limit: 1 << 20)) ?? ""
    guard !sharesHost, text.contains("127.0.0.53") else { return text }
    return (try? readText("/run/systemd/resolve/resolv.conf", limit: 1 << 20)) ?? text
  }

  static var hasOnlyLoopbackServers: Bool {
    hostResolvConf(sharesHost: false).split(separator: "\n").allSatisfy { line in
      let words = line.split(whereSeparator: \.isWhitespace)
      return words.first != "nameserver" || words.count < 2 || IPAddress(words[1])?.isLoopback == true
    }
  }
}
