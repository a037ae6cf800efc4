extension JSON {
  /// The value as UTF-8 text.
  /// - Parameter indent: spaces a level; nil writes one line.
  public func bytes(indent: Int? = nil) -> [UInt8] {
    var writer = Writer(indent: indent)
    writer.write(self, level: 0)
    return writer.output
  }
  public func text(indent: Int? = nil) -> String { String(decoding: bytes(indent: indent), as: UTF8.self) }
}

private struct Writer {
  let indent: Int?
  var output: [UInt8] = []

  init(indent: Int?) { self.indent = indent }

  mutating func newLine(_ level: Int) {
    guard let indent else { return }
    output.append(10)
    output.append(contentsOf: repeatElement(0x20, count: indent * level))
  }

  mutating func write(_ value: JSON, level: Int) {
    switch value {
    case .null: output.append(contentsOf: "null".utf8)
    case .bool(let flag): output.append(contentsOf: (flag ? "true" : "false").utf8)
    case .number(let text): output.append(contentsOf: text.utf8)
    case .string(let text): write(text)
    case .array(let values):
      list("[", "]", values, level: level) { writer, element in writer.write(element, level: level + 1) }
    case .object(let object):
      list("{", "}", object.members, level: level) { writer, member in
        writer.write(member.name)
        writer.output.append(contentsOf: (writer.indent == nil ? ":" : ": ").utf8)
        writer.write(member.value, level: level + 1)
      }
    }
  }

  mutating func list<E>(_ open: String, _ close: String, _ elements: [E], level: Int, _ each: (inout Writer, E) -> Void)
  {
    output.append(contentsOf: open.utf8)
    for (number, element) in elements.enumerated() {
      if number > 0 { output.append(UInt8(ascii: ",")) }
      newLine(level + 1)
      each(&self, element)
    }
    if !elements.isEmpty { newLine(level) }
    output.append(contentsOf: close.utf8)
  }

  mutating func write(_ text: String) {
    output.append(UInt8(ascii: "\""))
    var text = text
    text.withUTF8 { bytes in
      var start = 0
      for place in bytes.indices {
        let byte = bytes[place]
        guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { continue }
        output.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start..<place]))
        escape(byte)
        start = place + 1
      }
      output.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start...]))
    }
    output.append(UInt8(ascii: "\""))
  }

  private mutating func escape(_ byte: UInt8) {
    switch byte {
    case 10: output.append(contentsOf: "\\n".utf8)
    case 13: output.append(contentsOf: "\\r".utf8)
    case 9: output.append(contentsOf: "\\t".utf8)
    case 0..<0x20:
      let digits = Array("0123456789abcdef".utf8)
      output.append(contentsOf: "\\u00".utf8)
      output.append(contentsOf: [digits[Int(byte >> 4)], digits[Int(byte & 15)]])
    default: output.append(contentsOf: [UInt8(ascii: "\\"), byte])
    }
  }
}
