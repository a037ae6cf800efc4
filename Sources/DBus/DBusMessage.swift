/// One message. - Source: D-Bus specification, "Message Format".
package struct DBusMessage: Equatable, Sendable {
  package enum Kind: UInt8, Sendable { case methodCall = 1, methodReturn, error, signal }
  private enum Field: UInt8 {
    case path = 1, interface, member, errorName, replySerial, destination, sender, signature
  }

  package var kind: Kind
  package var serial: UInt32 = 0
  package var path: String?
  package var interface: String?
  package var member: String?
  package var errorName: String?
  package var replySerial: UInt32?
  package var destination: String?
  package var body: [DBusValue] = []

  package init(_ kind: Kind) { self.kind = kind }

  package static func call(
    _ member: String, of interface: String, on path: String, at destination: String?, _ body: [DBusValue] = []
  ) -> DBusMessage {
    var message = DBusMessage(.methodCall)
    (message.member, message.interface, message.path, message.destination) = (member, interface, path, destination)
    message.body = body
    return message
  }

  // MARK: - Writing

  package var bytes: [UInt8] {
    var content = DBusWriter()
    for value in body { content.write(value) }
    var fields: [DBusValue] = []
    func put(_ field: Field, _ value: DBusValue?) {
      if let value { fields.append(.structure([.byte(field.rawValue), .variant(value)])) }
    }
    put(.path, path.map(DBusValue.objectPath))
    put(.destination, destination.map(DBusValue.string))
    put(.interface, interface.map(DBusValue.string))
    put(.member, member.map(DBusValue.string))
    put(.errorName, errorName.map(DBusValue.string))
    put(.replySerial, replySerial.map(DBusValue.uint32))
    if !body.isEmpty { put(.signature, .signature(body.map(\.type.signature).joined())) }
    var header = DBusWriter()
    for byte in [UInt8(ascii: "l"), kind.rawValue, 0, 1] { header.write(.byte(byte)) }
    header.write(.uint32(UInt32(content.bytes.count)))
    header.write(.uint32(serial))
    header.write(.array(of: .structure([.byte, .variant]), fields))
    header.align(8)
    return header.bytes + content.bytes
  }

  // MARK: - Reading

  private static let headerType = DBusType.array(.structure([.byte, .variant]))

  /// Reads the first message of `bytes`.
  ///
  /// - Returns: the message and how many bytes it took; nil where more bytes are needed.
  package static func parse(_ bytes: ArraySlice<UInt8>) throws(DBusError) -> (message: DBusMessage, size: Int)? {
    guard bytes.count >= 16 else { return nil }
    let first = bytes[bytes.startIndex]
    guard first == UInt8(ascii: "l") || first == UInt8(ascii: "B") else { throw .malformed("byte order \(first)") }
    var reader = DBusReader(bytes, isBigEndian: first == UInt8(ascii: "B"))
    _ = try reader.read(.byte)
    let kind = try reader.read(.byte)
    _ = try reader.read(.byte)
    guard try reader.read(.byte) == .byte(1) else { throw .malformed("an unknown protocol version") }
    guard let bodySize = try reader.read(.uint32).unsigned, let serial = try reader.read(.uint32).unsigned else {
      throw .malformed("no sizes")
    }
    // The size of the header's fields is looked at before they are read: they may not be here yet.
    var ahead = reader
    let fieldsSize = try ahead.read(.uint32).unsigned ?? 0
    guard fieldsSize <= DBusLimit.messageBytes, bodySize <= DBusLimit.messageBytes else {
      throw .malformed("a message of \(UInt64(fieldsSize) + UInt64(bodySize)) bytes")
    }
    let bodyStart = (16 + Int(fieldsSize) + 7) / 8 * 8
    let size = bodyStart + Int(bodySize)
    guard bytes.count >= size else { return nil }
    var message = DBusMessage(.signal)
    message.serial = serial
    var signature = ""
    guard case .array(_, let fields) = try reader.read(headerType) else { throw .malformed("no header") }
    for field in fields { try message.take(field, &signature) }
    guard case .byte(let number) = kind, let kind = Kind(rawValue: number) else {
      return (message, size)  // an unknown kind is to be ignored: a signal that nobody waits for
    }
    message.kind = kind
    let start = bytes.startIndex
    var content = DBusReader(bytes[(start + bodyStart)..<(start + size)], isBigEndian: first == UInt8(ascii: "B"))
    for type in try SignatureReader.types(signature) { message.body.append(try content.read(type)) }
    guard content.isAtEnd else { throw .malformed("a body longer than its signature") }
    return (message, size)
  }

  private mutating func take(_ field: DBusValue, _ signature: inout String) throws(DBusError) {
    guard case .structure(let members) = field, case .byte(let code) = members[0] else {
      throw .malformed("a header field")
    }
    let value = members[1].content
    switch Field(rawValue: code) {
    case .path: path = value.text
    case .interface: interface = value.text
    case .member: member = value.text
    case .errorName: errorName = value.text
    case .replySerial: replySerial = value.unsigned
    case .destination: destination = value.text
    case .signature: signature = value.text ?? ""
    case .sender, nil: break
    }
  }
}
