import Engine
import Networking
import Problems

/// `berth network create`.
struct NetworkCreate: Command {
  var options = NetworkOptions()
  var subnets: [String] = []
  var gateways: [String] = []
  var ranges: [String] = []
  var given: [String] = []
  init() {}

  static var about: About { About("create", "Make a network") }
  static var operands: [Operand] { [Operand("NAME", "Name; one is made up without", optional: true)] }
  static var flags: [Flag<Self>] {
    [
      .toggle("disable-dns", "No name service") { $0.options.disablesDNS = $1 },
      .value("dns", "[zone/]address", "Name server for what is no container, or for one zone alone") {
        for text in commaList($1) { $0.options.dnsServers.append(try NetworkNameServer(text, flag: "--dns")) }
      },
      .value("driver", "d", "driver", "bridge, macvlan or ipvlan", completion: .words(["bridge", "macvlan", "ipvlan"]))
      {
        $0.options.driver = $1
      },
      .value("gateway", "address", "Gateway of a subnet") { $0.gateways += commaList($1) },
      .toggle("ignore", "A network of that name is fine") { $0.options.ignore = $1 },
      .value("interface-name", "name", "The bridge, or the interface below a macvlan or ipvlan") {
        $0.options.interface = $1
      },
      .toggle("internal", "No way out of the network") { $0.options.isInternal = $1 },
      .value("ip-range", "range", "Addresses for containers: ADDRESS/PREFIX or ADDRESS-ADDRESS") {
        $0.ranges += commaList($1)
      },
      .value("ipam-driver", "driver", "Who gives out addresses: host-local or none") { $0.options.ipamDriver = $1 },
      .toggle("ipv6", "IPv6 beside IPv4") { $0.options.ipv6 = $1 },
      .value("label", "key=value", "Set a label") {
        let label = try FlagValue.label($1, flag: "--label")
        $0.options.labels[label.name] = label.value
      },
      .value(
        "opt", "o", "name=value", "Option of the driver: mtu, vlan, isolate, metric, no_default_route, parent, mode"
      ) {
        let pair = try FlagValue.pair($1, flag: "--opt")
        $0.options.driverOptions[pair.name] = pair.value
      },
      .value("route", "destination,gateway[,metric]", "A route for containers") { try $0.options.addRoute(flag: $1) },
      .value("subnet", "address/prefix", "Addresses of the network; several are possible") {
        $0.subnets += commaList($1)
      },
      .pending("attachable", value: false), .pending("aux-address"), .pending("config-from"),
      .pending("config-only", value: false), .pending("ingress", value: false), .pending("scope"),
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    var options = options
    options.name = given.first
    try options.setSubnets(subnets, gateways: gateways, ranges: ranges)
    context.output.line(try context.engine().createNetwork(options).network.name)
    return 0
  }
}
