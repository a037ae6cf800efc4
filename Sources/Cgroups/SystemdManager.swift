import DBus
import Glibc
import Problems
import Sys

/// systemd's manager, asked over D-Bus: the system's through its private socket or the system bus, a user's through
/// the session bus or the user manager's private socket.
final class SystemdManager {
  private let connection: DBusConnection
  /// nil where the peer is the manager itself.
  private let destination: String?
  private let isUser: Bool

  private enum Name {
    static let manager = "org.freedesktop.systemd1"
    static let interface = "org.freedesktop.systemd1.Manager"
    static let path = "/org/freedesktop/systemd1"
    static let unitExists = "org.freedesktop.systemd1.UnitExists"
    static let noSuchUnit = "org.freedesktop.systemd1.NoSuchUnit"
  }
  private enum Limit {
    /// As runc waits for a job.
    static let milliseconds = 30_000
  }

  init(isUser: Bool) throws(Problem) {
    self.isUser = isUser
    let candidates = Self.sockets(isUser: isUser)
    var failure: (path: String, error: DBusError)?
    for (path, isBus) in candidates where exists(path) {
      do throws(DBusError) {
        connection = try DBusConnection(path: path, isBus: isBus, milliseconds: Limit.milliseconds)
        destination = isBus ? Name.manager : nil
        return
      } catch { failure = failure ?? (path, error) }
    }
    guard let failure else {
      let places = candidates.map(\.path).joined(separator: ", ")
      throw Problem(
        code: .unsupported,
        message: "no systemd \(isUser ? "user manager" : "manager") is here: \(places)",
        hint: isUser ? "log in with a user session, or use --cgroup-manager cgroupfs" : "use --cgroup-manager cgroupfs")
    }
    throw Problem(
      code: .unavailable, message: "talk to systemd at \(failure.path)",
      hint: "use --cgroup-manager cgroupfs to do without it", cause: failure.error)
  }

  /// Where to look, in order; the environment's word is the last one.
  private static func sockets(isUser: Bool) -> [(path: String, isBus: Bool)] {
    let variable = isUser ? "DBUS_SESSION_BUS_ADDRESS" : "DBUS_SYSTEM_BUS_ADDRESS"
    if let path = environmentVariable(variable).flatMap(DBusAddress.unixPath) { return [(path, true)] }
    if !isUser { return [("/run/systemd/private", false), ("/run/dbus/system_bus_socket", true)] }
    let run = environmentVariable("XDG_RUNTIME_DIR") ?? "/run/user/\(getuid())"
    return [(run + "/bus", true), (run + "/systemd/private", false)]
  }

  // MARK: - Units

  /// Starts a scope around a process and waits until it is there. A unit of that name that has failed is cleared away.
  func start(_ unit: SystemdUnit, _ properties: SystemdProperties) throws(Problem) {
    try listen()
    let call = DBusMessage.call(
      "StartTransientUnit", of: Name.interface, on: Name.path, at: destination,
      [.string(unit.name), .string("replace"), properties.value, .array(of: Self.auxiliaryUnit, [])])
    do throws(DBusError) {
      try wait(for: try job(call), unit)
    } catch {
      guard case .reply(Name.unitExists, _) = error else { throw failure("start unit \(unit.name)", error) }
      try resetFailed(unit)
      do throws(DBusError) { try wait(for: try job(call), unit) } catch {
        throw failure("start unit \(unit.name)", error)
      }
    }
  }
  /// `a(sa(sv))`: units to come along.
  private static let auxiliaryUnit = DBusType.structure([.string, .array(.structure([.string, .variant]))])

  func set(_ unit: SystemdUnit, _ properties: SystemdProperties) throws(Problem) {
    if properties.list.isEmpty { return }
    do throws(DBusError) {
      _ = try connection.call(
        .call(
          "SetUnitProperties", of: Name.interface, on: Name.path, at: destination,
          [.string(unit.name), .boolean(true), properties.value]))
    } catch { throw failure("set properties of unit \(unit.name)", error) }
  }

  /// Stops the unit and forgets it. One that is not there is fine.
  func stop(_ unit: SystemdUnit) throws(Problem) {
    try listen()
    do throws(DBusError) {
      try wait(
        for: try job(
          .call(
            "StopUnit", of: Name.interface, on: Name.path, at: destination,
            [.string(unit.name), .string("replace")])), unit)
    } catch {
      guard case .reply(Name.noSuchUnit, _) = error else { throw failure("stop unit \(unit.name)", error) }
      return
    }
    try resetFailed(unit)
  }

  /// - Source: org.freedesktop.systemd1(5), `AttachProcessesToUnit()`.
  func attach(_ pid: pid_t, to unit: SystemdUnit) throws(Problem) {
    do throws(DBusError) {
      _ = try connection.call(
        .call(
          "AttachProcessesToUnit", of: Name.interface, on: Name.path, at: destination,
          [.string(unit.name), .string(""), .array(of: .uint32, [.uint32(UInt32(pid))])]))
    } catch { throw failure("move process \(pid) into unit \(unit.name)", error) }
  }

  private func resetFailed(_ unit: SystemdUnit) throws(Problem) {
    do throws(DBusError) {
      _ = try connection.call(
        .call("ResetFailedUnit", of: Name.interface, on: Name.path, at: destination, [.string(unit.name)]))
    } catch {
      guard case .reply(Name.noSuchUnit, _) = error else { throw failure("reset unit \(unit.name)", error) }
    }
  }

  // MARK: - Jobs

  /// Asks to be told of jobs that end. - Source: org.freedesktop.systemd1(5), `Subscribe()`.
  private func listen() throws(Problem) {
    do throws(DBusError) {
      if destination != nil {
        let bus = "org.freedesktop.DBus"
        let rule = "type='signal',interface='\(Name.interface)',member='JobRemoved',path='\(Name.path)'"
        _ = try connection.call(.call("AddMatch", of: bus, on: "/org/freedesktop/DBus", at: bus, [.string(rule)]))
      }
      _ = try connection.call(.call("Subscribe", of: Name.interface, on: Name.path, at: destination))
    } catch { throw failure("subscribe to systemd's jobs", error) }
  }

  private func job(_ call: DBusMessage) throws(DBusError) -> String {
    guard let path = try connection.call(call).first?.text else { throw .malformed("a job without a path") }
    return path
  }

  /// `JobRemoved(u id, o job, s unit, s result)`.
  private func wait(for job: String, _ unit: SystemdUnit) throws(DBusError) {
    let signal = try connection.signal { $0.member == "JobRemoved" && $0.body.count == 4 && $0.body[1].text == job }
    let result = signal.body[3].text ?? ""
    guard result == "done" else {
      throw .reply(name: result, text: "systemd's job for \(unit.name) ended as \(result)")
    }
  }

  private func failure(_ what: String, _ error: DBusError) -> Problem {
    let code: Problem.Code =
      switch error {
      case .system(let errno): Problem.Code(errno)
      case .refused: .denied
      case .reply(Name.unitExists, _): .conflict
      case .reply, .malformed: .unavailable
      }
    return Problem(code: code, message: what, cause: error)
  }
}
