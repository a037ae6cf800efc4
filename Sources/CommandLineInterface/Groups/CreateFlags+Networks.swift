import Engine
import Networking
import Problems

extension CreateFlags {
  static var networks: [Flag<CreateFlags>] { networkFlags + portFlags + nameFlags }

  private static var networkFlags: [Flag<CreateFlags>] {
    [
      .value(
        "network", "mode",
        "NAME[:ip=…,mac=…,alias=…,interface_name=…], none, host, container:NAME, ns:PATH, pasta, slirp4netns",
        also: ["net"]
      ) {
        try $0.options.addNetwork(flag: $1)
      },
      .value("ip", "address", "IPv4 address on the one network") {
        $0.options.ipAddress = try NetworkRequest.address($1, flag: "--ip")
      },
      .value("ip6", "address", "IPv6 address on the one network") {
        $0.options.ip6Address = try NetworkRequest.address($1, flag: "--ip6")
      },
      .value("mac-address", "address", "MAC address on the one network") {
        $0.options.macAddress = try NetworkRequest.mac($1, flag: "--mac-address")
      },
      .value("network-alias", "name", "A name of the container on its networks", also: ["net-alias"]) {
        $0.options.networkAliases += commaList($1)
      },
    ]
  }

  private static var portFlags: [Flag<CreateFlags>] {
    [
      .value("publish", "p", "[[address:]host:]container", "Publish a port or a range on the host") {
        $0.options.published.append(try PortMapping(flag: $1))
      },
      .toggle("publish-all", "P", "Publish all exposed ports on ports that are free") { $0.options.publishesAll = $1 },
      .value("expose", "port", "A port or a range that the container serves") {
        $0.options.exposed.append(try PortMapping(exposed: $1))
      },
    ]
  }

  private static var nameFlags: [Flag<CreateFlags>] {
    [
      .value("dns", "address", "Name server; 'none' leaves the image's resolv.conf alone") {
        for server in commaList($1) {
          if server != "none" { _ = try NetworkRequest.address(server, flag: "--dns") }
          $0.options.dnsServers.append(server)
        }
      },
      .value("dns-search", "domain", "Search domain; '.' is none") { $0.options.dnsSearch += commaList($1) },
      .value("dns-option", "option", "Option of resolv.conf", also: ["dns-opt"]) {
        $0.options.dnsOptions += commaList($1)
      },
      .toggle("no-hosts", "Leave the image's /etc/hosts alone") { $0.options.noHosts = $1 },
      .toggle("no-hostname", "Leave the image's /etc/hostname alone") { $0.options.noHostname = $1 },
    ]
  }
}
