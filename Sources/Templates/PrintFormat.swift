internal import JSON

/// Go's `printf`, for the verbs that make sense with JSON values. Source: Go's package fmt.
enum PrintFormat {
  private struct Verb {
    var minus = false, plus = false, zero = false, sharp = false, space = false
    var width = 0
    var precision: Int?
  }

  static func fill(_ format: String, with values: [JSON]) throws(FunctionFailure) -> String {
    var rest = format.unicodeScalars[...]
    var output = ""
    var used = 0
    while let scalar = rest.popFirst() {
      if scalar != "%" {
        output.unicodeScalars.append(scalar)
        continue
      }
      let verb = try verb(&rest)
      guard let letter = rest.popFirst() else { throw FunctionFailure("a lone % at the end") }
      if letter == "%" {
        output += "%"
        continue
      }
      guard used < values.count else { throw FunctionFailure("%\(letter) has no value: \(values.count) given") }
      output += try text(values[used], letter, verb)
      used += 1
    }
    guard used == values.count else { throw FunctionFailure("\(values.count) values for \(used) verbs") }
    return output
  }

  private static func verb(_ rest: inout Substring.UnicodeScalarView) throws(FunctionFailure) -> Verb {
    var verb = Verb()
    flags: while let scalar = rest.first {
      switch scalar {
      case "-": verb.minus = true
      case "+": verb.plus = true
      case "0": verb.zero = true
      case "#": verb.sharp = true
      case " ": verb.space = true
      default: break flags
      }
      rest = rest.dropFirst()
    }
    verb.width = try number(&rest) ?? 0
    if rest.first == "." {
      rest = rest.dropFirst()
      verb.precision = try number(&rest) ?? 0
    }
    return verb
  }

  private static func number(_ rest: inout Substring.UnicodeScalarView) throws(FunctionFailure) -> Int? {
    var value: Int?
    while let scalar = rest.first, ("0"..."9").contains(scalar) {
      value = (value ?? 0) * 10 + Int(scalar.value - 48)
      if let value, value > Template.Limit.widthMax { throw FunctionFailure("a width over \(Template.Limit.widthMax)") }
      rest = rest.dropFirst()
    }
    return value
  }

  private static func text(_ value: JSON, _ letter: Unicode.Scalar, _ verb: Verb) throws(FunctionFailure) -> String {
    switch letter {
    case "v", "s":
      if letter == "v", case .number = value { return pad(signed(value.templateText, verb), verb, numeric: true) }
      return pad(cut(value.templateText, verb), verb)
    case "q": return pad(JSON.string(cut(value.templateText, verb)).text(), verb)
    case "t":
      guard let flag = value.bool else { throw FunctionFailure("%t needs a truth value, not \(value.kindName)") }
      return pad(flag ? "true" : "false", verb)
    case "d", "o", "b", "x", "X", "c", "U":
      if letter == "x" || letter == "X", let text = value.string {
        let digits = text.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: letter == "X") }.joined()
        return pad(digits, verb)
      }
      guard let number = value.integer(Int64.self) else {
        throw FunctionFailure("%\(letter) needs an integer, not \(value.kindName)")
      }
      return try integer(number, letter, verb)
    case "f", "F", "g", "e":
      guard let number = value.double else { throw FunctionFailure("%\(letter) needs a number, not \(value.kindName)") }
      if letter == "e" { throw FunctionFailure("%e is not supported: use %f") }
      if letter == "g", verb.precision == nil { return pad(signed(value.templateText, verb), verb, numeric: true) }
      return pad(signed(fixed(number, digits: min(verb.precision ?? 6, 17)), verb), verb, numeric: true)
    default: throw FunctionFailure("no verb %\(letter)")
    }
  }

  private static func integer(_ number: Int64, _ letter: Unicode.Scalar, _ verb: Verb) throws(FunctionFailure) -> String
  {
    switch letter {
    case "c", "U":
      guard let scalar = UInt32(exactly: number).flatMap(Unicode.Scalar.init) else {
        throw FunctionFailure("no character \(number)")
      }
      let digits = String(scalar.value, radix: 16, uppercase: true)
      return pad(
        letter == "c" ? String(scalar) : "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits, verb)
    case "x", "X", "o", "b":
      let radix = letter == "o" ? 8 : letter == "b" ? 2 : 16
      let prefix = !verb.sharp ? "" : letter == "o" ? "0" : letter == "b" ? "0b" : letter == "X" ? "0X" : "0x"
      let digits = String(number.magnitude, radix: radix, uppercase: letter == "X")
      return pad(signed((number < 0 ? "-" : "") + prefix + digits, verb), verb, numeric: true)
    default: return pad(signed(String(number), verb), verb, numeric: true)
    }
  }

  private static func signed(_ text: String, _ verb: Verb) -> String {
    if text.hasPrefix("-") { return text }
    return (verb.plus ? "+" : verb.space ? " " : "") + text
  }

  private static func cut(_ text: String, _ verb: Verb) -> String {
    verb.precision.map { String(text.prefix($0)) } ?? text
  }

  private static func pad(_ text: String, _ verb: Verb, numeric: Bool = false) -> String {
    let missing = verb.width - text.unicodeScalars.count
    if missing <= 0 { return text }
    if verb.minus { return text + String(repeating: " ", count: missing) }
    if verb.zero, numeric {
      let sign = text.prefix { $0 == "-" || $0 == "+" }
      return sign + String(repeating: "0", count: missing) + text.dropFirst(sign.count)
    }
    return String(repeating: " ", count: missing) + text
  }

  /// `number` with so many digits after the point; values beyond 64 bits keep Swift's own form.
  private static func fixed(_ number: Double, digits: Int) -> String {
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    guard number.isFinite, (number.magnitude * scale) < 9e18 else { return String(number) }
    let scaled = UInt64((number.magnitude * scale).rounded(.toNearestOrEven))
    let sign = number < 0 && scaled > 0 ? "-" : ""
    if digits == 0 { return sign + String(scaled) }
    let text = String(scaled)
    let padded = String(repeating: "0", count: max(0, digits + 1 - text.count)) + text
    return sign + padded.dropLast(digits) + "." + padded.suffix(digits)
  }
}
