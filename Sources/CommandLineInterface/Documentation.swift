import ArgumentParser

/// Help and completions, made by ArgumentParser from the commands' definitions.
///
/// Only this file knows ArgumentParser: reading a command line with it costs 3 ms and more of every command
/// (it looks its definitions up by reflection), and it does not know `--rm=true`, `-v/a:/b` or `--memory-swap -1`.
enum Documentation {
  static func help(of command: any Command.Type, columns: Int? = nil) -> String {
    described(Berth.self).helpMessage(for: described(command), includeHidden: false, columns: columns) + "\n"
  }

  /// - Parameter shell: bash, zsh or fish; nil for another.
  static func completionScript(for shell: String) -> String? {
    CompletionShell(rawValue: shell).map { described(Berth.self).completionScript(for: $0) }
  }

  private static func described(_ command: any Command.Type) -> any ParsableCommand.Type {
    func open<C: Command>(_ type: C.Type) -> any ParsableCommand.Type { Described<C>.self }
    return open(command)
  }

  private struct AnyName: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  /// A command as ArgumentParser sees it: it finds the flags in the mirror, where property wrappers would be.
  private struct Described<C: Command>: ParsableCommand, CustomReflectable {
    init() {}
    init(from decoder: any Decoder) throws {
      // ArgumentParser's debug build asks for the names of what it would decode.
      _ = try decoder.container(keyedBy: AnyName.self)
      throw ValidationError("berth reads its command line itself")
    }

    static var configuration: CommandConfiguration {
      CommandConfiguration(
        commandName: C.about.name, abstract: C.about.abstract, usage: C.children.isEmpty ? nil : "",
        discussion: C.about.discussion, shouldDisplay: !C.about.hidden,
        subcommands: C.children.map { described($0) },
        helpNames: C.flags.contains { $0.short == "h" } ? .long : .shortAndLong, aliases: C.about.aliases)
    }

    var customMirror: Mirror {
      let operands = C.operands.map { (label: $0.name, value: $0.definition) }
      let flags = C.flags.filter { !$0.hidden }.map { (label: $0.name, value: $0.definition) }
      return Mirror(self, children: (operands + flags).map { (label: $0.label as String?, value: $0.value) })
    }
  }
}

extension Operand {
  fileprivate var definition: Any {
    let help = ArgumentHelp(stringLiteral: self.help)
    var named = help
    named.valueName = name
    if repeats { return Argument<[String]>(wrappedValue: [], help: named) }
    if optional { return Argument<String?>(help: named) }
    return Argument<String>(help: named)
  }
}

extension Flag {
  fileprivate var definition: Any {
    let names = NameSpecification(
      [.customLong(name)] + (short.map { [.customShort($0)] } ?? []) + alsoNamed.map { .customLong($0) })
    var help = ArgumentHelp(stringLiteral: self.help)
    if !takesValue { return ArgumentParser.Flag<Bool>(wrappedValue: false, name: names, help: help) }
    if !placeholder.isEmpty { help.valueName = placeholder }
    let kind: CompletionKind? =
      switch completion {
      case .none: nil
      case .file: .file()
      case .directory: .directory
      case .words(let words): .list(words)
      }
    return ArgumentParser.Option<String?>(name: names, help: help, completion: kind)
  }
}
