import JSON

/// Collects the members of one JSON object; what is nil is left out.
struct SpecWriter {
  private var object = JSON.Object()
  var json: JSON { .object(object) }

  mutating func put(_ name: String, _ value: JSON?) { if let value { object[name] = value } }
  mutating func put(_ name: String, _ value: String?) { if let value { object[name] = .string(value) } }
  mutating func put(_ name: String, _ value: Bool?) { if let value { object[name] = .bool(value) } }
  mutating func put<I: FixedWidthInteger>(_ name: String, _ value: I?) { if let value { object[name] = JSON(value) } }
  mutating func put(_ name: String, _ values: [String]?) { if let values { object[name] = JSON(values) } }
  mutating func put<I: FixedWidthInteger>(_ name: String, _ values: [I]?) {
    if let values { object[name] = .array(values.map { JSON($0) }) }
  }
  mutating func put<T: SpecObject>(_ name: String, _ value: T?) { if let value { object[name] = value.json } }
  mutating func put<T: SpecObject>(_ name: String, _ values: [T]?) {
    if let values { object[name] = .array(values.map(\.json)) }
  }
  /// Maps are written in the order of their keys, so that equal values give equal texts.
  mutating func put(_ name: String, _ texts: [String: String]?) {
    guard let texts else { return }
    object[name] = .object(JSON.Object(texts.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
  }
  mutating func put<T: SpecObject>(_ name: String, map: [String: T]?) {
    guard let map else { return }
    object[name] = .object(JSON.Object(map.sorted { $0.key < $1.key }.map { ($0.key, $0.value.json) }))
  }
}
