extension Substring.UTF8View {
  /// Takes the text up to `separator`, and the separator; nil at the end. A separator at the very end opens no field.
  package mutating func popField(_ separator: UInt8) -> Substring.UTF8View? {
    if isEmpty { return nil }
    let field = prefix { $0 != separator }
    self = self[field.endIndex...].dropFirst()
    return field
  }
}
extension String {
  /// As `popField`, for all that are not empty.
  package func fields(_ separator: UInt8) -> [String] {
    var rest = utf8[...]
    var result: [String] = []
    while let field = rest.popField(separator) {
      if !field.isEmpty { result.append(String(Substring(field))) }
    }
    return result
  }
}
extension [UInt8] {
  /// Whether these bytes stand somewhere in a small text, such as a file of the kernel.
  package func contains(_ text: StaticString) -> Bool {
    let size = text.utf8CodeUnitCount
    if size > count { return false }
    return withUnsafeBufferPointer { bytes in
      (0...(bytes.count - size)).contains { start in
        (0..<size).allSatisfy { bytes[start + $0] == text.utf8Start[$0] }
      }
    }
  }
}
