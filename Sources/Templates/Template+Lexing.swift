internal import JSON

/// A piece of a template: literal text, or the tokens of one action.
enum Piece {
  case text(String)
  case action([Token], offset: Int)
}

struct Token {
  enum Kind: Equatable {
    case dot
    /// `.Name`, without the dot.
    case field(String)
    /// `$name`, without the dollar.
    case variable(String)
    case word(String)
    case string(String)
    case number(String)
    case pipe, open, close, declare, assign, comma
  }
  var kind: Kind
  var offset: Int
  /// Glued to the token before: `(x).Name` is a chain, `x .Name` two operands.
  var glued: Bool
}

struct Lexer {
  let source: [UInt8]
  var place = 0

  private func failure(_ reason: String, at offset: Int? = nil) -> TemplateError {
    TemplateError(reason, at: offset ?? place, in: source)
  }

  /// Cuts a template into text and actions; trim markers and comments are gone after it.
  static func pieces(of source: [UInt8]) throws(TemplateError) -> [Piece] {
    var lexer = Lexer(source: source)
    var pieces: [Piece] = []
    var trimNext = false
    while true {
      let end = lexer.find("{{", from: lexer.place) ?? source.count
      var text = source[lexer.place..<end]
      if trimNext { text = text.drop(while: isSpace) }
      lexer.place = end
      let opened = end < source.count
      var trimBefore = false
      if opened {
        lexer.place += 2
        if lexer.peek() == UInt8(ascii: "-"), isSpace(lexer.peek(1) ?? 0) {
          trimBefore = true
          lexer.place += 1
        }
      }
      if trimBefore { text = trimmingEnd(text) }
      if !text.isEmpty { pieces.append(.text(String(decoding: text, as: UTF8.self))) }
      if !opened { return pieces }
      if let comment = try lexer.comment(opening: end) {
        trimNext = comment
      } else {
        let tokens = try lexer.action(opening: end)
        pieces.append(.action(tokens.tokens, offset: end))
        trimNext = tokens.trim
      }
    }
  }

  private func peek(_ ahead: Int = 0) -> UInt8? { place + ahead < source.count ? source[place + ahead] : nil }

  private func find(_ text: StaticString, from start: Int) -> Int? {
    let wanted = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    guard source.count >= wanted.count else { return nil }
    var at = start
    while at + wanted.count <= source.count {
      if source[at] == wanted[0], source[at..<at + wanted.count].elementsEqual(wanted) { return at }
      at += 1
    }
    return nil
  }

  /// Skips `{{/* … */}}`. - Returns: whether the space behind it goes too; nil where there is no comment.
  private mutating func comment(opening: Int) throws(TemplateError) -> Bool? {
    let start = place
    while let byte = peek(), isSpace(byte) { place += 1 }
    guard peek() == UInt8(ascii: "/"), peek(1) == UInt8(ascii: "*") else {
      place = start
      return nil
    }
    guard let end = find("*/", from: place + 2) else { throw failure("a comment that does not end", at: opening) }
    place = end + 2
    let spaced = place
    while let byte = peek(), isSpace(byte) { place += 1 }
    var trims = false
    if peek() == UInt8(ascii: "-"), place > spaced {
      trims = true
      place += 1
    }
    guard peek() == UInt8(ascii: "}"), peek(1) == UInt8(ascii: "}") else {
      throw failure("expected }} after a comment")
    }
    place += 2
    return trims
  }

  private mutating func action(opening: Int) throws(TemplateError) -> (tokens: [Token], trim: Bool) {
    var tokens: [Token] = []
    while true {
      let start = place
      while let byte = peek(), isSpace(byte) { place += 1 }
      let spaced = place > start
      guard let byte = peek() else { throw failure("an action that does not end: }} is missing", at: opening) }
      if byte == UInt8(ascii: "}"), peek(1) == UInt8(ascii: "}") {
        place += 2
        return (tokens, false)
      }
      if spaced, byte == UInt8(ascii: "-"), peek(1) == UInt8(ascii: "}"), peek(2) == UInt8(ascii: "}") {
        place += 3
        return (tokens, true)
      }
      let offset = place
      tokens.append(Token(kind: try token(byte), offset: offset, glued: !spaced && !tokens.isEmpty))
    }
  }

  private mutating func token(_ first: UInt8) throws(TemplateError) -> Token.Kind {
    switch first {
    case UInt8(ascii: "|"): return take(.pipe)
    case UInt8(ascii: "("): return take(.open)
    case UInt8(ascii: ")"): return take(.close)
    case UInt8(ascii: ","): return take(.comma)
    case UInt8(ascii: "="): return take(.assign)
    case UInt8(ascii: ":") where peek(1) == UInt8(ascii: "="):
      place += 1
      return take(.declare)
    case UInt8(ascii: "\""), UInt8(ascii: "'"): return try quoted(first)
    case UInt8(ascii: "`"): return try raw()
    case UInt8(ascii: "."):
      if let next = peek(1), isDigit(next) { return try number() }
      place += 1
      let name = name()
      return name.isEmpty ? .dot : .field(name)
    case UInt8(ascii: "$"):
      place += 1
      return .variable(name())
    case UInt8(ascii: "+"), UInt8(ascii: "-"): return try number()
    case let byte where isDigit(byte): return try number()
    default:
      let name = name()
      if name.isEmpty { throw failure("unexpected '\(character())'") }
      return .word(name)
    }
  }

  private mutating func take(_ kind: Token.Kind) -> Token.Kind {
    place += 1
    return kind
  }

  private func character() -> Character {
    String(decoding: source[place..<min(place + 8, source.count)], as: UTF8.self).first ?? "?"
  }

  private mutating func name() -> String {
    let start = place
    while let byte = peek(), isDigit(byte) || isLetter(byte) { place += 1 }
    return String(decoding: source[start..<place], as: UTF8.self)
  }

  private mutating func number() throws(TemplateError) -> Token.Kind {
    let start = place
    place += 1
    while let byte = peek(), isDigit(byte) || isLetter(byte) || byte == UInt8(ascii: ".") || exponentSign(byte) {
      place += 1
    }
    let text = String(decoding: source[start..<place].filter { $0 != UInt8(ascii: "_") }, as: UTF8.self)
    if let integer = Int64(text) { return .number(String(integer)) }
    let digits = text.drop { $0 == "+" || $0 == "-" }
    for (prefix, radix) in [("0x", 16), ("0X", 16), ("0b", 2), ("0B", 2), ("0o", 8), ("0O", 8)]
    where digits.hasPrefix(prefix) {
      if let value = Int64(digits.dropFirst(2), radix: radix) {
        return .number(String(text.hasPrefix("-") ? -value : value))
      }
    }
    guard !digits.lowercased().hasPrefix("0x"), let value = Double(text), value.isFinite else {
      throw failure("'\(text)' is not a number", at: start)
    }
    return .number(String(value))
  }

  private func exponentSign(_ byte: UInt8) -> Bool {
    (byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-")) && source[place - 1] | 0x20 == UInt8(ascii: "e")
  }

  private mutating func raw() throws(TemplateError) -> Token.Kind {
    let start = place
    place += 1
    guard let end = source[place...].firstIndex(of: UInt8(ascii: "`")) else {
      throw failure("a string that does not end: ` is missing", at: start)
    }
    defer { place = end + 1 }
    return .string(String(decoding: source[place..<end], as: UTF8.self))
  }

  /// `"text"`; `'c'` is the number of its character, as in Go.
  private mutating func quoted(_ quote: UInt8) throws(TemplateError) -> Token.Kind {
    let start = place
    place += 1
    var text: [UInt8] = []
    while true {
      guard let byte = peek(), byte != 10 else {
        throw failure("a string that does not end: \(Character(Unicode.Scalar(quote))) is missing", at: start)
      }
      place += 1
      if byte == quote { break }
      if byte == UInt8(ascii: "\\") { try escape(into: &text) } else { text.append(byte) }
    }
    let string = String(decoding: text, as: UTF8.self)
    if quote == UInt8(ascii: "\"") { return .string(string) }
    guard string.unicodeScalars.count == 1, let scalar = string.unicodeScalars.first else {
      throw failure("'…' holds one character: write \"…\" for text", at: start)
    }
    return .number(String(scalar.value))
  }

  private mutating func escape(into text: inout [UInt8]) throws(TemplateError) {
    let start = place - 1
    guard let byte = peek() else { throw failure("a string that does not end", at: start) }
    place += 1
    switch byte {
    case UInt8(ascii: "n"): text.append(10)
    case UInt8(ascii: "t"): text.append(9)
    case UInt8(ascii: "r"): text.append(13)
    case UInt8(ascii: "a"): text.append(7)
    case UInt8(ascii: "b"): text.append(8)
    case UInt8(ascii: "f"): text.append(12)
    case UInt8(ascii: "v"): text.append(11)
    case UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "'"): text.append(byte)
    case UInt8(ascii: "x"), UInt8(ascii: "u"), UInt8(ascii: "U"):
      let count = byte == UInt8(ascii: "x") ? 2 : byte == UInt8(ascii: "u") ? 4 : 8
      let digits = String(decoding: source[place..<min(place + count, source.count)], as: UTF8.self)
      guard digits.utf8.count == count, let value = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(value) else {
        throw failure("a wrong \\\(Character(Unicode.Scalar(byte))) escape", at: start)
      }
      place += count
      text.append(contentsOf: String(Character(scalar)).utf8)
    default: throw failure("an unknown escape in a string", at: start)
    }
  }
}

private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
private func isLetter(_ byte: UInt8) -> Bool {
  (0x61...0x7a).contains(byte | 0x20) || byte == UInt8(ascii: "_") || byte >= 0x80
}
private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 9 || byte == 10 || byte == 13 }
private func trimmingEnd(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
  var text = text
  while let last = text.last, isSpace(last) { text.removeLast() }
  return text
}
