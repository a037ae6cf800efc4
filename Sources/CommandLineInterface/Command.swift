import Problems

/// One command: what it is called, what it takes, and the one call that it makes.
///
/// The definitions are written once: the reader of the command line (`FlagReader`), the help, the completions
/// and the manual pages all come from them.
protocol Command {
  init()
  static var about: About { get }
  static var flags: [Flag<Self>] { get }
  static var operands: [Operand] { get }
  /// Everything from the first operand on belongs to it: `run IMAGE -x` gives `-x` to the container.
  static var flagsEndAtOperand: Bool { get }
  /// The commands below this one; a command with children does nothing itself.
  static var children: [any Command.Type] { get }
  /// The operands as given.
  var given: [String] { get set }
  /// - Returns: the exit status.
  func run(_ context: Context) throws(Problem) -> Int32
}

extension Command {
  static var flags: [Flag<Self>] { [] }
  static var operands: [Operand] { [] }
  static var flagsEndAtOperand: Bool { false }
  static var children: [any Command.Type] { [] }
  static var names: [String] { [about.name] + about.aliases }
}

/// What a command is called and what it is for.
struct About: Sendable {
  var name: String
  /// One line, without a full stop.
  var abstract: String
  var discussion: String
  var aliases: [String]
  var hidden: Bool

  init(_ name: String, _ abstract: String, aliases: [String] = [], hidden: Bool = false, discussion: String = "") {
    self.name = name
    self.abstract = abstract
    self.aliases = aliases
    self.hidden = hidden
    self.discussion = discussion
  }
}

/// One operand, as the usage line names it.
struct Operand: Sendable {
  var name: String
  var help: String
  var optional: Bool
  var repeats: Bool

  init(_ name: String, _ help: String, optional: Bool = false, repeats: Bool = false) {
    self.name = name
    self.help = help
    self.optional = optional
    self.repeats = repeats
  }
}

/// A command that only holds others.
protocol CommandGroup: Command {}

extension CommandGroup {
  var given: [String] {
    get { [] }
    set {}
  }
  func run(_ context: Context) throws(Problem) -> Int32 {
    throw Problem(code: .bug, message: "\(Self.about.name) is a group of commands")
  }
}
