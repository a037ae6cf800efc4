import JSON
import Problems
import RuntimeSpec

/// Where a container is in its life. Source: runtime-spec 1.2, runtime.md, "State".
public struct ContainerState: Hashable, Sendable {
  public enum Status: String, CaseIterable, Sendable {
    case creating, created, running, paused, stopped
  }
  public var id: String
  public var status: Status
  /// In the pid namespace of this process; nil where no process is left.
  public var pid: Int32?
  /// Absolute path of the bundle that it was made from.
  public var bundlePath: String
  public var annotations: [String: String]

  /// - Throws: `.bug` for what a runtime may not print.
  init(_ text: [UInt8]) throws(Problem) {
    let state: State
    do { state = try State(json: try JSON.parse(text)) } catch {
      throw Problem(code: .bug, message: "read the state that the runtime printed", cause: error)
    }
    guard let status = Status(rawValue: state.status.rawValue) else {
      throw Problem(code: .bug, message: "container \(state.id) is in the unknown state \"\(state.status.rawValue)\"")
    }
    id = state.id
    self.status = status
    pid = state.pid == 0 ? nil : state.pid
    bundlePath = state.bundle
    annotations = state.annotations ?? [:]
  }
}
