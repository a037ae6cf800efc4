import Engine
import Problems

/// `berth network connect`.
struct NetworkConnect: Command {
  var request = NetworkRequest("")
  var given: [String] = []
  init() {}

  static var about: About { About("connect", "Bring a container onto a network") }
  static var operands: [Operand] { [Operand("NETWORK", "Name or ID"), Operand("CONTAINER", "Name or ID")] }
  static var flags: [Flag<Self>] {
    [
      .value("alias", "name", "A name of the container on this network") { $0.request.aliases += commaList($1) },
      .value("ip", "address", "IPv4 address") {
        $0.request.addresses.append(try NetworkRequest.address($1, flag: "--ip"))
      },
      .value("ip6", "address", "IPv6 address") {
        $0.request.addresses.append(try NetworkRequest.address($1, flag: "--ip6"))
      },
      .value("mac-address", "address", "MAC address") {
        $0.request.mac = try NetworkRequest.mac($1, flag: "--mac-address")
      },
      .pending("driver-opt"), .pending("gw-priority"), .pending("link"), .pending("link-local-ip"),
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    var request = request
    request.network = given[0]
    try context.engine().connect(given[1], to: request)
    return 0
  }
}
