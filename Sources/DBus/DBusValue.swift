/// A value of the D-Bus type system, as far as systemd's manager needs it.
///
/// - Source: D-Bus specification 0.42, "Type System", "Marshaling (Wire Format)".
package indirect enum DBusValue: Hashable, Sendable {
  case byte(UInt8)
  case boolean(Bool)
  case int32(Int32)
  case uint32(UInt32)
  case int64(Int64)
  case uint64(UInt64)
  case string(String)
  case objectPath(String)
  case signature(String)
  /// Elements of one type; the type is written down because there may be none.
  case array(of: DBusType, [DBusValue])
  case structure([DBusValue])
  case dictionaryEntry(DBusValue, DBusValue)
  case variant(DBusValue)

  package var type: DBusType {
    switch self {
    case .byte: .byte
    case .boolean: .boolean
    case .int32: .int32
    case .uint32: .uint32
    case .int64: .int64
    case .uint64: .uint64
    case .string: .string
    case .objectPath: .objectPath
    case .signature: .signature
    case .array(let element, _): .array(element)
    case .structure(let members): .structure(members.map(\.type))
    case .dictionaryEntry(let key, let value): .dictionaryEntry(key.type, value.type)
    case .variant: .variant
    }
  }

  /// Of a string, an object path or a signature.
  package var text: String? {
    switch self {
    case .string(let text), .objectPath(let text), .signature(let text): text
    default: nil
    }
  }
  package var unsigned: UInt32? { if case .uint32(let number) = self { number } else { nil } }
  /// What a variant holds; anything else is itself.
  package var content: DBusValue { if case .variant(let value) = self { value.content } else { self } }
}

/// A complete type.
package indirect enum DBusType: Hashable, Sendable {
  case byte, boolean, int16, uint16, int32, uint32, int64, uint64, double, string, objectPath, signature
  case unixFD, variant
  case array(DBusType)
  case structure([DBusType])
  case dictionaryEntry(DBusType, DBusType)

  /// "a(sv)" and the like.
  package var signature: String {
    switch self {
    case .byte: "y"
    case .boolean: "b"
    case .int16: "n"
    case .uint16: "q"
    case .int32: "i"
    case .uint32: "u"
    case .int64: "x"
    case .uint64: "t"
    case .double: "d"
    case .string: "s"
    case .objectPath: "o"
    case .signature: "g"
    case .unixFD: "h"
    case .variant: "v"
    case .array(let element): "a" + element.signature
    case .structure(let members): "(" + members.map(\.signature).joined() + ")"
    case .dictionaryEntry(let key, let value): "{" + key.signature + value.signature + "}"
    }
  }

  /// Bytes that a value begins on a multiple of.
  var alignment: Int {
    switch self {
    case .byte, .signature, .variant: 1
    case .int16, .uint16: 2
    case .boolean, .int32, .uint32, .string, .objectPath, .array, .unixFD: 4
    case .int64, .uint64, .double, .structure, .dictionaryEntry: 8
    }
  }
}

/// Reads signatures.
struct SignatureReader {
  private var rest: Substring.UTF8View
  init(_ text: String) { rest = text[...].utf8 }

  /// - Throws: `.malformed` for anything that is not a sequence of complete types, or is nested too deep.
  static func types(_ text: String) throws(DBusError) -> [DBusType] {
    guard text.utf8.count <= DBusLimit.signatureBytes else { throw .malformed("a signature is too long") }
    var reader = SignatureReader(text)
    var types: [DBusType] = []
    while !reader.rest.isEmpty { types.append(try reader.type(depth: 0)) }
    return types
  }

  private mutating func type(depth: Int) throws(DBusError) -> DBusType {
    guard depth < DBusLimit.depth, let code = rest.popFirst() else { throw .malformed("a signature breaks off") }
    switch code {
    case UInt8(ascii: "y"): return .byte
    case UInt8(ascii: "b"): return .boolean
    case UInt8(ascii: "n"): return .int16
    case UInt8(ascii: "q"): return .uint16
    case UInt8(ascii: "i"): return .int32
    case UInt8(ascii: "u"): return .uint32
    case UInt8(ascii: "x"): return .int64
    case UInt8(ascii: "t"): return .uint64
    case UInt8(ascii: "d"): return .double
    case UInt8(ascii: "s"): return .string
    case UInt8(ascii: "o"): return .objectPath
    case UInt8(ascii: "g"): return .signature
    case UInt8(ascii: "h"): return .unixFD
    case UInt8(ascii: "v"): return .variant
    case UInt8(ascii: "a"): return .array(try type(depth: depth + 1))
    case UInt8(ascii: "("):
      var members: [DBusType] = []
      while rest.first != UInt8(ascii: ")") { members.append(try type(depth: depth + 1)) }
      rest.removeFirst()
      guard !members.isEmpty else { throw .malformed("an empty structure") }
      return .structure(members)
    case UInt8(ascii: "{"):
      let key = try type(depth: depth + 1)
      let value = try type(depth: depth + 1)
      guard rest.popFirst() == UInt8(ascii: "}") else { throw .malformed("an unclosed dictionary entry") }
      return .dictionaryEntry(key, value)
    default: throw .malformed("an unknown type code \(code)")
    }
  }
}

/// - Source: D-Bus specification, "Valid Signatures", "Message Format"; the byte counts are ours and far lower.
enum DBusLimit {
  static let signatureBytes = 255
  static let depth = 32
  static let messageBytes = 4 << 20
  /// A line of the authentication dialogue.
  static let lineBytes = 1024
}
