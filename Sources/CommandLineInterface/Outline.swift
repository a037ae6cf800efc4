import JSON

/// A document as indented `name: value` lines: YAML, as `podman info` prints it.
enum Outline {
  static func text(of document: JSON) -> String {
    var output = ""
    write(document, indent: "", &output)
    return output
  }

  private static func write(_ value: JSON, indent: String, _ output: inout String) {
    switch value {
    case .object(let object):
      for member in object.members {
        output += indent + member.name + ":"
        below(member.value, indent: indent, &output)
      }
    case .array(let values):
      for element in values {
        output += indent + "-"
        below(element, indent: indent, &output)
      }
    case .null, .bool, .number, .string: output += indent + scalar(value) + "\n"
    }
  }

  private static func below(_ value: JSON, indent: String, _ output: inout String) {
    switch value {
    case .object(let object) where !object.members.isEmpty:
      output += "\n"
      write(value, indent: indent + "  ", &output)
    case .array(let values) where !values.isEmpty:
      output += "\n"
      write(value, indent: indent, &output)
    default: output += " " + scalar(value) + "\n"
    }
  }

  private static func scalar(_ value: JSON) -> String {
    switch value {
    case .object: "{}"
    case .array: "[]"
    case .null: "null"
    case .string(let text): isPlain(text) ? text : value.text()
    case .bool, .number: value.text()
    }
  }

  /// A text that YAML reads back as itself without quotes.
  private static func isPlain(_ text: String) -> Bool {
    guard let first = text.utf8.first, let last = text.utf8.last, last != 0x20 else { return false }
    let letters = (0x61...0x7a).contains(first | 0x20) || first == UInt8(ascii: "/")
    let words: Set<String> = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
    return letters && !words.contains(text.lowercased()) && !text.utf8.contains { $0 < 0x20 }
      && !text.utf8.contains(UInt8(ascii: "#")) && !text.utf8.contains(UInt8(ascii: ":"))
  }
}
