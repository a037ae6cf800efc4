import JSON

/// Output of a container as its log keeps it.
package struct LogEntry: Equatable, Sendable {
  /// When its first part was written.
  package var time: LogTime
  package var isError: Bool
  /// Without the newline.
  package var text: [UInt8]
  /// A newline followed. false is the end of an output without one, or a line that is still being written.
  package var endsLine: Bool
  /// It goes on with a line whose beginning was delivered as an entry before.
  package var continuesLine: Bool

  package init(time: LogTime, isError: Bool, text: [UInt8], endsLine: Bool, continuesLine: Bool = false) {
    self.time = time
    self.isError = isError
    self.text = text
    self.endsLine = endsLine
    self.continuesLine = continuesLine
  }

  /// What `logs` prints: the text, with its newline if it has one, and the time before it if that is wanted.
  package func bytes(timestamps: Bool) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count + 40)
    if timestamps && !continuesLine { result.append(contentsOf: (time.text(zone: "Z") + " ").utf8) }
    result.append(contentsOf: text)
    if endsLine { result.append(10) }
    return result
  }

  /// One line of a k8s-file log, `time stream F|P text`; nil where it is none.
  package init?(k8sLine line: some RandomAccessCollection<UInt8>) {
    guard let first = line.firstIndex(of: 0x20), let time = LogTime(rfc3339: line[..<first]) else { return nil }
    let afterTime = line[line.index(after: first)...]
    guard let second = afterTime.firstIndex(of: 0x20) else { return nil }
    let isError: Bool
    switch afterTime[..<second].count {
    case 6 where afterTime[..<second].elementsEqual("stdout".utf8): isError = false
    case 6 where afterTime[..<second].elementsEqual("stderr".utf8): isError = true
    default: return nil
    }
    let afterStream = afterTime[afterTime.index(after: second)...]
    let third = afterStream.firstIndex(of: 0x20) ?? afterStream.endIndex
    // The tag may have further parts after colons. Source: CRI, "logs format".
    guard let tag = afterStream.first, tag == UInt8(ascii: "F") || tag == UInt8(ascii: "P") else { return nil }
    if third > afterStream.index(after: afterStream.startIndex),
      afterStream[afterStream.index(after: afterStream.startIndex)] != UInt8(ascii: ":")
    {
      return nil
    }
    let text = third < afterStream.endIndex ? Array(afterStream[afterStream.index(after: third)...]) : []
    self.init(time: time, isError: isError, text: text, endsLine: tag == UInt8(ascii: "F"))
  }

  /// One line of a json-file log; nil where it is none.
  package init?(jsonLine line: some Collection<UInt8>) {
    guard let json = try? JSON.parse(Array(line)), let log = json["log"]?.string else { return nil }
    guard let time = json["time"]?.string.flatMap({ LogTime(rfc3339: $0.utf8) }) else { return nil }
    var text = Array(log.utf8)
    let endsLine = text.last == 10
    if endsLine { text.removeLast() }
    self.init(time: time, isError: json["stream"]?.string == "stderr", text: text, endsLine: endsLine)
  }
}

/// Joins the parts of lines, stream by stream.
struct LogJoiner {
  private var held: [LogEntry?] = [nil, nil]
  /// The stream's last delivered entry did not end its line.
  private var isContinuing = [false, false]
  /// Bytes of a joined line: a longer one is delivered in parts.
  let lineBytesMax: Int

  init(lineBytesMax: Int) { self.lineBytesMax = lineBytesMax }

  /// Takes a part; answers what is complete with it.
  mutating func take(_ part: LogEntry) -> LogEntry? {
    let stream = part.isError ? 1 : 0
    if held[stream] == nil && part.endsLine {
      var entry = part
      entry.continuesLine = isContinuing[stream]
      isContinuing[stream] = false
      return entry
    }
    if held[stream] == nil {
      held[stream] = part
      held[stream]!.continuesLine = isContinuing[stream]
    } else {
      held[stream]!.text.append(contentsOf: part.text)
      held[stream]!.endsLine = part.endsLine
    }
    return part.endsLine || held[stream]!.text.count >= lineBytesMax ? release(stream) : nil
  }

  /// Gives out what waits for its line's end.
  mutating func flush() -> [LogEntry] { [0, 1].compactMap { held[$0] == nil ? nil : release($0) } }

  private mutating func release(_ stream: Int) -> LogEntry? {
    let entry = held[stream].take()
    isContinuing[stream] = entry?.endsLine == false
    return entry
  }
}
