import Engine
import JSON
import Problems
import Templates

/// What `inspect` looks at.
enum InspectKind: String, CaseIterable { case all, container, image, network, volume }

/// `berth inspect`: containers, images and volumes by name.
struct Inspect: Command {
  var format: String?
  var kind = "all"
  var sizes = false
  var latest = false
  var given: [String] = []
  init() {}

  static var about: About { About("inspect", "Show all that is known of containers, images, volumes and networks") }
  static var operands: [Operand] { [Operand("NAME", "Name or ID", optional: true, repeats: true)] }
  static var flags: [Flag<Self>] {
    let kinds = InspectKind.allCases.map(\.rawValue)
    return [
      .value("format", "f", "template", "json or a Go template") { $0.format = $1 },
      .value("type", "t", "type", "Only this type: \(kinds.joined(separator: ", "))", completion: .words(kinds)) {
        guard InspectKind(rawValue: $1) != nil else { throw choice("--type", $1, kinds) }
        $0.kind = $1
      },
      .toggle("size", "s", "Containers: sizes, too") { $0.sizes = $1 },
      .toggle("latest", "l", "The container made last") { $0.latest = $1 },
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let engine = try context.engine()
    let kind = InspectKind(rawValue: kind) ?? .all
    if sizes, kind == .image || kind == .volume || kind == .network {
      throw Problem(code: .invalid, message: "--size is for containers, not for --type \(kind.rawValue)")
    }
    var names = given
    if latest { names = [try engine.latestContainer()] }
    if names.isEmpty {
      throw Problem(code: .invalid, message: "a name or ID is missing", hint: "See 'berth inspect --help'")
    }
    return try context.inspect(names, format: format) { name throws(Problem) in
      try Self.document(of: name, kind: kind, sizes: sizes, engine)
    }
  }

  private static func document(of name: String, kind: InspectKind, sizes: Bool, _ engine: Engine) throws(Problem)
    -> JSON
  {
    switch kind {
    case .container: return try engine.inspect(name, sizes: sizes)
    case .image: return try engine.inspectImage(name)
    case .volume: return try engine.inspectVolume(name)
    case .network: return try engine.inspectNetwork(name)
    case .all:
      if try engine.containerExists(name) { return try engine.inspect(name, sizes: sizes) }
      if try engine.imageExists(name) { return try engine.inspectImage(name) }
      do throws(Problem) { return try engine.inspectVolume(name) } catch  where error.code == .notFound {}
      do throws(Problem) {
        return try engine.inspectNetwork(name)
      } catch {
        guard error.code == .notFound else { throw error }
        throw Problem(
          code: .notFound, message: "no such object: \"\(name)\"",
          hint: "berth ps -a, berth images, berth volume ls and berth network ls show what is there")
      }
    }
  }
}

extension Context {
  /// Prints an array of documents, or a template's text for each; goes on after a failure.
  func inspect(
    _ names: [String], format: String?, _ body: (String) throws(Problem) -> JSON
  ) throws(Problem) -> Int32 {
    let template: Template?
    switch RowFormat(format) {
    case .json, .table(nil): template = nil
    case .lines(let text): template = try Template(format: text)
    case .table(let text?): template = try Template(format: text)
    }
    var documents: [JSON] = []
    let status = each(names) { name throws(Problem) in
      let document = try body(name)
      if let template { output.line(try template.filling(document)) } else { documents.append(document) }
    }
    if template == nil { output.write(JSON.array(documents).text(indent: 5) + "\n") }
    return status
  }
}
