import Engine
import JSON
import Problems

/// `berth history`, `berth image history`.
struct ImageHistory: Command {
  var format: String?
  var isHuman = true
  var truncates = true
  var quiet = false
  var given: [String] = []
  init() {}

  static var about: About { About("history", "Show the steps that made an image") }
  static var operands: [Operand] { [Operand("IMAGE", "Name or ID")] }
  static var flags: [Flag<Self>] {
    [
      .value("format", "template", "json, a Go template, or 'table' and a Go template") { $0.format = $1 },
      .toggle("human", "H", "Ages and sizes for people; else dates and bytes (default true)") { $0.isHuman = $1 },
      .toggle("no-trunc", "Show IDs and steps in full") { $0.truncates = !$1 },
      .toggle("quiet", "q", "Only IDs") { $0.quiet = $1 },
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let steps = try context.engine().imageHistory(given[0])
    if quiet {
      for step in steps { context.output.line(shown(step)) }
      return 0
    }
    context.output.write(try listing(steps, now: HumanText.now()).text(format: format, headings: true))
    return 0
  }

  /// A step before the last has no image of its own.
  private func shown(_ step: ImageStep) -> String {
    guard let id = step.id else { return "<missing>" }
    return truncates ? String(id.prefix(12)) : id
  }

  /// Source: podman history 4.3.
  private func listing(_ steps: [ImageStep], now: Int64) -> Listing {
    let rows = steps.map { step -> JSON in
      let age = HumanText.age(of: step.created, now: now)
      return [
        "ID": .string(shown(step)), "Created": .string(isHuman ? age : HumanText.rfc3339(step.created)),
        "CreatedBy": .string(truncates ? HumanText.cut(step.createdBy, to: 45) : step.createdBy),
        "Size": isHuman ? .string(HumanText.size(step.size, separator: " ")) : JSON(step.size),
        "Comment": .string(step.comment), "CreatedSince": .string(age),
        "CreatedAt": .string(HumanText.goTime(step.created)), "Tags": JSON(step.tags),
      ]
    }
    let documents = steps.map { step -> JSON in
      [
        "id": .string(step.id ?? "<missing>"), "created": .string(HumanText.rfc3339(step.created)),
        "CreatedBy": .string(step.createdBy), "size": JSON(step.size), "comment": .string(step.comment),
        "tags": JSON(step.tags),
      ]
    }
    return Listing(
      columns: [
        .init("ID", "ID"), .init("Created", "CREATED"), .init("CreatedBy", "CREATED BY"), .init("Size", "SIZE"),
        .init("Comment", "COMMENT"),
      ],
      otherHeaders: [.init("CreatedSince", "CREATED"), .init("CreatedAt", "CREATED AT"), .init("Tags", "TAGS")],
      rows: rows, document: .array(documents))
  }
}
