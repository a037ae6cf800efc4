internal import JSON

struct Evaluator {
  let source: [UInt8]
  var output = ""
  private var variables: [(name: String, value: JSON)]

  init(source: [UInt8], root: JSON) {
    self.source = source
    variables = [("", root)]
  }

  private func failure(_ reason: String, at offset: Int) -> TemplateError {
    TemplateError(reason, at: offset, in: source)
  }

  mutating func run(_ nodes: [Node], dot: JSON) throws(TemplateError) { _ = try scope(nodes, dot: dot) }

  /// Runs nodes; their variables end with them.
  private mutating func scope(_ nodes: [Node], dot: JSON) throws(TemplateError) -> LoopExit? {
    let outer = variables.count
    defer { variables.removeLast(variables.count - outer) }
    for node in nodes {
      if let exit = try step(node, dot: dot) { return exit }
    }
    return nil
  }

  private mutating func step(_ node: Node, dot: JSON) throws(TemplateError) -> LoopExit? {
    switch node {
    case .text(let text): output += text
    case .leave(let exit): return exit
    case .action(let pipeline):
      let result = try value(of: pipeline, dot: dot)
      if pipeline.variables.isEmpty { output += result.templateText }
    case .conditional(let pipeline, let then, let otherwise):
      return try choose(pipeline, dot: dot, then: then, otherwise: otherwise, entering: false)
    case .with(let pipeline, let then, let otherwise):
      return try choose(pipeline, dot: dot, then: then, otherwise: otherwise, entering: true)
    case .range(let pipeline, let body, let otherwise):
      return try loop(pipeline, dot: dot, body: body, otherwise: otherwise)
    }
    return nil
  }

  private mutating func choose(
    _ pipeline: Pipeline, dot: JSON, then: [Node], otherwise: [Node], entering: Bool
  ) throws(TemplateError) -> LoopExit? {
    let outer = variables.count
    defer { variables.removeLast(variables.count - outer) }
    let result = try value(of: pipeline, dot: dot)
    if result.isTrue { return try scope(then, dot: entering ? result : dot) }
    return try scope(otherwise, dot: dot)
  }

  private mutating func loop(
    _ pipeline: Pipeline, dot: JSON, body: [Node], otherwise: [Node]
  ) throws(TemplateError) -> LoopExit? {
    let outer = variables.count
    defer { variables.removeLast(variables.count - outer) }
    var bare = pipeline
    bare.variables = []
    let elements: [(key: JSON, value: JSON)]
    switch try value(of: bare, dot: dot) {
    case .array(let values): elements = values.enumerated().map { (JSON($0.offset), $0.element) }
    case .object(let object): elements = object.sortedMembers.map { (.string($0.name), $0.value) }
    case .null: elements = []
    case let other:
      guard let count = other.integer(Int.self) else {
        throw failure("range needs a list or a map, not \(other.kindName)", at: pipeline.offset)
      }
      elements = (0..<max(0, min(count, Template.Limit.bytesMax))).map { (JSON($0), JSON($0)) }
    }
    if elements.isEmpty { return try scope(otherwise, dot: dot) }
    for element in elements {
      let inner = variables.count
      defer { variables.removeLast(variables.count - inner) }
      let values = pipeline.variables.count == 2 ? [element.key, element.value] : [element.value]
      for (name, value) in zip(pipeline.variables, values) { set(name, value, assigns: pipeline.assigns) }
      if try scope(body, dot: element.value) == .stop { break }
    }
    return nil
  }

  private mutating func set(_ name: String, _ value: JSON, assigns: Bool) {
    if assigns, let place = variables.lastIndex(where: { $0.name == name }) {
      variables[place].value = value
    } else {
      variables.append((name, value))
    }
  }

  private mutating func value(of pipeline: Pipeline, dot: JSON) throws(TemplateError) -> JSON {
    var last: JSON?
    for command in pipeline.commands { last = try run(command, dot: dot, piped: last) }
    let result = last ?? .null
    for name in pipeline.variables { set(name, result, assigns: pipeline.assigns) }
    return result
  }

  private mutating func run(_ command: Command, dot: JSON, piped: JSON?) throws(TemplateError) -> JSON {
    let first = command.operands[0]
    var rest = command.operands.dropFirst()
    guard case .function(let name) = first.kind else {
      if rest.isEmpty, piped == nil { return try value(of: first, dot: dot) }
      return try label(first, rest.popFirst(), dot: dot, piped: piped)
    }
    let result = try call(name, rest, dot: dot, piped: piped, offset: first.offset)
    return try walk(result, first.fields)
  }

  private mutating func call(
    _ name: String, _ operands: ArraySlice<Operand>, dot: JSON, piped: JSON?, offset: Int
  ) throws(TemplateError) -> JSON {
    guard let function = TemplateFunction.all[name] else { throw failure("no function '\(name)'", at: offset) }
    var arguments: [JSON] = []
    for operand in operands {
      arguments.append(try value(of: operand, dot: dot))
      // `and` and `or` stop at the argument that decides.
      if name == "and", arguments.last?.isTrue == false { return arguments.last ?? .null }
      if name == "or", arguments.last?.isTrue == true { return arguments.last ?? .null }
    }
    if let piped { arguments.append(piped) }
    guard function.count.contains(arguments.count) else {
      throw failure(
        "\(name) takes \(function.usage), not \(arguments.count) value\(arguments.count == 1 ? "" : "s")", at: offset)
    }
    switch function.body(arguments) {
    case .success(let value): return value
    case .failure(let reason): throw failure("\(name): \(reason.text)", at: offset)
    }
  }

  /// `{{.Label "key"}}`, the one method that users of `ps --format` know.
  private mutating func label(_ first: Operand, _ argument: Operand?, dot: JSON, piped: JSON?) throws(TemplateError)
    -> JSON
  {
    guard case .dot = first.kind, first.fields.count == 1, first.fields[0].name == "Label", let labels = dot["Labels"]
    else {
      throw failure("a value is no function: it takes no arguments", at: first.offset)
    }
    let key = if let argument { try value(of: argument, dot: dot) } else { piped ?? .null }
    return key.string.flatMap { labels[$0] } ?? ""
  }

  private mutating func value(of operand: Operand, dot: JSON) throws(TemplateError) -> JSON {
    switch operand.kind {
    case .dot: try walk(dot, operand.fields)
    case .literal(let value): value
    case .variable(let name): try walk(variables.last { $0.name == name }?.value ?? .null, operand.fields)
    case .pipeline(let inner): try walk(try value(of: inner, dot: dot), operand.fields)
    case .function(let name): try walk(try call(name, [], dot: dot, piped: nil, offset: operand.offset), operand.fields)
    }
  }

  /// Follows `.State.Status`; a name that is not there is an error that lists what is.
  private func walk(_ start: JSON, _ fields: [Operand.Field]) throws(TemplateError) -> JSON {
    var value = start
    var path = ""
    for field in fields {
      guard case .object(let object) = value else {
        throw failure(
          "no field '\(field.name)': \(path.isEmpty ? "the value" : path) is \(value.kindName)", at: field.offset)
      }
      guard let next = object.member(field.name) else {
        let names = object.members.map(\.name)
        let known = names.isEmpty ? "it is empty" : "it has " + names.prefix(60).joined(separator: ", ")
        throw failure("no field '\(field.name)'\(path.isEmpty ? "" : " in \(path)"): \(known)", at: field.offset)
      }
      value = next
      path += "." + field.name
    }
    return value
  }
}

extension JSON.Object {
  /// The member of this name; else the one that differs in case only (`.Id` and `.ID` are both in use), or in
  /// underscores: `.IPv6Enabled` is Go's name of what JSON calls `ipv6_enabled`.
  func member(_ name: String) -> JSON? {
    if let value = self[name] { return value }
    let folded = name.lowercased()
    var alike = members.filter { $0.name.lowercased() == folded }
    if alike.isEmpty { alike = members.filter { $0.name.lowercased().filter { $0 != "_" } == folded } }
    // Not `: nil`, which would be JSON's own null.
    return alike.count == 1 ? alike[0].value : Optional<JSON>.none
  }
  var sortedMembers: [JSON.Member] { members.sorted { $0.name < $1.name } }
}
