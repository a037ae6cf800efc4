internal import JSON

/// Why a function could not answer.
struct FunctionFailure: Error {
  let text: String
  init(_ text: String) { self.text = text }
}

/// A function of the template language. Source: Go's text/template, "Functions"; docker's and podman's additions.
struct TemplateFunction: Sendable {
  typealias Answer = Result<JSON, FunctionFailure>
  let count: ClosedRange<Int>
  let body: @Sendable ([JSON]) -> Answer

  private init(_ count: ClosedRange<Int>, _ body: @escaping @Sendable ([JSON]) throws(FunctionFailure) -> JSON) {
    self.count = count
    self.body = { arguments in
      do throws(FunctionFailure) { return .success(try body(arguments)) } catch { return .failure(error) }
    }
  }

  var usage: String {
    switch (count.lowerBound, count.upperBound) {
    case (let low, Int.max): "at least \(low) value\(low == 1 ? "" : "s")"
    case (let low, let high) where low == high: "\(low) value\(low == 1 ? "" : "s")"
    case (let low, let high): "\(low) to \(high) values"
    }
  }

  static let all: [String: TemplateFunction] = [
    // docker and podman
    "json": .init(1...1) { arguments in .string(arguments[0].text()) },
    "upper": .text { $0.uppercased() },
    "lower": .text { $0.lowercased() },
    "title": .text(titled),
    "split": .init(2...2) { (arguments) throws(FunctionFailure) in
      JSON(pieces(of: try string(arguments[0]), by: try string(arguments[1])))
    },
    "join": .init(2...2) { (arguments) throws(FunctionFailure) in
      .string(try list(arguments[0]).map(\.templateText).joined(separator: try string(arguments[1])))
    },
    "truncate": .init(2...2) { (arguments) throws(FunctionFailure) in
      .string(String(try string(arguments[0]).prefix(try width(arguments[1]))))
    },
    "pad": .init(3...3) { (arguments) throws(FunctionFailure) in
      let text = try string(arguments[0])
      if text.isEmpty { return "" }
      return .string(spaces(try width(arguments[1])) + text + spaces(try width(arguments[2])))
    },
    // text/template
    "print": .init(0...Int.max) { arguments in .string(arguments.map(\.templateText).joined()) },
    "println": .init(0...Int.max) { arguments in .string(arguments.map(\.templateText).joined(separator: " ") + "\n") },
    "printf": .init(1...Int.max) { (arguments) throws(FunctionFailure) in
      .string(try PrintFormat.fill(try string(arguments[0]), with: Array(arguments.dropFirst())))
    },
    "len": .init(1...1) { (arguments) throws(FunctionFailure) in
      switch arguments[0] {
      case .string(let text): return JSON(text.utf8.count)
      case .array(let values): return JSON(values.count)
      case .object(let object): return JSON(object.members.count)
      case .null: return 0
      case let other: throw FunctionFailure("\(other.kindName) has no length")
      }
    },
    "index": .init(1...Int.max, index),
    "slice": .init(1...3, slice),
    "not": .init(1...1) { arguments in JSON(!arguments[0].isTrue) },
    "and": .init(1...Int.max) { arguments in arguments.first { !$0.isTrue } ?? arguments[arguments.count - 1] },
    "or": .init(1...Int.max) { arguments in arguments.first { $0.isTrue } ?? arguments[arguments.count - 1] },
    "eq": .init(2...Int.max) { (arguments) throws(FunctionFailure) in
      for other in arguments.dropFirst() where try equal(arguments[0], other) { return true }
      return false
    },
    "ne": .init(2...2) { (arguments) throws(FunctionFailure) in JSON(!(try equal(arguments[0], arguments[1]))) },
    "lt": .order { $0 < 0 },
    "le": .order { $0 <= 0 },
    "gt": .order { $0 > 0 },
    "ge": .order { $0 >= 0 },
  ]

  private static func text(_ body: @escaping @Sendable (String) -> String) -> TemplateFunction {
    .init(1...1) { (arguments) throws(FunctionFailure) in .string(body(try string(arguments[0]))) }
  }

  private static func order(_ holds: @escaping @Sendable (Int) -> Bool) -> TemplateFunction {
    .init(2...2) { (arguments) throws(FunctionFailure) in
      guard let order = arguments[0].ordered(to: arguments[1]) else {
        throw FunctionFailure("cannot compare \(arguments[0].kindName) with \(arguments[1].kindName)")
      }
      return JSON(holds(order))
    }
  }
}

private func string(_ value: JSON) throws(FunctionFailure) -> String {
  guard let text = value.string else { throw FunctionFailure("expected text, not \(value.kindName)") }
  return text
}

private func list(_ value: JSON) throws(FunctionFailure) -> [JSON] {
  if value.isNull { return [] }
  guard let values = value.array else { throw FunctionFailure("expected a list, not \(value.kindName)") }
  return values
}

private func width(_ value: JSON) throws(FunctionFailure) -> Int {
  guard let number = value.integer(Int.self), (0...Template.Limit.widthMax).contains(number) else {
    throw FunctionFailure("expected a number from 0 to \(Template.Limit.widthMax), not \(value.templateText)")
  }
  return number
}

private func spaces(_ count: Int) -> String { String(repeating: " ", count: count) }

private func titled(_ text: String) -> String {
  var result = ""
  var starts = true
  for character in text {
    result += starts ? character.uppercased() : String(character)
    starts = character.isWhitespace
  }
  return result
}

/// Go's strings.Split: an empty separator gives the characters.
private func pieces(of text: String, by separator: String) -> [String] {
  if separator.isEmpty { return text.map { String($0) } }
  let bytes = Array(text.utf8)
  let wanted = Array(separator.utf8)
  var result: [String] = []
  var start = 0
  var place = 0
  while place + wanted.count <= bytes.count {
    if bytes[place] == wanted[0], bytes[place..<place + wanted.count].elementsEqual(wanted) {
      result.append(String(decoding: bytes[start..<place], as: UTF8.self))
      place += wanted.count
      start = place
    } else {
      place += 1
    }
  }
  return result + [String(decoding: bytes[start...], as: UTF8.self)]
}

private func equal(_ a: JSON, _ b: JSON) throws(FunctionFailure) -> Bool {
  switch (a, b) {
  case (.null, _), (_, .null): return a.isNull && b.isNull
  case (.bool(let x), .bool(let y)): return x == y
  default:
    guard let order = a.ordered(to: b) else { throw FunctionFailure("cannot compare \(a.kindName) with \(b.kindName)") }
    return order == 0
  }
}

/// `index map "key" 1`: a key that is not there is empty text, a position that is not there an error.
@Sendable private func index(_ arguments: [JSON]) throws(FunctionFailure) -> JSON {
  var value = arguments[0]
  for key in arguments.dropFirst() {
    switch value {
    case .object(let object): value = object[try string(key)] ?? ""
    case .array(let values):
      guard let place = key.integer(Int.self) else { throw FunctionFailure("a list has numbers, not \(key.kindName)") }
      guard values.indices.contains(place) else {
        throw FunctionFailure("no position \(place) in a list of \(values.count)")
      }
      value = values[place]
    case .null: value = ""
    case .bool, .number, .string: throw FunctionFailure("\(value.kindName) has no parts")
    }
  }
  return value
}

@Sendable private func slice(_ arguments: [JSON]) throws(FunctionFailure) -> JSON {
  func range(_ count: Int) throws(FunctionFailure) -> Range<Int> {
    let low = arguments.count > 1 ? try width(arguments[1]) : 0
    let high = arguments.count > 2 ? try width(arguments[2]) : count
    guard low <= high, high <= count else { throw FunctionFailure("no part \(low) to \(high) in a length of \(count)") }
    return low..<high
  }
  switch arguments[0] {
  case .array(let values): return .array(Array(values[try range(values.count)]))
  case .string(let text):
    let bytes = Array(text.utf8)
    return .string(String(decoding: bytes[try range(bytes.count)], as: UTF8.self))
  case let other: throw FunctionFailure("expected text or a list, not \(other.kindName)")
  }
}
