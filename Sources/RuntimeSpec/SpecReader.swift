package import JSON

/// A member of a specification that is missing or has the wrong shape.
package struct SpecError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Where: "linux.namespaces[2].type".
  package let path: String
  package let reason: String
  package init(path: String, reason: String) {
    self.path = path
    self.reason = reason
  }
  package var description: String { path.isEmpty ? reason : "\(path): \(reason)" }
}

/// One object of a specification: read from JSON and written back. Unknown members are ignored on reading,
/// as the specification asks ("Extensibility").
package protocol SpecObject: Equatable, Sendable {
  init(_ members: SpecReader) throws(SpecError)
  var json: JSON { get }
}
extension SpecObject {
  package init(json: JSON) throws(SpecError) { try self.init(try SpecReader(json, at: .top)) }
}

/// The members of one JSON object; it knows where it stands, so that an error names the place.
/// A member that is `null` is absent, as Go's decoder has it.
package struct SpecReader {
  let object: JSON.Object
  private let place: Place

  /// Where an object stands. Only an error asks for the words.
  indirect enum Place {
    case top
    case member(Place, String)
    case element(Place, Int)

    var path: String {
      switch self {
      case .top: return ""
      case .member(let outer, let name):
        let path = outer.path
        return path.isEmpty ? name : "\(path).\(name)"
      case .element(let outer, let number): return "\(outer.path)[\(number)]"
      }
    }
  }

  init(_ json: JSON, at place: Place) throws(SpecError) {
    guard let object = json.object else { throw SpecError(path: place.path, reason: "expected an object") }
    self.object = object
    self.place = place
  }

  func place(_ name: String) -> Place { .member(place, name) }
  func wrong(_ name: String, _ expected: String) -> SpecError {
    SpecError(path: place(name).path, reason: "expected \(expected)")
  }

  package func json(_ name: String) -> JSON? {
    guard let value = object[name] else { return nil }
    if case .null = value { return nil }
    return value
  }
  func string(_ name: String) throws(SpecError) -> String? {
    guard let value = json(name) else { return nil }
    guard let text = value.string else { throw wrong(name, "a string") }
    return text
  }
  func bool(_ name: String) throws(SpecError) -> Bool? {
    guard let value = json(name) else { return nil }
    guard let flag = value.bool else { throw wrong(name, "true or false") }
    return flag
  }
  func integer<I: FixedWidthInteger>(_ name: String, _ type: I.Type = I.self) throws(SpecError) -> I? {
    guard let value = json(name) else { return nil }
    guard let number = value.integer(I.self) else { throw wrong(name, "an integer from \(I.min) to \(I.max)") }
    return number
  }
  func strings(_ name: String) throws(SpecError) -> [String]? {
    guard let value = json(name) else { return nil }
    guard let list = value.strings else { throw wrong(name, "an array of strings") }
    return list
  }
  func integers<I: FixedWidthInteger>(_ name: String, _ type: I.Type = I.self) throws(SpecError) -> [I]? {
    guard let value = json(name) else { return nil }
    guard let list = value.array else { throw wrong(name, "an array of integers") }
    var result: [I] = []
    for element in list {
      guard let number = element.integer(I.self) else { throw wrong(name, "an array of integers") }
      result.append(number)
    }
    return result
  }
  func texts(_ name: String) throws(SpecError) -> [String: String]? {
    guard let value = json(name) else { return nil }
    guard let members = value.object?.members else { throw wrong(name, "an object of strings") }
    var result: [String: String] = [:]
    for member in members {
      guard let text = member.value.string else { throw wrong(name, "an object of strings") }
      result[member.name] = text
    }
    return result
  }
  func object<T: SpecObject>(_ name: String, _ type: T.Type = T.self) throws(SpecError) -> T? {
    guard let value = json(name) else { return nil }
    return try T(try SpecReader(value, at: place(name)))
  }
  func list<T: SpecObject>(_ name: String, _ type: T.Type = T.self) throws(SpecError) -> [T]? {
    guard let value = json(name) else { return nil }
    guard let elements = value.array else { throw wrong(name, "an array") }
    var result: [T] = []
    result.reserveCapacity(elements.count)
    for (number, element) in elements.enumerated() {
      result.append(try T(try SpecReader(element, at: .element(place(name), number))))
    }
    return result
  }
  func map<T: SpecObject>(_ name: String, _ type: T.Type = T.self) throws(SpecError) -> [String: T]? {
    guard let value = json(name) else { return nil }
    guard let members = value.object?.members else { throw wrong(name, "an object") }
    var result: [String: T] = [:]
    for member in members {
      result[member.name] = try T(try SpecReader(member.value, at: .member(place(name), member.name)))
    }
    return result
  }

  func required<T>(_ value: T?, _ name: String) throws(SpecError) -> T {
    guard let value else { throw SpecError(path: place(name).path, reason: "missing") }
    return value
  }
}
