public import Sys

/// Something that a user or a program above has to know: one sentence that names the object, the cause, the next step.
public struct Problem: Error, Sendable {
  public enum Code: String, CaseIterable, Sendable {
    case notFound, conflict, invalid, denied, unsupported, timeout, bug
    /// The world failed: a full disk, a broken connection, an I/O error.
    case unavailable
    /// The container's command is there but cannot be executed: exit status 126.
    case cannotExecute
    /// The container's command is not there: exit status 127.
    case commandNotFound
  }
  public let code: Code
  /// One sentence, naming the object, without a full stop.
  public let message: String
  /// What to do next.
  public var hint: String?
  public var cause: (any Error)?

  public init(code: Code, message: String, hint: String? = nil, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.hint = hint
    self.cause = cause
  }

  /// The exit status of a program that fails with this problem. Source: podman-run(1), "Exit Status".
  public var exitStatus: Int32 {
    switch code {
    case .cannotExecute: 126
    case .commandNotFound: 127
    case .notFound, .conflict, .invalid, .denied, .unsupported, .timeout, .bug, .unavailable: 125
    }
  }
}

extension Problem: CustomStringConvertible {
  /// "error: mount proc in web: Operation not permitted\nhint: run as root"
  public var description: String { text(labelled: "error") }
  /// Where it stops nothing but should be known: "warning: …".
  public var warning: String { text(labelled: "warning") }
  private func text(labelled label: String) -> String {
    var text = "\(label): \(sentence)"
    if let hint = hint ?? (cause as? Problem)?.hint { text += "\nhint: \(hint)" }
    return text
  }
  /// The message with its causes, without prefix or hint.
  public var sentence: String {
    switch cause {
    case nil: message
    case let problem as Problem: "\(message): \(problem.sentence)"
    case let other?: "\(message): \(other)"
    }
  }
}

extension Problem.Code {
  /// The code that fits a system call's error, where nothing better is known.
  public init(_ errno: Errno) {
    switch errno {
    case .notFound, .noSuchProcess, .notDirectory: self = .notFound
    case .exists, .busy, .notEmpty: self = .conflict
    case .notPermitted, .accessDenied: self = .denied
    case .invalid, .symlinkLoop, .crossDevice: self = .invalid
    case .noSystemCall, .notSupported: self = .unsupported
    case .timedOut: self = .timeout
    default: self = .unavailable
    }
  }
}

/// Runs `body`; its errno becomes a problem with this message.
@inlinable
public func doing<R: ~Copyable>(
  _ message: @autoclosure () -> String, hint: @autoclosure () -> String? = nil, _ body: () throws(Errno) -> R
) throws(Problem) -> R {
  do throws(Errno) { return try body() } catch {
    throw Problem(code: Problem.Code(error), message: message(), hint: hint(), cause: error)
  }
}
