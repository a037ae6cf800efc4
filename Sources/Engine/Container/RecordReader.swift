import JSON

/// Writes members that are not at their default: rows stay small, and new members need no migration.
struct RecordWriter {
  private var object = JSON.Object()
  var json: JSON { .object(object) }

  mutating func put(_ name: String, _ value: String?) { if let value { object[name] = .string(value) } }
  mutating func put(_ name: String, _ value: Bool, default standard: Bool = false) {
    if value != standard { object[name] = .bool(value) }
  }
  mutating func put(_ name: String, _ value: (some BinaryInteger)?) { if let value { object[name] = JSON(value) } }
  mutating func put(_ name: String, _ values: [String]) { if !values.isEmpty { object[name] = JSON(values) } }
  mutating func put(_ name: String, optional values: [String]?) { if let values { object[name] = JSON(values) } }
  mutating func put(_ name: String, _ values: [JSON]) { if !values.isEmpty { object[name] = .array(values) } }
  mutating func put(_ name: String, _ texts: [String: String]) {
    if !texts.isEmpty { object[name] = JSON(texts) }
  }
  mutating func put(_ name: String, pairs: [(name: String, value: String)]) {
    if !pairs.isEmpty { object[name] = .array(pairs.map { [.string($0.name), .string($0.value)] }) }
  }
}

/// Reads what `RecordWriter` wrote; a missing member is its default.
struct RecordReader {
  let json: JSON
  func text(_ name: String) -> String? { json[name]?.string }
  func flag(_ name: String, default standard: Bool = false) -> Bool { json[name]?.bool ?? standard }
  func integer<I: FixedWidthInteger>(_ name: String, as: I.Type = I.self) -> I? { json[name]?.integer() }
  func texts(_ name: String) -> [String] { json[name]?.strings ?? [] }
  func list(_ name: String) -> [JSON] { json[name]?.array ?? [] }
  func map(_ name: String) -> [String: String] { json[name]?.texts ?? [:] }
  func pairs(_ name: String) -> [(name: String, value: String)] {
    list(name).compactMap { pair in pair.strings.flatMap { $0.count == 2 ? ($0[0], $0[1]) : nil } }
  }
}

extension JSON {
  /// An object of texts, in the order of its names.
  init(_ texts: [String: String]) {
    self = .object(JSON.Object(texts.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
  }
  /// The texts of an object; other members are left out.
  var texts: [String: String]? {
    guard let object else { return nil }
    var result: [String: String] = [:]
    for member in object.members { result[member.name] = member.value.string }
    return result
  }
}
