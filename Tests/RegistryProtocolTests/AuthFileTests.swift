import JSON
import Problems
import RegistryProtocol
import Testing

@Suite struct AuthFileTests {
  private func file(_ text: String) throws -> AuthFile {
    AuthFile(path: "/auth.json", content: try #require(try JSON.parse(text).object))
  }
  /// `me:it`
  private static let auth = #"{"auth":"bWU6aXQ="}"#

  @Test(arguments: [
    (#"{"auths":{"r.io":\#(auth)}}"#, "r.io", "r.io/a/b"),
    (#"{"auths":{"r.io/a":\#(auth),"r.io":{"auth":"eDp5"}}}"#, "r.io", "r.io/a/b"),
    (#"{"auths":{"r.io/a/b":\#(auth),"r.io/a":{"auth":"eDp5"}}}"#, "r.io", "r.io/a/b"),
    (#"{"auths":{"https://r.io/v1/":\#(auth)}}"#, "r.io", "r.io/a"),
    (#"{"auths":{"https://index.docker.io/v1/":\#(auth)}}"#, "docker.io", "docker.io/library/x"),
    (#"{"auths":{"index.docker.io":\#(auth)}}"#, "docker.io", "docker.io/library/x"),
    (#"{"auths":{"r.io":{"username":"me","password":"it"}}}"#, "r.io", "r.io/a"),
  ]) func finds(_ text: String, _ registry: String, _ repository: String) throws {
    let entry = try file(text).entry(registry: registry, repository: repository)
    #expect(entry == .credentials(Credentials(user: "me", password: "it")))
  }

  @Test(arguments: [
    "{}", #"{"auths":{}}"#, #"{"auths":{"r.io/other":\#(auth)}}"#, #"{"auths":{"r.io.evil":\#(auth)}}"#,
    #"{"auths":{"evil/r.io":\#(auth)}}"#, #"{"auths":{"r.io":{}}}"#, #"{"auths":[]}"#,
    #"{"auths":{"r.io:443":\#(auth)}}"#,
    #"{"auths":{"https://r.io.evil/":\#(auth)}}"#,
  ]) func findsNothing(_ text: String) throws {
    #expect(try file(text).entry(registry: "r.io", repository: "r.io/a/b") == nil)
  }

  @Test func helpersComeFirstAndStoresLast() throws {
    let both = try file(#"{"auths":{"r.io":\#(Self.auth)},"credHelpers":{"r.io":"pass"},"credsStore":"desktop"}"#)
    #expect(try both.entry(registry: "r.io", repository: "r.io/a") == .helper("pass", key: "r.io"))
    #expect(try both.entry(registry: "s.io", repository: "s.io/a") == .helper("desktop", key: "s.io"))
    let hub = try both.entry(registry: "docker.io", repository: "docker.io/library/a")
    #expect(hub == .helper("desktop", key: "https://index.docker.io/v1/"))
  }

  @Test func passwordsMayHoldColonsAndTokensAreKept() throws {
    // `u:p:q`
    let text = #"{"auths":{"r.io":{"auth":"dTpwOnE="},"s.io":{"identitytoken":"tok"}}}"#
    #expect(
      try file(text).entry(registry: "r.io", repository: "") == .credentials(Credentials(user: "u", password: "p:q")))
    let token = Credentials(user: "", password: "", identityToken: "tok")
    #expect(try file(text).entry(registry: "s.io", repository: "") == .credentials(token))
  }

  @Test(arguments: ["!!!", "bm9jb2xvbg==", "/w=="]) func brokenEntriesAreNamed(_ auth: String) throws {
    let broken = try file(#"{"auths":{"r.io":{"auth":"\#(auth)"}}}"#)
    let problem = #expect(throws: Problem.self) { try broken.entry(registry: "r.io", repository: "r.io/a") }
    #expect(problem?.message.contains("r.io in /auth.json") == true)
    #expect(problem?.hint == "berth login r.io")
  }

  @Test func changesKeepWhatTheyDoNotKnow() throws {
    var file = try file(#"{"HttpHeaders":{"X":"y"},"auths":{"a.io":\#(Self.auth)}}"#)
    file.set(Credentials(user: "n", password: "w"), for: "b.io/ns")
    let removed = [file.remove("a.io"), file.remove("a.io")]
    #expect(removed == [true, false])
    let json = try JSON.parse(file.bytes)
    #expect(json["HttpHeaders"]?["X"]?.string == "y")
    #expect(file.keys == ["b.io/ns"])
    #expect(
      try file.entry(registry: "b.io", repository: "b.io/ns/x") == .credentials(Credentials(user: "n", password: "w")))
  }

  @Test func logoutFindsDockersSpelling() throws {
    var file = try file(#"{"auths":{"https://index.docker.io/v1/":\#(Self.auth)}}"#)
    let removed = file.remove("docker.io")
    #expect(removed && file.keys.isEmpty)
  }

  @Test(arguments: [
    ("docker.io", "docker.io"), ("https://index.docker.io/v1/", "docker.io"), ("localhost:5000", "localhost:5000"),
    ("http://r.io/", "r.io"), ("r.io/ns/x", "r.io/ns/x"),
  ]) func loginNames(_ text: String, _ key: String) throws { #expect(try AuthFile.key(forLogin: text) == key) }

  @Test(arguments: [
    "", "/", "r.io//x", "r.io/x:tag", "r.io/x@sha256", "a b", "r.io/\u{1b}[0m", "https://", "r?x", "r.io:", "r.io:x",
    "r.io:70000",
  ])
  func badLoginNames(_ text: String) { #expect(throws: Problem.self) { try AuthFile.key(forLogin: text) } }
}
