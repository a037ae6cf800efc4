import Engine
import JSON
import Networking
import Problems

/// `berth network ls`.
struct NetworkList: Command {
  var filters: [ListFilter] = []
  var format: String?
  var headings = true
  var truncates = true
  var quiet = false
  var given: [String] = []
  init() {}

  static var about: About { About("ls", "List networks", aliases: ["list"]) }
  static var flags: [Flag<Self>] {
    [
      .value("filter", "f", "key=value", "Only those that match: name, id, label, driver, dangling, until") {
        $0.filters.append(try ListFilter(flag: $1))
      },
      .value("format", "template", "json, a Go template, or 'table' and a Go template") { $0.format = $1 },
      .toggle("no-trunc", "Show IDs in full") { $0.truncates = !$1 },
      .toggle("noheading", "n", "Leave out the headings") { $0.headings = !$1 },
      .toggle("quiet", "q", "Only names") { $0.quiet = $1 },
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let networks = try context.engine().networks(filters)
    if quiet {
      for network in networks { context.output.line(network.network.name) }
      return 0
    }
    context.output.write(try listing(networks).text(format: format, headings: headings))
    return 0
  }

  /// Source: podman network ls 4.3.
  func listing(_ networks: [NetworkSummary]) -> Listing {
    let rows = networks.map { summary -> JSON in
      let network = summary.network
      var row = JSON.Object([
        ("ID", .string(truncates ? String(network.id.prefix(12)) : network.id)), ("Name", .string(network.name)),
        ("Driver", .string(network.driverName)),
        ("Labels", .string(network.labels.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }.joined(separator: ","))),
        ("NetworkInterface", .string(network.interface)), ("Internal", JSON(network.isInternal)),
        ("IPv6Enabled", JSON(network.ipv6Enabled)), ("DNSEnabled", JSON(network.dnsEnabled)),
        ("Created", .string(HumanText.goTime(network.created))),
      ])
      row["Subnets"] = summary.document["subnets"] ?? []
      row["Options"] = summary.document["options"] ?? [:]
      row["IPAMOptions"] = summary.document["ipam_options"] ?? [:]
      return .object(row)
    }
    return Listing(
      columns: [.init("ID", "NETWORK ID"), .init("Name", "NAME"), .init("Driver", "DRIVER")], rows: rows,
      document: .array(networks.map(\.document)))
  }
}
