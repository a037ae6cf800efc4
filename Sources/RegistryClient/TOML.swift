/// A value of a TOML document: the subset that registries.conf and its kind use.
///
/// Not read, and refused by name: dates and multi-line strings. Source: TOML 1.0.
indirect enum TOML: Equatable {
  case string(String)
  case integer(Int)
  /// As written: nothing here computes with one.
  case float(String)
  case bool(Bool)
  case array([TOML])
  case table(Table)

  enum Limit {
    static let fileBytesMax = 1 << 20
    /// Arrays and inline tables in each other, and parts of a key.
    static let depthMax = 32
  }

  /// Names in their order; each knows its line, for messages.
  struct Table: Equatable {
    fileprivate(set) var members: [(name: String, value: TOML, line: Int)] = []
    /// Written with braces or complete: nothing may be added from outside.
    fileprivate var isClosed = false
    /// Opened by its own `[header]`, which may come once.
    fileprivate var hasHeader = false

    subscript(name: String) -> TOML? { members.first { $0.name == name }?.value }
    func line(of name: String) -> Int { members.first { $0.name == name }?.line ?? 1 }
    fileprivate func place(of name: String) -> Int? { members.firstIndex { $0.name == name } }
    static func == (a: Table, b: Table) -> Bool {
      a.members.count == b.members.count && a.members.allSatisfy { b[$0.name] == $0.value }
    }
  }

  private var isOpenTable: Bool { if case .table(let table) = self { !table.isClosed } else { false } }

  /// What is wrong, and where.
  struct ParseError: Error, Equatable {
    let line: Int
    let reason: String
  }

  static func parse(_ text: String) throws(ParseError) -> Table {
    var parser = TOMLParser(text)
    return try parser.document()
  }
}

extension TOML {
  /// Puts `value` at `keys` below `table`, making the tables on the way.
  fileprivate static func insert(_ value: TOML, at keys: ArraySlice<String>, into table: inout Table, line: Int)
    throws(ParseError)
  {
    let name = keys[keys.startIndex]
    let place = table.place(of: name)
    if keys.count == 1 {
      if place != nil { throw ParseError(line: line, reason: "\(name) is set twice") }
      table.members.append((name, value, line))
      return
    }
    guard let place else {
      var inner = Table()
      try insert(value, at: keys.dropFirst(), into: &inner, line: line)
      table.members.append((name, .table(inner), line))
      return
    }
    guard case .table(var inner) = table.members[place].value, !inner.isClosed else {
      throw ParseError(line: line, reason: "\(name) is no table that can be added to")
    }
    try insert(value, at: keys.dropFirst(), into: &inner, line: line)
    table.members[place].value = .table(inner)
  }

  /// Opens `[keys]`, or adds an element to `[[keys]]`, and runs `change` on it.
  fileprivate static func open(
    _ keys: ArraySlice<String>, in table: inout Table, element: Bool, opening: Bool, line: Int,
    _ change: (inout Table) throws(ParseError) -> Void
  ) throws(ParseError) {
    guard let name = keys.first else {
      if opening, !element {
        if table.hasHeader { throw ParseError(line: line, reason: "the table is opened twice") }
        table.hasHeader = true
      }
      return try change(&table)
    }
    let isLast = keys.count == 1
    if table.place(of: name) == nil {
      table.members.append((name, isLast && element ? .array([]) : .table(Table()), line))
    }
    let place = table.place(of: name)!
    switch table.members[place].value {
    case .table(var inner) where !inner.isClosed && !(isLast && element):
      try open(keys.dropFirst(), in: &inner, element: element, opening: opening, line: line, change)
      table.members[place].value = .table(inner)
    case .array(var elements):
      if isLast && element && opening {
        if let last = elements.last, !last.isOpenTable {
          throw ParseError(line: line, reason: "\(name) is no array of tables")
        }
        elements.append(.table(Table()))
      }
      guard case .table(var inner)? = elements.last, !inner.isClosed, !isLast || element else {
        throw ParseError(line: line, reason: "\(name) is no array of tables")
      }
      try open(keys.dropFirst(), in: &inner, element: element, opening: opening, line: line, change)
      elements[elements.count - 1] = .table(inner)
      table.members[place].value = .array(elements)
    case .table, .string, .integer, .float, .bool:
      throw ParseError(line: line, reason: "\(name) is something else already")
    }
  }
}

private struct TOMLParser {
  private let bytes: [UInt8]
  private var place = 0
  private var line = 1

  init(_ text: String) { bytes = Array(text.utf8) }

  private func failure(_ reason: String) -> TOML.ParseError { TOML.ParseError(line: line, reason: reason) }
  private var current: UInt8? { place < bytes.count ? bytes[place] : nil }
  private func isNext(_ text: StaticString) -> Bool {
    place + text.utf8CodeUnitCount <= bytes.count
      && (0..<text.utf8CodeUnitCount).allSatisfy { bytes[place + $0] == text.utf8Start[$0] }
  }

  mutating func document() throws(TOML.ParseError) -> TOML.Table {
    var root = TOML.Table()
    var header: [String] = []
    var isElement = false
    if isNext("\u{feff}") { place += 3 }
    while true {
      try skipBlankLines()
      guard let byte = current else { return root }
      let start = line
      if byte == UInt8(ascii: "[") {
        isElement = isNext("[[")
        place += isElement ? 2 : 1
        header = try key()
        guard isElement ? isNext("]]") : isNext("]") else { throw failure("expected \(isElement ? "]]" : "]")") }
        place += isElement ? 2 : 1
        try TOML.open(header[...], in: &root, element: isElement, opening: true, line: start) { _ in }
      } else {
        let keys = try key()
        guard current == UInt8(ascii: "=") else { throw failure("expected = after \(keys.joined(separator: "."))") }
        place += 1
        skipSpace()
        let value = try value(depth: 0)
        try TOML.open(header[...], in: &root, element: isElement, opening: false, line: start) {
          (table) throws(TOML.ParseError) in try TOML.insert(value, at: keys[...], into: &table, line: start)
        }
      }
      try endOfLine()
    }
  }

  // MARK: white space

  private mutating func skipSpace() { while let byte = current, byte == 0x20 || byte == 0x09 { place += 1 } }
  private mutating func skipComment() throws(TOML.ParseError) {
    guard current == UInt8(ascii: "#") else { return }
    while let byte = current, byte != 10 {
      if byte < 0x20, byte != 9, byte != 13 { throw failure("a control character in a comment") }
      place += 1
    }
  }
  /// Spaces, comments and line ends.
  private mutating func skipBlankLines() throws(TOML.ParseError) {
    while true {
      skipSpace()
      try skipComment()
      if isNext("\r\n") { place += 1 }
      guard current == 10 else { return }
      place += 1
      line += 1
    }
  }
  private mutating func endOfLine() throws(TOML.ParseError) {
    skipSpace()
    try skipComment()
    if isNext("\r\n") { place += 1 }
    guard let byte = current else { return }
    guard byte == 10 else { throw failure("expected the end of the line") }
    place += 1
    line += 1
  }

  // MARK: keys

  private mutating func key() throws(TOML.ParseError) -> [String] {
    var parts: [String] = []
    while true {
      skipSpace()
      switch current {
      case UInt8(ascii: "\"")?: parts.append(try basicString())
      case UInt8(ascii: "'")?: parts.append(try literalString())
      default:
        let start = place
        while let byte = current, TOMLParser.isBare(byte) { place += 1 }
        if start == place { throw failure("expected a name") }
        parts.append(String(decoding: bytes[start..<place], as: UTF8.self))
      }
      if parts.count > TOML.Limit.depthMax { throw failure("a name of more than \(TOML.Limit.depthMax) parts") }
      skipSpace()
      guard current == UInt8(ascii: ".") else { return parts }
      place += 1
    }
  }
  private static func isBare(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "_"), UInt8(ascii: "-"): true
    default: false
    }
  }

  // MARK: values

  private mutating func value(depth: Int) throws(TOML.ParseError) -> TOML {
    if depth > TOML.Limit.depthMax { throw failure("nested deeper than \(TOML.Limit.depthMax)") }
    switch current {
    case UInt8(ascii: "\"")?: return .string(try basicString())
    case UInt8(ascii: "'")?: return .string(try literalString())
    case UInt8(ascii: "[")?: return .array(try array(depth: depth + 1))
    case UInt8(ascii: "{")?: return .table(try inlineTable(depth: depth + 1))
    case nil, 10?, 13?: throw failure("a value is missing")
    default: return try word()
    }
  }

  private mutating func word() throws(TOML.ParseError) -> TOML {
    let start = place
    while let byte = current,
      TOMLParser.isBare(byte) || byte == UInt8(ascii: "+") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: ":")
    {
      place += 1
    }
    let text = String(decoding: bytes[start..<place], as: UTF8.self)
    switch text {
    case "true": return .bool(true)
    case "false": return .bool(false)
    default:
      let digits = text.filter { $0 != "_" }
      if let number = Int(digits) { return .integer(number) }
      if !text.contains(":"), Double(digits) != nil { return .float(digits) }
      if text.first?.isNumber == true, text.contains(":") || text.filter({ $0 == "-" }).count == 2 {
        throw failure("dates are not supported")
      }
      throw failure(text.isEmpty ? "expected a value" : "\(text) is no value: strings need quotes")
    }
  }

  private mutating func array(depth: Int) throws(TOML.ParseError) -> [TOML] {
    place += 1
    var elements: [TOML] = []
    while true {
      try skipBlankLines()
      if current == UInt8(ascii: "]") { place += 1; return elements }
      elements.append(try value(depth: depth))
      try skipBlankLines()
      switch current {
      case UInt8(ascii: ",")?: place += 1
      case UInt8(ascii: "]")?: break
      default: throw failure("expected , or ] in an array")
      }
    }
  }

  private mutating func inlineTable(depth: Int) throws(TOML.ParseError) -> TOML.Table {
    place += 1
    var table = TOML.Table()
    skipSpace()
    if current == UInt8(ascii: "}") {
      place += 1
    } else {
      while true {
        let keys = try key()
        guard current == UInt8(ascii: "=") else { throw failure("expected = in an inline table") }
        place += 1
        skipSpace()
        try TOML.insert(try value(depth: depth), at: keys[...], into: &table, line: line)
        skipSpace()
        guard let byte = current, byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") else {
          throw failure("expected , or } in an inline table")
        }
        place += 1
        if byte == UInt8(ascii: "}") { break }
      }
    }
    table.isClosed = true
    return table
  }

  // MARK: strings

  private mutating func literalString() throws(TOML.ParseError) -> String {
    if isNext("'''") { throw failure("multi-line strings are not supported") }
    place += 1
    let start = place
    while let byte = current, byte != UInt8(ascii: "'"), byte >= 0x20 || byte == 9 { place += 1 }
    guard current == UInt8(ascii: "'") else { throw failure("a string without its end") }
    defer { place += 1 }
    return String(decoding: bytes[start..<place], as: UTF8.self)
  }

  private mutating func basicString() throws(TOML.ParseError) -> String {
    if isNext("\"\"\"") { throw failure("multi-line strings are not supported") }
    place += 1
    var text: [UInt8] = []
    while let byte = current, byte >= 0x20 || byte == 9 {
      place += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"): try escape(into: &text)
      default: text.append(byte)
      }
    }
    throw failure("a string without its end")
  }

  private mutating func escape(into text: inout [UInt8]) throws(TOML.ParseError) {
    guard let letter = current else { throw failure("a string without its end") }
    place += 1
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): text.append(letter)
    case UInt8(ascii: "b"): text.append(8)
    case UInt8(ascii: "t"): text.append(9)
    case UInt8(ascii: "n"): text.append(10)
    case UInt8(ascii: "f"): text.append(12)
    case UInt8(ascii: "r"): text.append(13)
    case UInt8(ascii: "u"), UInt8(ascii: "U"):
      let count = letter == UInt8(ascii: "u") ? 4 : 8
      guard place + count <= bytes.count,
        let code = UInt32(String(decoding: bytes[place..<(place + count)], as: UTF8.self), radix: 16),
        let scalar = Unicode.Scalar(code)
      else { throw failure("a broken \\u escape") }
      place += count
      text.append(contentsOf: Array(String(Character(scalar)).utf8))
    default: throw failure("an unknown escape in a string")
    }
  }
}
