package import Problems

/// One blob on its way: how to go on after a break. No clock and no socket: it is told what happened and says what
/// to do.
package struct Transfer: Sendable {
  /// Bytes of the whole blob.
  package let size: Int64
  /// Bytes that were delivered so far.
  package private(set) var offset: Int64 = 0
  private var failuresInARow = 0
  private var offsetAtFailure: Int64 = 0

  package enum Limit {
    /// Tries that bring less than `progressBytes` each, before the transfer is given up.
    package static let triesMax = 5
    package static let progressBytes: Int64 = 1 << 20
    package static let delayFirst = Duration.milliseconds(200)
    package static let delayMax = Duration.seconds(10)
    /// A registry that wants a longer pause is answered with an error.
    package static let retryAfterSecondsMax = 60
  }

  package init(size: Int64) { self.size = size }

  package var isComplete: Bool { offset == size }
  /// The `Range` header of the next request; nil asks for all. Source: RFC 9110, section 14.2.
  package var range: String? { offset == 0 ? nil : "bytes=\(offset)-" }

  package enum Start: Equatable, Sendable {
    /// Deliver the body after dropping this many bytes: the server does not know ranges.
    case body(skipping: Int64)
    case refuse(reason: String)
  }

  /// Judges the head of an answer (status 200 or 206).
  package func start(status: Int, contentLength: Int64?, contentRange: String?) -> Start {
    if status == 206 {
      guard let (first, total) = Transfer.parse(contentRange), first == offset, total.map({ $0 == size }) ?? true else {
        return .refuse(reason: "another range than asked for")
      }
      if let contentLength, contentLength != size - offset { return .refuse(reason: "a range of another length") }
      return .body(skipping: 0)
    }
    if let contentLength, contentLength != size { return .refuse(reason: "\(contentLength) bytes instead of \(size)") }
    return .body(skipping: offset)
  }

  /// `bytes FIRST-LAST/TOTAL`
  static func parse(_ header: String?) -> (first: Int64, total: Int64?)? {
    guard let header, header.hasPrefix("bytes ") else { return nil }
    let parts = header.dropFirst(6).split(separator: "/")
    guard parts.count == 2, let dash = parts[0].firstIndex(of: "-"), let first = Int64(parts[0][..<dash]) else {
      return nil
    }
    return (first, Int64(parts[1]))
  }

  /// - Throws: `.invalid` when there are more bytes than the manifest says.
  package mutating func delivered(_ bytes: Int) throws(Problem) {
    offset += Int64(bytes)
    guard offset <= size else {
      throw Problem(code: .invalid, message: "the blob is longer than the \(size) bytes that its manifest says")
    }
  }

  package enum Next: Equatable, Sendable {
    case retry(after: Duration)
    case giveUp
  }

  /// After a broken connection, a body that ended early, or a status worth another try.
  package mutating func failed() -> Next {
    if offset - offsetAtFailure >= Limit.progressBytes { failuresInARow = 0 }
    offsetAtFailure = offset
    failuresInARow += 1
    guard failuresInARow < Limit.triesMax else { return .giveUp }
    return .retry(after: Transfer.delay(beforeTry: failuresInARow))
  }

  /// 0.2 s, 0.4 s, 0.8 s, …
  package static func delay(beforeTry number: Int) -> Duration {
    min(Limit.delayFirst * (1 << min(max(number - 1, 0), 10)), Limit.delayMax)
  }

  /// Whether a status may pass by itself, and after how long.
  /// - Parameter retryAfter: the header, in seconds; a date is not worth parsing and counts as absent.
  package static func pause(status: Int, retryAfter: String?, try number: Int) -> Duration? {
    switch status {
    case 429, 503:
      let seconds = retryAfter.flatMap { Int($0) }
      if let seconds { return seconds <= Limit.retryAfterSecondsMax ? .seconds(max(seconds, 0)) : nil }
      return delay(beforeTry: number + 1)
    case 408, 500, 502, 504: return delay(beforeTry: number)
    default: return nil
    }
  }
}
