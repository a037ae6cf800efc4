import CSys
import Cgroups
import Glibc
import JSON
import Problems
import RuntimeSpec
import Sys

extension Session {
  /// Lists the container's processes: with ps(1) and its options, `-ef` if none are given, or their pids as JSON.
  func ps(_ rest: ArraySlice<String>) throws(Problem) -> CInt {
    var options: ArraySlice<String> = []
    let flags = try Flags(rest, Flags.Grammar(["format|f="]), stopsAtFirst: true, rest: &options)
    guard let id = options.popFirst() ?? flags.positional.first else {
      throw .usage("missing container ID")
    }
    if options.first == "--" { options.removeFirst() }
    let format = flags["format"] ?? "table"
    guard format == "table" || format == "json" else {
      throw Problem(code: .invalid, message: "invalid format option \"\(format)\"")
    }
    let pids = try store.load(id).cgroup.processes().sorted()
    if format == "json" { return RuntimeProgram.show(JSON.array(pids.map { JSON($0) }).text() + "\n") }
    guard let program = ProgramSearch().find("ps") else {
      guard options.isEmpty else {
        throw Problem(
          code: .notFound, message: "ps options \(options.joined(separator: " ")) need the program ps",
          hint: "install procps, or leave the options out")
      }
      return RuntimeProgram.show(Self.table(of: pids))
    }
    let text = try Self.output(of: program, options.isEmpty ? ["-ef"] : Array(options))
    return RuntimeProgram.show(try ProcessTable.rows(of: Set(pids), in: text))
  }

  /// What there is to say without ps(1).
  private static func table(of pids: [pid_t]) -> String {
    let rows = pids.map { pid -> [String] in
      let name = (try? readText("/proc/\(pid)/comm")).map { String($0.prefix { $0 != "\n" }) } ?? "?"
      let uid = (try? status("/proc/\(pid)")).map { String($0.st_uid) } ?? "?"
      return [uid, String(pid), name]
    }
    return Table.text([["UID", "PID", "CMD"]] + rows)
  }

  private static func output(of program: String, _ options: [String]) throws(Problem) -> String {
    let outcome: (text: String, status: ExitStatus) = try doing("run \(program)") { () throws(Errno) in
      let output = try Pipe.make()
      var spawn = Spawn(program, options, environment: currentEnvironment())
      spawn.descriptors = [-1, output.writer.borrowed, 2]
      let child = try spawn.start()
      let text = try readAll(output.closingWriter())
      return (String(decoding: text, as: UTF8.self), try child.wait())
    }
    guard outcome.status == .exited(code: 0) else {
      throw Problem(
        code: .invalid, message: "\(program) \(options.joined(separator: " ")) ended with \(outcome.status)")
    }
    return outcome.text
  }
}

/// The output of ps(1).
enum ProcessTable {
  /// The heading and the lines of these processes.
  /// - Throws: `.invalid` where the options leave no PID column.
  static func rows(of pids: Set<pid_t>, in text: String) throws(Problem) -> String {
    let lines = text.split(separator: "\n")
    guard let heading = lines.first,
      let column = heading.split(separator: " ").firstIndex(of: "PID")
    else {
      throw Problem(
        code: .invalid, message: "the output of ps has no column PID", hint: "choose ps options that show it")
    }
    let rows = lines.dropFirst().filter { line in
      let fields = line.split(separator: " ")
      return column < fields.count && pid_t(fields[column]).map(pids.contains) == true
    }
    return ([heading] + rows).map { $0 + "\n" }.joined()
  }
}
