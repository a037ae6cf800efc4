package import JSON

extension JSON {
  /// Go's truth: false, 0, nothing and whatever is empty are not.
  var isTrue: Bool {
    switch self {
    case .null: false
    case .bool(let value): value
    case .number: double != 0
    case .string(let text): !text.isEmpty
    case .array(let values): !values.isEmpty
    case .object(let object): !object.members.isEmpty
    }
  }

  var kindName: String {
    switch self {
    case .null: "nothing"
    case .bool: "a truth value"
    case .number: "a number"
    case .string: "text"
    case .array: "a list"
    case .object: "a map"
    }
  }

  /// As Go's `%v` prints it: `[a b]`, `map[k:v]`.
  package var templateText: String {
    switch self {
    case .null: "<no value>"
    case .bool(let value): value ? "true" : "false"
    case .number(let text): text
    case .string(let text): text
    case .array(let values): "[" + values.map(\.templateText).joined(separator: " ") + "]"
    case .object(let object):
      "map[" + object.sortedMembers.map { $0.name + ":" + $0.value.templateText }.joined(separator: " ") + "]"
    }
  }

  /// -1, 0 or 1; nil where the two have no order.
  func ordered(to other: JSON) -> Int? {
    switch (self, other) {
    case (.string(let a), .string(let b)): return a == b ? 0 : a < b ? -1 : 1
    case (.number, .number):
      if let a = integer(Int64.self), let b = other.integer(Int64.self) { return a == b ? 0 : a < b ? -1 : 1 }
      guard let a = double, let b = other.double else { return nil }
      return a == b ? 0 : a < b ? -1 : 1
    default: return nil
    }
  }
}
