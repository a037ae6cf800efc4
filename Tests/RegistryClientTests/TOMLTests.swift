import Testing

@testable import RegistryClient

@Suite struct TOMLTests {
  @Test func everyFormThatRegistriesConfUses() throws {
    let text = """
      # comment
      unqualified-search-registries = ["a.io", 'b.io', # one
        "c.io",
      ]
      short-name-mode="permissive"
      a.b = {x = 1, "y z" = true}
      [[registry]]
      prefix = "*.io"
      [[registry.mirror]]
      location = "m1" \r
      [[registry.mirror]]
      location = "m2\\u00e9\\t\\""
      [[registry]]
      blocked = true
      [aliases]
      "k8s" = "r/k8s"
      n = -1_000
      f = 1.5e3
      """
    let root = try TOML.parse(text)
    #expect(root["unqualified-search-registries"] == .array([.string("a.io"), .string("b.io"), .string("c.io")]))
    guard case .array(let registries)? = root["registry"], case .table(let first) = registries[0],
      case .array(let mirrors)? = first["mirror"], case .table(let second) = mirrors[1]
    else { Issue.record("no registries: \(root)"); return }
    #expect(registries.count == 2)
    #expect(second["location"] == .string("m2é\t\""))
    guard case .table(let aliases)? = root["aliases"] else { Issue.record("no aliases"); return }
    #expect(aliases["n"] == .integer(-1000))
    #expect(aliases["f"] == .float("1.5e3"))
    #expect(aliases.line(of: "k8s") == 16)
  }

  @Test(arguments: [
    ("a = 1\na = 2", 2, "set twice"), ("[t]\n[t]", 2, "opened twice"), ("a = x", 1, "strings need quotes"),
    ("a =", 1, "value is missing"), ("a", 1, "expected ="), ("a = \"x", 1, "without its end"),
    ("a = \"x\ny\"", 1, "without its end"), ("\n\na = [1, 2", 3, "expected , or ]"), ("a = 1 2", 1, "end of the line"),
    ("a = {x = 1", 1, "inline table"), ("a = \"\\q\"", 1, "unknown escape"), ("a = \"\\ud800\"", 1, "escape"),
    ("a = \"\"\"x\"\"\"", 1, "multi-line"), ("a = 1979-05-27", 1, "dates"), ("[a", 1, "expected ]"),
    ("[[a]\nb=1", 1, "expected ]]"), ("a = 1\n[a]", 2, "something else"), ("a = {b=1}\n[a]", 2, "something else"),
    ("a = [1]\n[[a]]\nb=1", 2, "no array of tables"), ("= 1", 1, "expected a name"),
    ("a = 99999999999999999999999x", 1, "no value"),
    ("[[a]]\n[a]", 2, "no array of tables"), ("a.b = 1\na.b.c = 2", 2, "no table"),
  ]) func errorsNameTheLine(_ text: String, _ line: Int, _ reason: String) {
    let error = #expect(throws: TOML.ParseError.self) { try TOML.parse(text) }
    #expect(error?.line == line)
    #expect(error?.reason.contains(reason) == true, "\(error?.reason ?? "")")
  }

  @Test(arguments: ["[", "{"]) func depthHasALimit(_ bracket: String) {
    let text = "a = " + String(repeating: bracket == "[" ? "[" : "{a = ", count: 10_000)
    #expect(throws: TOML.ParseError.self) { try TOML.parse(text) }
  }

  @Test func noPrefixOfADocumentCrashes() {
    let text = Array("[[registry]]\nlocation = \"a\\u00e9\"\n[registry.x]\ny = [1, {z = 'q'}]\r\n".utf8)
    for length in 0...text.count {
      _ = try? TOML.parse(String(decoding: text[..<length], as: UTF8.self))
      for byte: UInt8 in [0, 10, 34, 39, 91, 93, 123, 125, 61, 0xff] {
        var bytes = text
        if length < bytes.count { bytes[length] = byte }
        _ = try? TOML.parse(String(decoding: bytes, as: UTF8.self))
      }
    }
  }
}
