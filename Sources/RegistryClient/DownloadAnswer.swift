package import Problems

/// What a web server says about a file that is to be imported: no registry, no login.
package struct DownloadAnswer {
  package var address: WebAddress
  package var status: Int
  /// Its `Content-Length`; nil where the server does not know.
  package var length: Int64?

  package enum Limit {
    /// More than any root filesystem: a stream without end must not fill a disk for ever.
    package static let bytesMax: Int64 = 256 << 30
  }

  package init(address: WebAddress, status: Int, length: Int64?) {
    self.address = address
    self.status = status
    self.length = length
  }

  /// The address that a user gave.
  /// - Throws: `.invalid` for what is no http or https address.
  package static func address(_ text: String) throws(Problem) -> WebAddress {
    guard let address = WebAddress(text) else {
      throw Problem(
        code: .invalid, message: "\(ResponseProblem.printable(text)) is not http://HOST/PATH or https://HOST/PATH",
        hint: "an address with a name and password in it: curl -L ADDRESS | berth import -")
    }
    return address
  }

  /// Why the file does not come; nil where its bytes follow. Whoever reports it names the file.
  package var problem: Problem? {
    switch status {
    case 200:
      guard let length, length > Limit.bytesMax else { return nil }
      return Problem(code: .invalid, message: "the file has \(length) bytes: more than \(Limit.bytesMax) are not taken")
    case 401, 403, 407:
      return Problem(
        code: .denied, message: "\(address.authority) does not give it to everybody (status \(status))",
        hint: "fetch it with a program that can log in: curl -u USER \(address.withoutQuery) | berth import -")
    case 404, 410:
      return Problem(
        code: .notFound, message: "\(address.authority) has no such file (status \(status))", hint: "check the address")
    case 500...599:
      return Problem(
        code: .unavailable, message: "\(address.authority) failed with status \(status)",
        hint: "try again later")
    default:
      return Problem(
        code: .unavailable, message: "\(address.authority) answered with status \(status)",
        hint: "check the address")
    }
  }

  /// Judges what has come so far, or, at the end, in all.
  package func check(received: Int64, isEnd: Bool) throws(Problem) {
    if received > length ?? Limit.bytesMax {
      throw Problem(code: .invalid, message: "the file goes on after \(length ?? Limit.bytesMax) bytes")
    }
    if isEnd, let length, received < length { throw brokenOff(at: received) }
  }

  /// There is no digest by which two halves could be known to belong together: it is not continued.
  package func brokenOff(at received: Int64, cause: Problem? = nil) -> Problem {
    let all = length.map { " of \($0)" } ?? ""
    return Problem(
      code: .unavailable, message: "the file broke off at \(received)\(all) bytes", hint: "try again",
      cause: cause)
  }
}
