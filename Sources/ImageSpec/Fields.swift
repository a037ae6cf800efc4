package import Digests
package import JSON
package import Problems

/// The members of an object that a stranger wrote: a wrong type is an error that names the member.
package struct Fields {
  /// Where this object is, for messages: "manifest.config".
  let place: String
  let object: JSON.Object

  package init(_ json: JSON, _ place: String) throws(Problem) {
    guard let object = json.object else { throw Fields.wrong(place, "expected an object") }
    self.place = place
    self.object = object
  }

  static func wrong(_ place: String, _ reason: String) -> Problem {
    Problem(code: .invalid, message: "\(place): \(reason)")
  }
  package func wrong(_ name: String, _ reason: String) -> Problem { Fields.wrong("\(place).\(name)", reason) }

  /// The member; nil when it is absent or null.
  package subscript(name: String) -> JSON? {
    guard let value = object[name], !value.isNull else { return nil }
    return value
  }
  package func string(_ name: String) throws(Problem) -> String? {
    guard let value = self[name] else { return nil }
    guard let text = value.string else { throw wrong(name, "expected a string") }
    return text
  }
  package func bool(_ name: String) throws(Problem) -> Bool? {
    guard let value = self[name] else { return nil }
    guard let flag = value.bool else { throw wrong(name, "expected true or false") }
    return flag
  }
  package func integer<I: FixedWidthInteger>(_ name: String, _ type: I.Type = Int.self) throws(Problem) -> I? {
    guard let value = self[name] else { return nil }
    guard let number = value.integer(type) else { throw wrong(name, "expected an integer in range") }
    return number
  }
  package func strings(_ name: String) throws(Problem) -> [String]? {
    guard let value = self[name] else { return nil }
    guard let texts = value.strings else { throw wrong(name, "expected an array of strings") }
    return texts
  }
  package func array(_ name: String) throws(Problem) -> [JSON]? {
    guard let value = self[name] else { return nil }
    guard let values = value.array else { throw wrong(name, "expected an array") }
    return values
  }
  package func fields(_ name: String) throws(Problem) -> Fields? {
    guard let value = self[name] else { return nil }
    return try Fields(value, "\(place).\(name)")
  }
  /// An object of strings, such as labels, in its order.
  package func map(_ name: String) throws(Problem) -> [String: String]? {
    guard let inner = try fields(name) else { return nil }
    var result: [String: String] = [:]
    for member in inner.object.members where !member.value.isNull {
      guard let text = member.value.string else { throw inner.wrong(member.name, "expected a string") }
      result[member.name] = text
    }
    return result
  }
  /// The names of an object whose values mean nothing, such as `Volumes`, sorted.
  package func set(_ name: String) throws(Problem) -> [String]? {
    try fields(name)?.object.members.map(\.name).sorted()
  }
  package func digest(_ name: String) throws(Problem) -> Digest? {
    guard let text = try string(name) else { return nil }
    guard let digest = Digest(text) else { throw wrong(name, "\(quoted(text)) is not a sha256 digest") }
    return digest
  }
  package func required<T>(_ name: String, _ value: T?) throws(Problem) -> T {
    guard let value else { throw wrong(name, "missing") }
    return value
  }
}

/// Foreign text for a message: shortened, control characters replaced.
package func quoted(_ text: String) -> String {
  let safe = String(
    text.prefix(80).map { $0.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7f } ? "?" : $0 })
  return "\"\(safe)\(text.count > 80 ? "…" : "")\""
}

/// Parses a document of limited size.
package func document(_ bytes: [UInt8], _ place: String, bytesMax: Int) throws(Problem) -> Fields {
  guard bytes.count <= bytesMax else {
    throw Problem(code: .invalid, message: "\(place) of \(bytes.count) bytes is larger than the limit of \(bytesMax)")
  }
  let json: JSON
  do throws(JSON.ParseError) { json = try JSON.parse(bytes) } catch {
    throw Problem(code: .invalid, message: place, cause: error)
  }
  return try Fields(json, place)
}

extension JSON.Object {
  /// Sets a member unless the value is absent.
  mutating func put(_ name: String, _ value: JSON?) { if let value { self[name] = value } }
  mutating func put(_ name: String, _ value: String?) { if let value { self[name] = JSON(value) } }
  mutating func put(_ name: String, nonEmpty map: [String: String]) {
    if !map.isEmpty { self[name] = JSON(sorted: map) }
  }
}
extension JSON {
  /// An object of strings, sorted by name.
  init(sorted map: [String: String]) {
    self = .object(JSON.Object(map.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
  }
}
