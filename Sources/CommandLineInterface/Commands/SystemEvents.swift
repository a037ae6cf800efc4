import Engine
import Glibc
import JSON
import Problems
import Templates

/// `berth events`.
struct SystemEvents: Command {
  var query = EventQuery()
  var format: String?
  var truncates = false
  var given: [String] = []
  init() {}

  static var about: About { About("events", "Show what happens to containers, images, networks and volumes") }
  static var flags: [Flag<Self>] {
    [
      .value(
        "filter", "f", "key=value", "Only those that match: container, event, image, label, network, type, volume"
      ) {
        $0.query.filters.append(try ListFilter(flag: $1))
      },
      .value("format", "template", "json or a Go template, a line for each event") { $0.format = $1 },
      .toggle("no-trunc", "Show IDs in full, as it does without; =false shortens them") { $0.truncates = !$1 },
      .value("since", "time", "From this time on: RFC 3339, seconds since 1970, or back from now (10m)") {
        $0.query.since = $1
      },
      .toggle("stream", "Go on with new events, as it does without; =false ends with the last one there is") {
        $0.query.follow = $1
      },
      .value("until", "time", "Up to this time") { $0.query.until = $1 },
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let template: Template?
    switch RowFormat(format) {
    case .json, .table(nil): template = nil
    case .lines(let text): template = try Template(format: text)
    case .table(.some):
      throw Problem(code: .unsupported, message: "--format: events come one by one, without a table")
    }
    try context.engine().events(query) { (event) throws(Problem) in
      if let template {
        context.output.line(try template.filling(fields(of: event)))
      } else {
        context.output.line(format == "json" ? event.json.text() : line(of: event))
      }
      if query.follow { context.output.flush() }
      return !context.output.failed
    }
    return 0
  }

  /// What templates see: podman's members, each of them there.
  private func fields(of event: EngineEvent) -> JSON {
    [
      "Attributes": event.attributes.isNull ? .object(JSON.Object()) : event.attributes,
      "ContainerExitCode": JSON(event.exitCode ?? 0), "HealthStatus": "", "ID": .string(shortened(event.id)),
      "Image": .string(event.image), "Name": .string(event.name), "Network": .string(event.network),
      "Status": .string(event.status.rawValue), "Time": .string(Self.text(ofTime: event.time)),
      "Type": .string(event.kind.rawValue),
    ]
  }

  /// As podman prints it; no name or label begins a line of its own.
  private func line(of event: EngineEvent) -> String {
    let id = shortened(event.id)
    var words = [Self.text(ofTime: event.time), event.kind.rawValue, event.status.rawValue]
    switch event.kind {
    case .container:
      let labels = (event.attributes.object?.members ?? []).sorted { $0.name < $1.name }
      let facts = ["image=\(event.image)", "name=\(event.name)"] + labels.map { "\($0.name)=\($0.value.string ?? "")" }
      words += [id, "(\(facts.joined(separator: ", ")))"]
    case .network: words += [id, "(container=\(id), name=\(event.network))"]
    case .image: words += [id, event.name]
    case .volume: words.append(event.name)
    }
    return Self.printable(words.joined(separator: " "))
  }
  private func shortened(_ id: String) -> String { truncates ? String(id.prefix(12)) : id }

  /// Control characters, a terminal's orders among them, as JSON writes them.
  private static func printable(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return text }
    return text.unicodeScalars.map { scalar in
      guard scalar.properties.generalCategory == .control else { return String(scalar) }
      let digits = String(scalar.value, radix: 16)
      return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }.joined()
  }

  /// "2026-11-26 07:10:24.0733522 +0100 CET", the local time as Go prints it.
  static func text(ofTime nanoseconds: Int64) -> String {
    var (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    if rest < 0 { (seconds, rest) = (seconds - 1, rest + 1_000_000_000) }
    var time = time_t(seconds)
    var local = tm()
    localtime_r(&time, &local)
    func formatted(_ format: String) -> String {
      var room = [CChar](repeating: 0, count: 64)
      let length = strftime(&room, room.count, format, &local)
      return String(decoding: room[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
    var fraction = String(1_000_000_000 + rest).dropFirst()
    while fraction.last == "0" { fraction.removeLast() }
    return formatted("%Y-%m-%d %H:%M:%S") + (fraction.isEmpty ? "" : "." + fraction) + formatted(" %z %Z")
  }
}
