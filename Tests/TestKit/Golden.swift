import Glibc
import Sys
package import Testing

/// Compares with a file beside the test; GOLDEN_UPDATE=1 writes it: the difference is then reviewed like code.
package func expectGolden(
  _ name: String, _ text: String, file: StaticString = #filePath, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let path = parentPath(of: "\(file)") + "/Goldens/" + name
  if environmentVariable("GOLDEN_UPDATE") == "1" {
    try makeDirectories(parentPath(of: path))
    try replaceFile(path, with: Array(text.utf8), durable: false)
    return
  }
  let golden = try? readText(path)
  #expect(golden == text, "\(name): review, then GOLDEN_UPDATE=1", sourceLocation: sourceLocation)
}

/// Sixteen bytes a line.
package func hexDump(_ bytes: [UInt8]) -> String {
  let digits = Array("0123456789abcdef".utf8)
  var text: [UInt8] = []
  for (place, byte) in bytes.enumerated() {
    text += [digits[Int(byte >> 4)], digits[Int(byte & 15)], place % 16 == 15 || place == bytes.count - 1 ? 10 : 32]
  }
  return String(decoding: text, as: UTF8.self)
}
