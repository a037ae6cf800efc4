import Problems
import Testing

@testable import CommandLineInterface

/// A command with one flag of each kind.
private struct Sample: Command {
  var log: [String] = []
  var given: [String] = []
  static var about: About { About("sample", "A sample") }
  static var operands: [Operand] { [Operand("IMAGE", ""), Operand("COMMAND", "", optional: true, repeats: true)] }
  static var flagsEndAtOperand: Bool { true }
  static var flags: [Flag<Self>] {
    [
      .toggle("interactive", "i", "") { $0.log.append("i=\($1)") },
      .toggle("tty", "t", "") { $0.log.append("t=\($1)") },
      .toggle("rm", "") { $0.log.append("rm=\($1)") },
      .value("volume", "v", "x", "") { $0.log.append("v=\($1)") },
      .value("env", "e", "x", "") { $0.log.append("e=\($1)") },
      .value("hostname", "h", "x", "") { $0.log.append("h=\($1)") },
      .value("network", "x", "", also: ["net"]) { $0.log.append("network=\($1)") },
      .value("memory-swap", "x", "") { $0.log.append("swap=\($1)") },
      .pending("publish", "p"),
    ]
  }
  func run(_ context: Context) throws(Problem) -> Int32 { 0 }
}

private func read(_ words: String) throws -> FlagReader.Reading<Sample> {
  try FlagReader.read(Sample.self, words.split(separator: " ").map(String.init)[...], path: "berth sample")
}

@Suite struct FlagReaderTests {
  @Test(arguments: [
    ("-it img", ["i=true", "t=true"], ["img"]),
    ("-i -t img", ["i=true", "t=true"], ["img"]),
    ("--rm img", ["rm=true"], ["img"]),
    ("--rm=true img", ["rm=true"], ["img"]),
    ("--rm=false img", ["rm=false"], ["img"]),
    ("-i=false img", ["i=false"], ["img"]),
    ("-v /a:/b img", ["v=/a:/b"], ["img"]),
    ("-v/a:/b img", ["v=/a:/b"], ["img"]),
    ("-v=/a:/b img", ["v=/a:/b"], ["img"]),
    ("--volume=/a:/b img", ["v=/a:/b"], ["img"]),
    ("-itv /a:/b img", ["i=true", "t=true", "v=/a:/b"], ["img"]),
    ("-itv/a:/b img", ["i=true", "t=true", "v=/a:/b"], ["img"]),
    ("-eFOO=1 -e BAR=2 --env=A=B=C img", ["e=FOO=1", "e=BAR=2", "e=A=B=C"], ["img"]),
    ("--memory-swap -1 img", ["swap=-1"], ["img"]),
    ("--memory-swap=-1 img", ["swap=-1"], ["img"]),
    ("--net host img", ["network=host"], ["img"]),
    ("-h box img", ["h=box"], ["img"]),
    ("img -it --rm ls -l", [], ["img", "-it", "--rm", "ls", "-l"]),
    ("--rm img -- x", ["rm=true"], ["img", "--", "x"]),
    ("--rm -- -img x", ["rm=true"], ["-img", "x"]),
    ("- x", [], ["-", "x"]),
    ("--env= img", ["e="], ["img"]),
  ]) func spellings(_ line: String, _ log: [String], _ operands: [String]) throws {
    guard case .command(let sample) = try read(line) else {
      Issue.record("help")
      return
    }
    #expect(sample.log == log)
    #expect(sample.given == operands)
  }

  @Test(arguments: [
    ("--nope img", "error: unknown flag: --nope\nhint: See 'berth sample --help'"),
    ("--vol /a:/b img", "error: unknown flag: --vol\nhint: See 'berth sample --help'"),
    ("-ix img", "error: unknown shorthand flag: 'x' in -ix\nhint: See 'berth sample --help'"),
    ("--rm=maybe img", "error: invalid argument \"maybe\" for --rm: true or false\nhint: See 'berth sample --help'"),
    ("--volume", "error: flag needs an argument: --volume\nhint: See 'berth sample --help'"),
    ("-v", "error: flag needs an argument: -v\nhint: See 'berth sample --help'"),
    ("--publish 80:80 img", "error: not supported yet: --publish\nhint: See 'berth sample --help'"),
    ("-p80:80 img", "error: not supported yet: --publish\nhint: See 'berth sample --help'"),
    ("--rm", "error: IMAGE is missing\nhint: See 'berth sample --help'"),
  ]) func refusals(_ line: String, _ text: String) throws {
    let problem = #expect(throws: Problem.self) { _ = try read(line) }
    #expect(problem?.description == text)
    #expect(problem?.exitStatus == 125)
  }

  @Test func helpIsAskedFor() throws {
    guard case .help = try read("--rm --help") else {
      Issue.record("--help is not help")
      return
    }
    guard case .help = try FlagReader.read(ContainerRemove.self, ["-h"], path: "berth rm") else {
      Issue.record("-h is not help")
      return
    }
  }

  @Test func tooManyOperands() {
    #expect(throws: Problem.self) { _ = try FlagReader.read(ContainerList.self, ["extra"], path: "berth ps") }
    #expect(throws: Problem.self) { _ = try FlagReader.read(ContainerRename.self, ["a"], path: "berth rename") }
    #expect(throws: Problem.self) {
      _ = try FlagReader.read(ContainerRename.self, ["a", "b", "c"], path: "berth rename")
    }
  }
}

/// What must hold for every definition.
@Suite struct DefinitionTests {
  private func all() -> [(path: String, type: any Command.Type)] {
    var result: [(String, any Command.Type)] = []
    func visit(_ type: any Command.Type, _ path: String) {
      result.append((path, type))
      for child in type.children { visit(child, path + " " + child.about.name) }
    }
    visit(Berth.self, "berth")
    return result
  }

  @Test func namesAreUnique() {
    for (path, type) in all() {
      func check<C: Command>(_ command: C.Type) {
        let names = C.flags.flatMap { [$0.name] + $0.alsoNamed }
        #expect(Set(names).count == names.count, "\(path): a flag twice: \(names.sorted())")
        let letters = C.flags.compactMap(\.short)
        #expect(Set(letters).count == letters.count, "\(path): a letter twice")
        let children = C.children.flatMap { $0.names }
        #expect(Set(children).count == children.count, "\(path): a command twice")
        for flag in C.flags where !flag.hidden { #expect(!flag.help.isEmpty, "\(path) --\(flag.name) has no help") }
        for operand in C.operands.dropLast() { #expect(!operand.repeats, "\(path): only the last operand repeats") }
      }
      check(type)
    }
  }

  @Test func everyCommandHasHelpAndAPage() {
    for (path, type) in all() where !type.about.hidden {
      let help = Documentation.help(of: type, columns: 80)
      #expect(help.contains(type.about.abstract.prefix(40)), "\(path)")
    }
    let names = Set(ManualPage.all.map(\.name))
    for (path, type) in all() where !type.about.hidden {
      #expect(names.contains(path.split(separator: " ").joined(separator: "-")), "\(path)")
    }
  }

  @Test func helpNamesFlagsAndOperands() {
    let help = Documentation.help(of: ContainerRun.self, columns: 100)
    for text in [
      "USAGE: berth run", "<IMAGE>", "-e, --env <NAME=value>", "--memory-swap <bytes>", "-h, --hostname <name>",
      "--rm ",
    ] {
      #expect(help.contains(text), "\(text)")
    }
    #expect(!help.contains("--restart"), "what is not there yet is not offered")
  }

  @Test(arguments: ["bash", "zsh", "fish"]) func completions(_ shell: String) {
    let script = Documentation.completionScript(for: shell) ?? ""
    for word in ["container", "volume", "run", "entrypoint"] { #expect(script.contains(word), "\(shell): \(word)") }
  }

  @Test func troffIsQuoted() { #expect(ManualPage.escaped(".a\\b\n'c-d") == "\\&.a\\eb\n\\&'c\\-d") }
}
