import Glibc
import JSON
import MonitorProtocol

/// Turns output into log entries, many at a time, in memory that somebody else owns.
struct LogEncoder {
  enum Limit {
    /// Bytes of one entry's text: a longer line becomes several partial entries, as dockerd and containerd do.
    static let entryBytesMax = 16 << 10
    /// Bytes of the longest head and tail of an entry, labels apart.
    static let frameBytesMax = 256
  }
  let driver: MonitorConfiguration.Log.Driver
  /// json-file: what stands between the stream and the time, `,"attrs":{...}` or nothing.
  private let attributes: [UInt8]
  private let output: UnsafeMutablePointer<UInt8>
  private let capacity: Int
  /// Encoded bytes that wait in the output.
  private(set) var filled = 0
  /// k8s-file: `time stream `; json-file: what follows the text.
  private var frame: [UInt8] = []

  init(_ log: MonitorConfiguration.Log, output: UnsafeMutableRawBufferPointer) {
    driver = log.driver
    var extra = JSON.Object(log.labels.sorted { $0.key < $1.key }.map { ($0.key, JSON($0.value)) })
    if let tag = log.tag, !tag.isEmpty { extra["tag"] = JSON(tag) }
    attributes = extra.members.isEmpty ? [] : Array(",\"attrs\":".utf8) + JSON.object(extra).bytes()
    self.output = output.baseAddress!.assumingMemoryBound(to: UInt8.self)
    capacity = output.count
    let largest = 6 * Limit.entryBytesMax + Limit.frameBytesMax + attributes.count
    precondition(capacity >= largest, "\(capacity) bytes hold no entry of \(largest)")
  }

  /// The encoded bytes, to be written now: the output is empty afterwards.
  mutating func take() -> UnsafeRawBufferPointer {
    defer { filled = 0 }
    return UnsafeRawBufferPointer(start: output, count: filled)
  }

  /// Gives the entries that follow their time and stream.
  mutating func begin(_ time: LogTime, isError: Bool) {
    let stream: StaticString = isError ? "stderr" : "stdout"
    let zone: StaticString = driver == .k8sFile ? "+00:00 " : "Z"
    frame.removeAll(keepingCapacity: true)
    if driver == .jsonFile {
      frame.append(contentsOf: "\",\"stream\":\"".utf8)
      stream.withUTF8Buffer { frame.append(contentsOf: $0) }
      frame.append(UInt8(ascii: "\""))
      frame.append(contentsOf: attributes)
      frame.append(contentsOf: ",\"time\":\"".utf8)
    }
    let digits = frame.count
    frame.append(contentsOf: repeatElement(0, count: LogTime.digitsCount))
    frame.withUnsafeMutableBufferPointer { time.write(to: $0.baseAddress! + digits) }
    zone.withUTF8Buffer { frame.append(contentsOf: $0) }
    if driver == .jsonFile {
      frame.append(contentsOf: "\"}\n".utf8)
    } else {
      stream.withUTF8Buffer { frame.append(contentsOf: $0) }
      frame.append(UInt8(ascii: " "))
    }
  }

  /// Encodes whole lines, and what is longer than an entry, until the output is full.
  ///
  /// - Parameter isEnd: the rest without a newline is encoded too, as a partial entry.
  /// - Returns: how many bytes are done, and whether the output has to be taken before the rest is.
  mutating func encode(_ bytes: UnsafeRawBufferPointer, isEnd: Bool) -> (consumed: Int, isFull: Bool) {
    guard driver != .none, let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else {
      return (bytes.count, false)
    }
    var place = 0
    while place < bytes.count {
      let rest = bytes.count - place
      let window = min(rest, Limit.entryBytesMax)
      let newline = memchr(base + place, 10, window)
      let count: Int
      if let newline {
        count = UnsafeRawPointer(newline) - UnsafeRawPointer(base + place)
      } else if rest >= Limit.entryBytesMax {
        count = LogEncoder.wholeCharacters(base + place, Limit.entryBytesMax)
      } else if isEnd {
        count = rest
      } else {
        return (place, false)
      }
      let worst = driver == .k8sFile ? count : 6 * count
      if filled + worst + frame.count + Limit.frameBytesMax > capacity { return (place, true) }
      put(base + place, count, isWhole: newline != nil)
      place += count + (newline == nil ? 0 : 1)
    }
    return (place, false)
  }

  @inline(__always)
  private mutating func put(_ text: UnsafePointer<UInt8>, _ count: Int, isWhole: Bool) {
    switch driver {
    case .k8sFile:
      frame.withUnsafeBufferPointer { _ = memcpy(output + filled, $0.baseAddress!, $0.count) }
      filled += frame.count
      output[filled] = UInt8(ascii: isWhole ? "F" : "P")
      output[filled + 1] = UInt8(ascii: " ")
      memcpy(output + filled + 2, text, count)
      output[filled + 2 + count] = 10
      filled += count + 3
    case .jsonFile:
      put("{\"log\":\"")
      filled += JSONText.escape(text, count, to: output + filled)
      if isWhole { put("\\n") }
      frame.withUnsafeBufferPointer { _ = memcpy(output + filled, $0.baseAddress!, $0.count) }
      filled += frame.count
    case .none: break
    }
  }
  private mutating func put(_ text: StaticString) {
    memcpy(output + filled, text.utf8Start, text.utf8CodeUnitCount)
    filled += text.utf8CodeUnitCount
  }

  /// The most bytes up to `count` that do not end inside a UTF-8 character.
  private static func wholeCharacters(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int {
    var end = count
    while end > count - 3, bytes[end - 1] & 0xc0 == 0x80 { end -= 1 }
    return bytes[end - 1] >= 0xc0 && end - 1 > 0 ? end - 1 : count
  }
}
