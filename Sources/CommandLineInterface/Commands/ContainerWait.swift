import Engine
import Problems

/// `berth wait`: waits until containers end and prints their exit codes.
struct ContainerWait: Command {
  var states: [ContainerState] = []
  var latest = false
  var ignore = false
  var interval: Int?
  var given: [String] = []
  init() {}

  static var about: About { About("wait", "Wait for containers to end and print their exit codes") }
  static var operands: [Operand] { [Operand("CONTAINER", "Name or ID", optional: true, repeats: true)] }
  static var flags: [Flag<Self>] {
    [
      .value("condition", "state", "Wait for this state: running, exited, …", completion: .words(stateNames)) {
        for word in commaList($1) {
          guard let state = ContainerState(rawValue: word) else { throw choice("--condition", word, stateNames) }
          $0.states.append(state)
        }
      },
      .toggle("ignore", "A container that is not there is fine: -1") { $0.ignore = $1 },
      .value("interval", "i", "duration", "Look at least this often, even where nothing tells of a change") {
        $0.interval = try FlagValue.milliseconds($1, flag: "--interval")
      },
      .toggle("latest", "l", "The container made last") { $0.latest = $1 },
    ]
  }
  private static var stateNames: [String] { ContainerState.allCases.map(\.rawValue) }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let engine = try context.engine()
    var selection = SelectionFlags()
    selection.latest = latest
    return context.each(try selection.names(given, engine, path: "berth wait")) { name throws(Problem) in
      do throws(Problem) {
        context.output.line(String(try engine.wait(name, for: states, interval: interval)))
      } catch {
        guard ignore, error.code == .notFound else { throw error }
        context.output.line("-1")
      }
      context.output.flush()
    }
  }
}
