import Glibc
import Problems
import Sys

extension Problem {
  /// A command line that cannot be understood: all of it is shown, as callers are programs that log what they hear.
  static func usage(_ message: String) -> Problem {
    let words = CommandLine.arguments.map {
      $0.isEmpty || $0.utf8.contains(UInt8(ascii: " ")) ? "'\($0)'" : $0
    }
    return Problem(code: .invalid, message: message, hint: "see --help; called as: \(words.joined(separator: " "))")
  }
}

/// Flags of one command line, read by a table: the runtime carries no argument library.
/// Every start pays for this: arrays of strings and comparisons of bytes, no dictionary, no tuple in a collection.
struct Flags {
  /// What was given, in order: the flag's long name (by every spelling: "-b" is "bundle") and its value.
  private var names: [String] = [], values: [String] = []
  private(set) var positional: [String] = []

  /// What a command understands: "bundle|b=" takes a value, "force|f" does not.
  struct Grammar {
    private let descriptions: [String]
    init(_ descriptions: [String]) { self.descriptions = descriptions }

    /// The flag of this spelling: its long name, and whether it takes a value.
    func flag(_ spelling: Substring.UTF8View) -> (name: String, takesValue: Bool)? {
      for description in descriptions {
        let name = description.utf8.prefix { !Self.endsSpelling($0) }
        var rest = description.utf8[...]
        while true {
          let here = rest.prefix { !Self.endsSpelling($0) }
          if here.elementsEqual(spelling) {
            return (String(Substring(name)), description.utf8.last == UInt8(ascii: "="))
          }
          rest = rest[here.endIndex...]
          if rest.popFirst() != UInt8(ascii: "|") { break }
        }
      }
      return nil
    }
    private static func endsSpelling(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "|") || byte == UInt8(ascii: "=") }
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
      if word.utf8.first != UInt8(ascii: "-") || word == "-" {
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
    let text = word.utf8.drop { $0 == UInt8(ascii: "-") }
    let name = text.prefix { $0 != UInt8(ascii: "=") }
    let attached = name.endIndex == text.endIndex ? nil : String(Substring(text[name.endIndex...].dropFirst()))
    if let flag = grammar.flag(name) {
      if !flag.takesValue {
        let value = attached ?? "true"
        guard value == "true" || value == "false" else {
          throw Problem(code: .invalid, message: "--\(flag.name) is true or false, not \"\(value)\"")
        }
        if value == "true" { add(flag.name, value) } else { remove(flag.name) }
      } else if let attached {
        add(flag.name, attached)
      } else {
        guard let value = words.popFirst() else { throw .usage("\(word) needs a value") }
        add(flag.name, value)
      }
      return
    }
    let letters = word.utf8.dropFirst()  // -dt is -d -t
    let isLong = letters.first == UInt8(ascii: "-")
    var flags: [String] = []
    if !isLong, letters.count > 1 {
      for place in letters.indices {
        guard let flag = grammar.flag(letters[place...].prefix(1)), !flag.takesValue else { break }
        flags.append(flag.name)
      }
    }
    guard !flags.isEmpty, flags.count == letters.count else {
      throw .usage("unknown flag \(word)")
    }
    for name in flags { add(name, "true") }
  }

  private mutating func add(_ name: String, _ value: String) {
    names.append(name)
    values.append(value)
  }
  private mutating func remove(_ name: String) {
    while let place = names.firstIndex(of: name) {
      names.remove(at: place)
      values.remove(at: place)
    }
  }

  func has(_ name: String) -> Bool { names.contains(name) }
  subscript(name: String) -> String? { names.lastIndex(of: name).map { values[$0] } }
  func all(_ name: String) -> [String] { names.indices.filter { names[$0] == name }.map { values[$0] } }
  func integer<I: FixedWidthInteger>(_ name: String, _ type: I.Type = I.self) throws(Problem) -> I? {
    guard let text = self[name] else { return nil }
    guard let number = I(text) else { throw Problem(code: .invalid, message: "--\(name) is a number, not \"\(text)\"") }
    return number
  }
}
