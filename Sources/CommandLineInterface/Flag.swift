import Problems

/// One flag of a command, and what it does to it.
struct Flag<Owner> {
  enum Action {
    /// `--rm`, `--rm=false`.
    case toggle((inout Owner, Bool) throws -> Void)
    /// `--name web`, `--name=web`; called once each time it is given.
    case value((inout Owner, String) throws -> Void)
    /// Known from podman and docker, and not there yet: refused by name.
    case pending(takesValue: Bool)
  }
  /// Without `--`.
  let name: String
  let short: Character?
  let action: Action
  /// What the value is called in the help: "bytes".
  let placeholder: String
  let help: String
  var hidden = false
  /// Other spellings of the long name: `--net` for `--network`.
  var alsoNamed: [String] = []
  var completion = Completion.none

  enum Completion: Sendable {
    case none, file, directory
    case words([String])
  }

  var takesValue: Bool {
    switch action {
    case .toggle: false
    case .value: true
    case .pending(let takesValue): takesValue
    }
  }

  static func toggle(
    _ name: String, _ short: Character, _ help: String, _ set: @escaping (inout Owner, Bool) throws -> Void
  ) -> Flag {
    Flag(name: name, short: short, action: .toggle(set), placeholder: "", help: help)
  }
  static func toggle(
    _ name: String, _ help: String, _ set: @escaping (inout Owner, Bool) throws -> Void
  ) -> Flag {
    Flag(name: name, short: nil, action: .toggle(set), placeholder: "", help: help)
  }

  static func value(
    _ name: String, _ short: Character, _ placeholder: String, _ help: String, also: [String] = [],
    completion: Completion = .none, _ set: @escaping (inout Owner, String) throws -> Void
  ) -> Flag {
    Flag(
      name: name, short: short, action: .value(set), placeholder: placeholder, help: help, alsoNamed: also,
      completion: completion)
  }
  static func value(
    _ name: String, _ placeholder: String, _ help: String, also: [String] = [],
    completion: Completion = .none, _ set: @escaping (inout Owner, String) throws -> Void
  ) -> Flag {
    Flag(
      name: name, short: nil, action: .value(set), placeholder: placeholder, help: help, alsoNamed: also,
      completion: completion)
  }

  static func pending(_ name: String, _ short: Character? = nil, value: Bool = true) -> Flag {
    Flag(name: name, short: short, action: .pending(takesValue: value), placeholder: "value", help: "", hidden: true)
  }

  /// The same flag of a command that holds an `Owner`.
  func lifted<Outer>(_ get: @escaping (inout Outer, (inout Owner) throws -> Void) throws -> Void) -> Flag<Outer> {
    let action: Flag<Outer>.Action =
      switch self.action {
      case .toggle(let set): .toggle { outer, value in try get(&outer) { owner in try set(&owner, value) } }
      case .value(let set): .value { outer, value in try get(&outer) { owner in try set(&owner, value) } }
      case .pending(let takesValue): .pending(takesValue: takesValue)
      }
    let words: Flag<Outer>.Completion =
      switch completion {
      case .none: .none
      case .file: .file
      case .directory: .directory
      case .words(let words): .words(words)
      }
    return Flag<Outer>(
      name: name, short: short, action: action, placeholder: placeholder, help: help, hidden: hidden,
      alsoNamed: alsoNamed, completion: words)
  }

  func hiddenFromHelp() -> Flag {
    var copy = self
    copy.hidden = true
    return copy
  }
}

extension Array {
  /// The flags of a shared group, as flags of the command that holds the group.
  func lifted<Inner, Outer>(
    _ get: @escaping (inout Outer, (inout Inner) throws -> Void) throws -> Void
  ) -> [Flag<Outer>] where Element == Flag<Inner> {
    map { $0.lifted(get) }
  }
}
