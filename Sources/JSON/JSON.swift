/// A JSON value. Source: RFC 8259.
public enum JSON: Hashable, Sendable {
  case null
  case bool(Bool)
  /// The number as it was written: integers of 64 bits survive.
  case number(String)
  case string(String)
  case array([JSON])
  case object(Object)

  package enum Limit {
    /// Nesting of arrays and objects.
    package static let depthMax = 128
  }

  public struct Member: Sendable {
    public let name: String
    public internal(set) var value: JSON
  }

  /// The members of an object, in their order.
  public struct Object: Hashable, Sendable {
    public private(set) var members: [Member] = []
    private var index: [String: Int] = [:]

    public init() {}
    public subscript(name: String) -> JSON? {
      get { position(of: name).map { members[$0].value } }
      set {
        switch (position(of: name), newValue) {
        case (let place?, let value?): members[place].value = value
        case (let place?, nil):
          members.remove(at: place)
          if !index.isEmpty { reindex() }
        case (nil, let value?):
          members.append(Member(name: name, value: value))
          if !index.isEmpty { index[name] = members.count - 1 } else if members.count > 16 { reindex() }
        case (nil, nil): break
        }
      }
    }
    /// A few members are found by walking; more get an index, so that hostile objects cost no quadratic time.
    private func position(of name: String) -> Int? {
      index.isEmpty ? members.firstIndex { $0.name == name } : index[name]
    }
    private mutating func reindex() {
      index = Dictionary(uniqueKeysWithValues: members.enumerated().map { ($1.name, $0) })
    }
    public static func == (a: Object, b: Object) -> Bool {
      a.members.count == b.members.count && a.members.allSatisfy { b[$0.name] == $0.value }
    }
    public func hash(into hasher: inout Hasher) { hasher.combine(members.count) }
  }
}

extension JSON {
  public subscript(name: String) -> JSON? {
    if case .object(let object) = self { object[name] } else { nil }
  }
  public var string: String? { if case .string(let text) = self { text } else { nil } }
  public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  public var array: [JSON]? { if case .array(let values) = self { values } else { nil } }
  public var object: Object? { if case .object(let object) = self { object } else { nil } }
  public var isNull: Bool { self == .null }
  /// An integer that is written as one (`1`, not `1.0`) or as an exact float (`1e3`), in range.
  public func integer<I: FixedWidthInteger>(_ type: I.Type = I.self) -> I? {
    guard case .number(let text) = self else { return nil }
    if let value = I(text) { return value }
    return Double(text).flatMap { I(exactly: $0) }
  }
  public var double: Double? { if case .number(let text) = self { Double(text) } else { nil } }
  public var strings: [String]? {
    guard let array else { return nil }
    var result: [String] = []
    for value in array {
      guard let text = value.string else { return nil }
      result.append(text)
    }
    return result
  }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(integerLiteral value: Int) { self = .number(String(value)) }
  public init(arrayLiteral elements: JSON...) { self = .array(elements) }
  public init(dictionaryLiteral elements: (String, JSON)...) { self = .object(Object(elements)) }
  public init(nilLiteral: ()) { self = .null }
  @inlinable
  public init(_ value: some BinaryInteger) { self = .number(value.description) }
  public init(_ value: Bool) { self = .bool(value) }
  public init(_ value: String) { self = .string(value) }
  public init(_ values: [String]) { self = .array(values.map(JSON.string)) }
}
extension JSON.Object {
  public init(_ members: [(String, JSON)]) {
    self.init()
    for (name, value) in members { self[name] = value }
  }
}
