import Problems

/// Reads a command line as podman and docker users write it: `-it`, `-v/a:/b`, `-eA=1`, `--rm=false`,
/// `--memory-swap -1`, `--`. No abbreviations. Source: pflag's rules, which both programs follow.
struct FlagReader {
  /// What a command line asked for.
  enum Reading<C> {
    case command(C)
    case help
  }

  /// - Parameter path: the command's names, for errors: "berth run".
  static func read<C: Command>(
    _ type: C.Type, _ arguments: ArraySlice<String>, path: String
  ) throws(Problem) -> Reading<C> {
    var command = C()
    let flags = Lookup(C.flags)
    var rest = arguments
    var operands: [String] = []
    do {
      while let argument = rest.popFirst() {
        if argument == "--" {
          operands += rest
          break
        }
        guard argument.hasPrefix("-"), argument != "-" else {
          operands.append(argument)
          if C.flagsEndAtOperand {
            operands += rest
            break
          }
          continue
        }
        let asksHelp =
          argument.hasPrefix("--")
          ? try flags.long(argument, &rest, &command) : try flags.cluster(argument, &rest, &command)
        if asksHelp { return .help }
      }
    } catch let problem as UsageProblem {
      throw problem.problem(of: path)
    } catch let problem as Problem {
      throw problem
    } catch {
      throw Problem(code: .bug, message: "reading the command line", cause: error)
    }
    try check(operands, C.operands, path: path)
    command.given = operands
    return .command(command)
  }

  private static func check(_ given: [String], _ wanted: [Operand], path: String) throws(Problem) {
    let least = wanted.count { !$0.optional }
    if given.count < least {
      let names = wanted.filter { !$0.optional }.map(\.name).joined(separator: " ")
      throw UsageProblem(
        message: given.isEmpty
          ? "\(names) is missing" : "\(names): \(least) arguments are needed, \(given.count) given"
      ).problem(of: path)
    }
    if given.count > wanted.count, wanted.last?.repeats != true {
      let extra = given[wanted.count]
      throw UsageProblem(
        message: wanted.isEmpty ? "it takes no arguments: \"\(extra)\"" : "one argument too many: \"\(extra)\""
      ).problem(of: path)
    }
  }
}

/// A command line that does not say what its command understands.
struct UsageProblem: Error {
  var message: String
  /// Not there yet, rather than wrong.
  var pending = false

  func problem(of path: String) -> Problem {
    Problem(code: pending ? .unsupported : .invalid, message: message, hint: "See '\(path) --help'")
  }
}

/// A command's flags by name. A few are looked for among a hundred: a table would cost more than it saves.
private struct Lookup<C> {
  private let flags: [Flag<C>]
  init(_ flags: [Flag<C>]) { self.flags = flags }

  private func named(_ name: String) -> Flag<C>? {
    flags.last { $0.name == name || !$0.alsoNamed.isEmpty && $0.alsoNamed.contains(name) }
  }

  /// - Returns: whether it is the call for help.
  func long(_ argument: String, _ rest: inout ArraySlice<String>, _ command: inout C) throws -> Bool {
    let body = argument.dropFirst(2)
    let equals = body.firstIndex(of: "=")
    let name = String(equals.map { body[..<$0] } ?? body)
    let joined = equals.map { String(body[body.index(after: $0)...]) }
    guard let flag = named(name) else {
      if name == "help" { return true }
      throw UsageProblem(message: "unknown flag: --\(name)")
    }
    try apply(flag, spelled: "--\(name)", joined, &rest, &command)
    return false
  }

  /// `-it`, `-v/a:/b`, `-e=A=1`.
  func cluster(_ argument: String, _ rest: inout ArraySlice<String>, _ command: inout C) throws -> Bool {
    var letters = argument.dropFirst()
    while let letter = letters.popFirst() {
      guard let flag = flags.last(where: { $0.short == letter }) else {
        if letter == "h" { return true }
        throw UsageProblem(message: "unknown shorthand flag: '\(letter)' in \(argument)")
      }
      var joined: String?
      if letters.first == "=" {
        joined = String(letters.dropFirst())
        letters = ""
      } else if flag.takesValue, !letters.isEmpty {
        joined = String(letters)
        letters = ""
      }
      try apply(flag, spelled: "-\(letter)", joined, &rest, &command)
    }
    return false
  }

  private func apply(
    _ flag: Flag<C>, spelled: String, _ joined: String?, _ rest: inout ArraySlice<String>, _ command: inout C
  ) throws {
    switch flag.action {
    case .pending: throw UsageProblem(message: "not supported yet: --\(flag.name)", pending: true)
    case .toggle(let set):
      guard let on = joined.map(truth) ?? true else {
        throw UsageProblem(message: "invalid argument \"\(joined ?? "")\" for --\(flag.name): true or false")
      }
      try set(&command, on)
    case .value(let set):
      guard let value = joined ?? rest.popFirst() else {
        throw UsageProblem(message: "flag needs an argument: \(spelled)")
      }
      try set(&command, value)
    }
  }
}

/// Go's strconv.ParseBool; nil for anything else.
private func truth(_ text: String) -> Bool? {
  switch text {
  case "1", "t", "T", "true", "TRUE", "True": true
  case "0", "f", "F", "false", "FALSE", "False": false
  default: nil
  }
}
