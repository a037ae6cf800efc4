import Engine
import JSON
import Problems

/// `berth volume ls`.
struct VolumeList: Command {
  var filters: [ListFilter] = []
  var format: String?
  var headings = true
  var quiet = false
  var given: [String] = []
  init() {}

  static var about: About { About("ls", "List volumes", aliases: ["list"]) }
  static var flags: [Flag<Self>] {
    [
      .value("filter", "f", "key=value", "Only those that match: name, label, driver, dangling, until") {
        $0.filters.append(try ListFilter(flag: $1))
      },
      .value("format", "template", "json, a Go template, or 'table' and a Go template") { $0.format = $1 },
      .toggle("noheading", "n", "Leave out the headings") { $0.headings = !$1 },
      .toggle("quiet", "q", "Only names") { $0.quiet = $1 },
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let volumes = try context.engine().volumes(filters)
    if quiet {
      for volume in volumes { context.output.line(volume.name) }
      return 0
    }
    context.output.write(try listing(volumes).text(format: format, headings: headings))
    return 0
  }

  /// Source: podman volume ls 4.3.
  func listing(_ volumes: [VolumeSummary]) -> Listing {
    let documents = volumes.map { volume -> JSON in
      [
        "Name": .string(volume.name), "Driver": .string(volume.driver), "Mountpoint": .string(volume.mountpoint),
        "CreatedAt": .string(HumanText.rfc3339(volume.created)), "Labels": Self.map(volume.labels), "Scope": "local",
        "Options": Self.map(volume.options), "Anonymous": JSON(volume.anonymous),
      ]
    }
    return Listing(
      columns: [.init("Driver", "DRIVER"), .init("Name", "VOLUME NAME")],
      otherHeaders: [.init("CreatedAt", "CREATED AT"), .init("Mountpoint", "MOUNTPOINT")],
      rows: documents, document: .array(documents))
  }

  private static func map(_ values: [String: String]) -> JSON {
    .object(JSON.Object(values.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
  }
}
