import Glibc
import Problems

/// Flags of one command line, read by a table: the runtime carries no argument library.
struct Flags {
  /// Long names with values, by every spelling ("-b" and "--bundle" both give "bundle").
  private var values: [String: [String]] = [:]
  private(set) var positional: [String] = []

  /// What a command understands: "bundle|b=" takes a value, "force|f" does not.
  struct Grammar {
    var names: [String: (name: String, takesValue: Bool)] = [:]
    init(_ descriptions: [String]) {
      for description in descriptions {
        let takesValue = description.hasSuffix("=")
        let spellings = (takesValue ? description.dropLast() : description[...]).split(separator: "|").map(String.init)
        for spelling in spellings { names[spelling] = (spellings[0], takesValue) }
      }
    }
  }

  /// - Parameter stopsAtFirst: the first word that is no flag ends the flags (`exec ID COMMAND -with -flags`).
  init(_ words: ArraySlice<String>, _ grammar: Grammar, stopsAtFirst: Bool, rest: inout ArraySlice<String>)
    throws(Problem)
  {
    var words = words
    while let word = words.first {
      if word == "--" {
        positional += words.dropFirst()
        words = []
        break
      }
      if !word.hasPrefix("-") || word == "-" {
        if stopsAtFirst { break }
        positional.append(word)
        words.removeFirst()
        continue
      }
      words.removeFirst()
      try take(word, grammar, &words)
    }
    rest = words
  }

  private mutating func take(_ word: String, _ grammar: Grammar, _ words: inout ArraySlice<String>) throws(Problem) {
    let isLong = word.hasPrefix("--")
    let parts = word.drop { $0 == "-" }.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let name = parts.first.map(String.init) ?? ""
    if let flag = grammar.names[name] {
      if !flag.takesValue {
        let value = parts.count == 2 ? String(parts[1]) : "true"
        guard value == "true" || value == "false" else {
          throw Problem(code: .invalid, message: "--\(flag.name) is true or false, not \"\(value)\"")
        }
        values[flag.name] = value == "true" ? ["true"] : nil
      } else if parts.count == 2 {
        values[flag.name, default: []].append(String(parts[1]))
      } else {
        guard let value = words.popFirst() else { throw Problem(code: .invalid, message: "\(word) needs a value") }
        values[flag.name, default: []].append(value)
      }
      return
    }
    let letters = word.dropFirst()  // -dt is -d -t
    if !isLong, letters.count > 1, letters.allSatisfy({ grammar.names[String($0)]?.takesValue == false }) {
      for letter in letters { values[grammar.names[String(letter)]!.name] = ["true"] }
      return
    }
    throw Problem(code: .invalid, message: "unknown flag \(word)", hint: "berth-runtime --help")
  }

  func has(_ name: String) -> Bool { values[name] != nil }
  subscript(name: String) -> String? { values[name]?.last }
  func all(_ name: String) -> [String] { values[name] ?? [] }
  func integer<I: FixedWidthInteger>(_ name: String, _ type: I.Type = I.self) throws(Problem) -> I? {
    guard let text = self[name] else { return nil }
    guard let number = I(text) else { throw Problem(code: .invalid, message: "--\(name) is a number, not \"\(text)\"") }
    return number
  }
}
