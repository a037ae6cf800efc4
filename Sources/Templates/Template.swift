package import JSON

/// A Go template as users write it for `--format`, ready to be filled with JSON values.
///
/// Source: Go's text/template and the functions that docker and podman add for `--format`.
package struct Template: Sendable {
  let nodes: [Node]
  /// The text, for places in errors.
  let source: [UInt8]

  package enum Limit {
    /// Blocks and parentheses inside each other.
    package static let depthMax = 100
    /// Bytes of one template.
    package static let bytesMax = 1 << 20
    /// Width and precision that `printf` and `pad` accept, in characters.
    package static let widthMax = 1 << 16
  }

  /// - Throws: what is wrong with the text, and where.
  package init(_ text: String) throws(TemplateError) {
    source = Array(text.utf8)
    if source.count > Limit.bytesMax {
      throw TemplateError("longer than \(Limit.bytesMax) bytes", at: 0, in: source.prefix(0))
    }
    var parser = Parser(pieces: try Lexer.pieces(of: source), source: source)
    nodes = try parser.document()
  }

  /// The template filled with `value`, which is its `.` and its `$`.
  package func fill(_ value: JSON) throws(TemplateError) -> String {
    var evaluator = Evaluator(source: source, root: value)
    try evaluator.run(nodes, dot: value)
    return evaluator.output
  }
}

/// What is wrong with a template, and where.
package struct TemplateError: Error, Hashable, Sendable, CustomStringConvertible {
  package let reason: String
  /// From 1, in characters.
  package let line: Int
  package let column: Int

  init(_ reason: String, at offset: Int, in source: some Collection<UInt8>) {
    let before = source.prefix(offset)
    self.reason = reason
    line = 1 + before.count { $0 == 10 }
    column = 1 + before.reversed().prefix { $0 != 10 }.count { $0 & 0xc0 != 0x80 }
  }

  package var description: String {
    line == 1 ? "at character \(column): \(reason)" : "at line \(line), character \(column): \(reason)"
  }
}

/// One part of a parsed template.
indirect enum Node: Sendable {
  case text(String)
  case action(Pipeline)
  case conditional(Pipeline, then: [Node], otherwise: [Node])
  case with(Pipeline, then: [Node], otherwise: [Node])
  case range(Pipeline, body: [Node], otherwise: [Node])
  case leave(LoopExit)
}

enum LoopExit: Sendable { case stop, next }

/// `$a, $b := first | second`.
struct Pipeline: Sendable {
  var variables: [String] = []
  /// `=`: the variable is there already.
  var assigns = false
  var commands: [Command] = []
  var offset: Int
}

/// An operand, or a function with its arguments.
struct Command: Sendable {
  var operands: [Operand]
}

struct Operand: Sendable {
  indirect enum Kind: Sendable {
    case dot
    case literal(JSON)
    case function(String)
    /// `$x`; the empty name is `$`.
    case variable(String)
    case pipeline(Pipeline)
  }
  var kind: Kind
  /// `.State.Status` behind it.
  var fields: [Field] = []
  var offset: Int

  struct Field: Sendable {
    var name: String
    var offset: Int
  }
}
