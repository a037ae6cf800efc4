/// A page of section 1, made from a command's definition. Source: man(7).
struct ManualPage {
  /// "berth-container-ls".
  let name: String
  let text: String

  /// One page for each command, the root first.
  static var all: [ManualPage] {
    var pages: [ManualPage] = []
    func visit(_ command: any Command.Type, _ path: [String]) {
      pages.append(ManualPage(command, path: path))
      for child in command.children where !child.about.hidden { visit(child, path + [child.about.name]) }
    }
    visit(Berth.self, [Berth.about.name])
    return pages
  }

  private init<C: Command>(_ command: C.Type, path: [String]) {
    name = path.joined(separator: "-")
    var page = ".TH \"\(name.uppercased())\" 1 \"\" \"Berth \(Version.text)\" \"Berth\"\n"
    page += ".SH NAME\n\(Self.escaped(name)) \\- \(Self.escaped(C.about.abstract))\n"
    page += ".SH SYNOPSIS\n\(Self.synopsis(command, path))\n"
    if !C.about.discussion.isEmpty { page += ".SH DESCRIPTION\n\(Self.escaped(C.about.discussion))\n" }
    if !C.operands.isEmpty, C.children.isEmpty {
      page += ".SH OPERANDS\n"
      for operand in C.operands { page += ".TP\n.I \(Self.escaped(operand.name))\n\(Self.escaped(operand.help))\n" }
    }
    let flags = C.flags.filter { !$0.hidden }
    if !flags.isEmpty {
      page += ".SH OPTIONS\n"
      for flag in flags { page += ".TP\n\(Self.spelling(flag))\n\(Self.escaped(flag.help))\n" }
    }
    let children = C.children.filter { !$0.about.hidden }
    if !children.isEmpty {
      page += ".SH COMMANDS\n"
      for child in children {
        page += ".TP\n.BR \(Self.escaped((path + [child.about.name]).joined(separator: "-"))) (1)\n"
        page += Self.escaped(child.about.abstract) + "\n"
      }
    }
    page += ".SH EXIT STATUS\n0 on success; 125 where Berth fails. "
    page +=
      "run and exec end with the command's own status; 126 where it cannot be executed, 127 where it is not there, "
    page += "128+n where signal n killed it.\n"
    if path.count > 1 { page += ".SH SEE ALSO\n.BR \(Self.escaped(path.dropLast().joined(separator: "-"))) (1)\n" }
    text = page
  }

  private static func synopsis<C: Command>(_ command: C.Type, _ path: [String]) -> String {
    var text = ".B \(escaped(path.joined(separator: " ")))\n[\\fIoptions\\fR]"
    if !C.children.isEmpty { return text + " \\fIcommand\\fR" }
    for operand in C.operands {
      let name = "\\fI\(escaped(operand.name))\\fR" + (operand.repeats ? "..." : "")
      text += operand.optional ? " [\(name)]" : " \(name)"
    }
    return text
  }

  private static func spelling<C>(_ flag: Flag<C>) -> String {
    var names = flag.short.map { ["-\($0)"] } ?? []
    names += ([flag.name] + flag.alsoNamed).map { "--\($0)" }
    let text = names.map { "\\fB\(escaped($0))\\fR" }.joined(separator: ", ")
    return flag.takesValue ? "\(text) \\fI\(escaped(flag.placeholder))\\fR" : text
  }

  /// Backslashes, hyphens, and a dot or apostrophe at the start of a line mean something to troff.
  static func escaped(_ text: String) -> String {
    var output = ""
    var starts = true
    for character in text {
      if starts, character == "." || character == "'" { output += "\\&" }
      switch character {
      case "\\": output += "\\e"
      case "-": output += "\\-"
      default: output.append(character)
      }
      starts = character == "\n"
    }
    return output
  }
}
