import JSON
import Problems
import RegistryProtocol
import Testing

/// Both ends speak the same language. covers PD-160
@Suite struct MessageTests {
  @Test(arguments: [
    RegistryRequest.resolve(reference: "busybox", platform: nil),
    .resolve(reference: "localhost:5000/a/b@sha256:00", platform: "linux/arm64"),
    .blob(RegistryRequest.BlobRequest(name: "docker.io/library/x", digest: "sha256:1", size: 1 << 40, kind: .layer)),
    .blob(RegistryRequest.BlobRequest(name: "r/x", digest: "sha256:1", size: 0, kind: .config)),
    .download(url: "https://h:1/x?y=z"), .login(registry: "r:1", user: "ä\"\\", password: "p\n\u{1}"),
    .credentials(nil), .credentials(Credentials(user: "u", password: "p")),
    .credentials(Credentials(user: "", password: "", identityToken: "t")), .cancel(target: 7),
  ]) func requestsSurviveTheWire(_ request: RegistryRequest) throws {
    let read = try RegistryRequest.read(try JSON.parse(request.json(id: 42).bytes()))
    #expect(read.id == 42)
    #expect(read.request == request)
  }

  @Test func eventsSurviveTheWire() throws {
    let image = ResolvedImage(
      name: "r/x", reference: "r/x:1", mediaType: "m", digest: "sha256:2", manifest: [1, 2], indexDigest: "sha256:3",
      index: [0])
    let events: [RegistryEvent] = [
      .resolved(image), .trying(source: "r/x:1"), .progress(bytes: 1 << 50), .done(bytes: 3, payload: [7, 8, 9]),
      .done(bytes: 0, payload: nil), .failed(Problem(code: .denied, message: "no", hint: "yes")),
      .credentialsNeeded(registry: "r", repository: "r/x"),
    ]
    for event in events {
      let read = try RegistryEvent.read(try JSON.parse(event.json(id: 5).bytes()), payloads: event.payloads)
      #expect(read.id == 5)
      #expect("\(read.event)" == "\(event)")
    }
  }

  @Test(arguments: [
    "{}", #"{"id":1}"#, #"{"id":1,"op":"fly"}"#, #"{"id":1,"op":"resolve"}"#, #"{"id":1,"op":"cancel"}"#,
    #"{"id":1,"op":"blob","name":"n","digest":"d","size":-1.5,"kind":"layer"}"#,
    #"{"id":1,"op":"blob","name":"n","digest":"d","size":1,"kind":"soup"}"#, #"{"id":"1","op":"cancel","target":2}"#,
    #"{"id":1,"op":"credentials","credentials":{"user":"u"}}"#,
  ]) func malformedRequestsAreRefused(_ text: String) {
    #expect(throws: Problem.self) { try RegistryRequest.read(try JSON.parse(text)) }
  }

  @Test(arguments: [
    "{}", #"{"id":1,"event":"resolved","name":"n","reference":"r","mediaType":"m","digest":"d"}"#,
    #"{"id":1,"event":"progress","bytes":-1}"#, #"{"id":1,"event":"progress"}"#, #"{"id":1,"event":"party"}"#,
  ]) func malformedEventsAreRefused(_ text: String) {
    #expect(throws: Problem.self) { try RegistryEvent.read(try JSON.parse(text), payloads: []) }
  }

  @Test func problemsKeepCodeCauseAndHint() {
    let inner = Problem(code: .notFound, message: "inner", hint: "look again")
    let wire = Problem(wire: Problem(code: .denied, message: "outer", cause: inner).json)
    #expect(wire.code == .denied)
    #expect(wire.message == "outer: inner")
    #expect(wire.hint == "look again")
    #expect(Problem(wire: ["code": "sour", "message": "x"]).code == .bug)
  }

  @Test func passwordsDoNotPrint() {
    #expect(!"\(Credentials(user: "u", password: "secret"))".contains("secret"))
    #expect(!String(reflecting: Credentials(user: "u", password: "secret")).contains("secret"))
  }

  @Test(arguments: [("u:p", "u", "p"), ("u", "u", ""), ("u:p:q", "u", "p:q")])
  func credentialsAsTyped(_ text: String, _ user: String, _ password: String) {
    #expect(Credentials(parsing: text) == Credentials(user: user, password: password))
  }
}

@Suite struct Base64Tests {
  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy"), ("ÿ>?", "w78+Pw=="),
  ])
  func vectors(_ plain: String, _ encoded: String) {
    #expect(Base64.encode(plain.utf8) == encoded)
    #expect(Base64.decode(encoded) == Array(plain.utf8))
  }
  @Test func paddingMayBeMissing() { #expect(Base64.decode("Zm8") == Array("fo".utf8)) }
  @Test(arguments: ["Z", "Zg=", "Zg===", "Z!==", "Zm9v=Zm9v", "====", "Zm 9v"])
  func rubbishIsRefused(_ text: String) { #expect(Base64.decode(text) == nil) }
}
