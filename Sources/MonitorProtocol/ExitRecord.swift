package import JSON
package import Problems
package import Sys

/// How a container or an exec session ended: the contents of its exit file.
package struct ExitRecord: Equatable, Sendable {
  /// As a shell reports it: the exit code, or 128 + signal.
  package var code: Int32
  /// The signal that ended it, or 0.
  package var signal: Int32
  /// The kernel killed a process of the container for memory.
  package var oom: Bool
  /// When, RFC 3339 with nanoseconds, UTC.
  package var finished: String

  package init(code: Int32, signal: Int32 = 0, oom: Bool = false, finished: String) {
    self.code = code
    self.signal = signal
    self.oom = oom
    self.finished = finished
  }

  package init(_ status: ExitStatus, oom: Bool, finished: String) {
    let signal: Int32 = if case .killed(let number) = status { number } else { 0 }
    self.init(code: status.shellCode, signal: signal, oom: oom, finished: finished)
  }

  package var json: JSON {
    ["code": JSON(code), "signal": JSON(signal), "oom": JSON(oom), "finished": JSON(finished)]
  }

  /// - Throws: `.invalid` where it is not an exit record.
  package init(bytes: [UInt8]) throws(Problem) {
    let json: JSON
    do throws(JSON.ParseError) { json = try JSON.parse(bytes) } catch {
      throw Problem(code: .invalid, message: "damaged exit file", cause: error)
    }
    guard let code: Int32 = json["code"]?.integer() else {
      throw Problem(code: .invalid, message: "damaged exit file: no code")
    }
    self.init(
      code: code, signal: json["signal"]?.integer() ?? 0, oom: json["oom"]?.bool ?? false,
      finished: json["finished"]?.string ?? "")
  }

  /// Reads an exit file; nil while there is none.
  package static func read(_ path: String) throws(Problem) -> ExitRecord? {
    let bytes: [UInt8]
    do throws(Errno) { bytes = try readFile(path, limit: 64 << 10) } catch {
      if error == .notFound { return nil }
      throw Problem(code: Problem.Code(error), message: "read exit file \(path)", cause: error)
    }
    return try ExitRecord(bytes: bytes)
  }
}
