internal import JSON

struct Parser {
  let pieces: [Piece]
  let source: [UInt8]
  var place = 0
  /// Variables in scope, innermost last.
  private var variables: [String] = [""]
  private var loops = 0

  init(pieces: [Piece], source: [UInt8]) {
    self.pieces = pieces
    self.source = source
  }

  private func failure(_ reason: String, at offset: Int) -> TemplateError {
    TemplateError(reason, at: offset, in: source)
  }

  mutating func document() throws(TemplateError) -> [Node] {
    let (nodes, end) = try list(depth: 0)
    if let end { throw failure("{{\(end.word)}} without a block that it ends", at: end.offset) }
    return nodes
  }

  /// What ends a list of nodes: `end`, or `else` with what follows it.
  private struct Terminator {
    var word: String
    /// The tokens after `else`: empty, or `if …`, or `with …`.
    var rest: [Token]
    var offset: Int
  }

  private mutating func list(depth: Int) throws(TemplateError) -> ([Node], Terminator?) {
    let outer = variables.count
    defer { variables.removeLast(variables.count - outer) }
    var nodes: [Node] = []
    while place < pieces.count {
      defer { place += 1 }
      switch pieces[place] {
      case .text(let text): nodes.append(.text(text))
      case .action(let tokens, let offset):
        guard let first = tokens.first else { throw failure("an empty action", at: offset) }
        if case .word(let word) = first.kind, word == "end" || word == "else" {
          return (nodes, Terminator(word: word, rest: Array(tokens.dropFirst()), offset: first.offset))
        }
        nodes.append(try action(tokens, offset: offset, depth: depth))
      }
    }
    return (nodes, nil)
  }

  private mutating func action(_ tokens: [Token], offset: Int, depth: Int) throws(TemplateError) -> Node {
    guard case .word(let word)? = tokens.first?.kind else { return .action(try whole(tokens, offset: offset)) }
    let rest = Array(tokens.dropFirst())
    switch word {
    case "if", "with", "range": return try block(word, rest, offset: offset, depth: depth + 1)
    case "break", "continue":
      if loops == 0 { throw failure("\(word) outside of a range", at: offset) }
      if let extra = rest.first { throw failure("unexpected text after \(word)", at: extra.offset) }
      return .leave(word == "break" ? .stop : .next)
    case "define", "template", "block":
      throw failure("'\(word)' is not supported: a format is one template", at: offset)
    default: return .action(try whole(tokens, offset: offset))
    }
  }

  private mutating func block(_ word: String, _ tokens: [Token], offset: Int, depth: Int) throws(TemplateError) -> Node
  {
    if depth > Template.Limit.depthMax { throw failure("nested deeper than \(Template.Limit.depthMax)", at: offset) }
    let outer = variables.count
    defer { variables.removeLast(variables.count - outer) }
    let pipeline = try whole(tokens, offset: offset, in: word)
    place += 1
    if word == "range" { loops += 1 }
    let (body, end) = try list(depth: depth)
    if word == "range" { loops -= 1 }
    guard let end else { throw failure("{{\(word)}} without its {{end}}", at: offset) }
    var otherwise: [Node] = []
    if end.word == "end" {
      if let extra = end.rest.first { throw failure("unexpected text after end", at: extra.offset) }
      place -= 1
    } else if case .word(let next)? = end.rest.first?.kind, next == word, word != "range" {
      // `else if` is an if inside the else that shares its end.
      place -= 1
      otherwise = [try block(word, Array(end.rest.dropFirst()), offset: end.offset, depth: depth + 1)]
    } else if let extra = end.rest.first {
      throw failure("unexpected text after else", at: extra.offset)
    } else {
      let (nodes, last) = try list(depth: depth)
      guard let last else { throw failure("{{\(word)}} without its {{end}}", at: offset) }
      guard last.word == "end", last.rest.isEmpty else { throw failure("expected {{end}}", at: last.offset) }
      otherwise = nodes
      place -= 1
    }
    switch word {
    case "if": return .conditional(pipeline, then: body, otherwise: otherwise)
    case "with": return .with(pipeline, then: body, otherwise: otherwise)
    default: return .range(pipeline, body: body, otherwise: otherwise)
    }
  }

  private mutating func whole(_ tokens: [Token], offset: Int, in block: String? = nil) throws(TemplateError) -> Pipeline
  {
    var rest = tokens[...]
    let result = try pipeline(&rest, offset: offset, block: block, depth: 0)
    if let extra = rest.first { throw failure("unexpected ')'", at: extra.offset) }
    return result
  }

  /// Reads up to the end or an unmatched `)`.
  private mutating func pipeline(
    _ tokens: inout ArraySlice<Token>, offset: Int, block: String?, depth: Int
  ) throws(TemplateError) -> Pipeline {
    if depth > Template.Limit.depthMax { throw failure("nested deeper than \(Template.Limit.depthMax)", at: offset) }
    var result = Pipeline(offset: tokens.first?.offset ?? offset)
    if depth == 0 { try declaration(&tokens, into: &result, block: block) }
    repeat {
      var operands: [Operand] = []
      while let token = tokens.first, token.kind != .pipe, token.kind != .close {
        operands.append(try operand(&tokens, depth: depth))
      }
      guard let first = operands.first else {
        throw failure(block.map { "\($0) needs a value" } ?? "a value is missing", at: tokens.first?.offset ?? offset)
      }
      try check(operands, first, isFirst: result.commands.isEmpty)
      result.commands.append(Command(operands: operands))
    } while tokens.popFirst(where: .pipe)
    variables += result.assigns ? [] : result.variables
    return result
  }

  private func check(_ operands: [Operand], _ first: Operand, isFirst: Bool) throws(TemplateError) {
    if case .literal = first.kind, operands.count > 1 || !isFirst {
      throw failure("a literal is no function", at: first.offset)
    }
  }

  /// `$x :=`, `$x =`, and in a range `$i, $x :=`.
  private func declaration(
    _ tokens: inout ArraySlice<Token>, into result: inout Pipeline, block: String?
  ) throws(TemplateError) {
    guard case .variable(let first)? = tokens.first?.kind, let next = tokens.dropFirst().first else { return }
    var names = [first]
    if next.kind == .comma {
      let rest = tokens.dropFirst(2)
      guard block == "range", case .variable(let second)? = rest.first?.kind else {
        throw failure("two variables belong to a range: {{range $key, $value := …}}", at: next.offset)
      }
      names.append(second)
      tokens = rest.dropFirst()
    } else if next.kind == .declare || next.kind == .assign {
      tokens = tokens.dropFirst()
    } else {
      return
    }
    guard let sign = tokens.first, sign.kind == .declare || sign.kind == .assign else {
      throw failure("expected :=", at: tokens.first?.offset ?? next.offset)
    }
    result.assigns = sign.kind == .assign
    for name in names {
      if name.isEmpty { throw failure("$ itself cannot be set", at: result.offset) }
      if result.assigns, !variables.contains(name) { throw failure("no variable $\(name)", at: result.offset) }
    }
    result.variables = names
    tokens = tokens.dropFirst()
  }

  private mutating func operand(_ tokens: inout ArraySlice<Token>, depth: Int) throws(TemplateError) -> Operand {
    guard let token = tokens.popFirst() else { throw failure("a value is missing", at: source.count) }
    var result = Operand(kind: .dot, offset: token.offset)
    switch token.kind {
    case .dot: break
    case .field(let name): result.fields = [.init(name: name, offset: token.offset)]
    case .string(let text): result.kind = .literal(.string(text))
    case .number(let text): result.kind = .literal(.number(text))
    case .variable(let name):
      if !variables.contains(name) { throw failure("no variable $\(name)", at: token.offset) }
      result.kind = .variable(name)
    case .word("true"): result.kind = .literal(true)
    case .word("false"): result.kind = .literal(false)
    case .word("nil"): result.kind = .literal(nil)
    case .word(let name):
      guard TemplateFunction.all[name] != nil else { throw failure("no function '\(name)'", at: token.offset) }
      result.kind = .function(name)
    case .open:
      let inner = try pipeline(&tokens, offset: token.offset, block: nil, depth: depth + 1)
      guard tokens.popFirst(where: .close) else { throw failure("( without its )", at: token.offset) }
      result.kind = .pipeline(inner)
    case .pipe, .close, .declare, .assign, .comma: throw failure("a value is missing", at: token.offset)
    }
    while let next = tokens.first, next.glued, case .field(let name) = next.kind {
      if case .literal = result.kind { throw failure("a literal has no fields", at: next.offset) }
      result.fields.append(.init(name: name, offset: next.offset))
      tokens = tokens.dropFirst()
    }
    return result
  }
}

extension ArraySlice<Token> {
  fileprivate mutating func popFirst(where kind: Token.Kind) -> Bool {
    guard first?.kind == kind else { return false }
    self = dropFirst()
    return true
  }
}
