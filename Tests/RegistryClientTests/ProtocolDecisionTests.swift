import ImageSpec
import Problems
import RegistryProtocol
import Testing

@testable import RegistryClient

@Suite struct ChallengeTests {
  private static let headers: [([String], [Challenge])] = [
    (["Basic realm=\"r\""], [.basic(realm: "r")]),
    (["basic realm=r"], [.basic(realm: "r")]),
    (
      ["Bearer realm=\"https://a/t\",service=\"s\",scope=\"repository:x:pull,push\""],
      [.bearer(realm: "https://a/t", service: "s", scope: "repository:x:pull,push")]
    ),
    (
      ["Bearer realm = \"https://a/t\" , error=\"invalid_token\""],
      [.bearer(realm: "https://a/t", service: nil, scope: nil)]
    ),
    (["Negotiate, Basic realm=\"a\\\"b\""], [.basic(realm: "a\"b")]),
    (
      ["Basic realm=\"r\", Bearer realm=\"https://a\""],
      [.basic(realm: "r"), .bearer(realm: "https://a", service: nil, scope: nil)]
    ),
    (["Bearer"], []), (["Bearer service=\"s\""], []), ([""], []), ([",,,=\"\""], []), (["Digest realm=\"x\""], []),
    (["Basic realm=\"unfinished"], [.basic(realm: "unfinished")]),
  ]
  @Test(arguments: headers) func reads(_ headers: [String], _ expected: [Challenge]) {
    #expect(Challenge.parse(headers) == expected)
  }

  @Test func aTokenIsPreferred() {
    let both = Challenge.parse(["Basic realm=\"r\"", "Bearer realm=\"https://a\""])
    #expect(Challenge.best(of: both) == .bearer(realm: "https://a", service: nil, scope: nil))
  }
  @Test func noPieceOfAHeaderCrashes() {
    let text = Array("Bearer realm=\"a\\\"b\" , x = y,Basic realm=\"".utf8)
    for start in 0...text.count {
      for end in start...text.count { _ = Challenge.parse([String(decoding: text[start..<end], as: UTF8.self)]) }
    }
  }
  @Test func hugeHeadersAreIgnored() {
    #expect(Challenge.parse(["Basic realm=\"" + String(repeating: "x", count: 100_000) + "\""]).isEmpty)
  }
}

@Suite struct WebAddressTests {
  @Test(arguments: [
    ("https://r.io", "https://r.io/"), ("HTTP://R.io:80/x?y#z", "http://r.io/x?y"),
    ("https://r.io:8443/a", "https://r.io:8443/a"),
    ("https://[::1]:5000/v2/", "https://[::1]:5000/v2/"), ("https://r.io?x=1", "https://r.io/?x=1"),
  ]) func reads(_ text: String, _ expected: String) { #expect(WebAddress(text)?.description == expected) }

  @Test(arguments: [
    "", "r.io", "ftp://r.io/", "file:///etc/passwd", "https://", "https:///x", "https://user:pw@r.io/",
    "https://r.io:0/",
    "https://r.io:99999/", "https://r.io:+1/", "https://r io/", "https://r.io/\r\nX: y", "https://r.io\\@evil/",
    "javascript:x",
  ]) func refuses(_ text: String) { #expect(WebAddress(text) == nil) }

  @Test(arguments: [
    ("/x?y", "https://r.io/x?y"), ("//s.io/x", "https://s.io/x"), ("https://s.io/x", "https://s.io/x"),
    ("x", "https://r.io/a/x"), ("http://r.io/", "http://r.io/"),
  ]) func locations(_ location: String, _ expected: String) {
    #expect(WebAddress("https://r.io/a/b?c")?.following(location)?.description == expected)
  }

  @Test func parametersAreEncoded() {
    let address = WebAddress("https://a/t?x=1")?.adding([("scope", "repository:a/b:pull"), ("q", "ü&=")])
    #expect(address?.path == "/t?x=1&scope=repository%3Aa%2Fb%3Apull&q=%C3%BC%26%3D")
  }
}

/// Who gets to see `Authorization`: CVE-2018-18838 and its kind in other clients.
@Suite struct RedirectTests {
  private let here = WebAddress("https://r.io/v2/x/blobs/y")!

  @Test(arguments: [
    ("/other", true), ("https://r.io/other", true), ("https://r.io:8443/other", false), ("https://cdn.io/x", false),
    ("//evil.io/x", false), ("https://sub.r.io/x", false),
  ]) func authorizationStaysAtHome(_ location: String, _ keeps: Bool) throws {
    guard case .follow(_, let keeping) = Redirect.decide(from: here, location: location, step: 0) else {
      Issue.record("refused"); return
    }
    #expect(keeping == keeps)
  }
  @Test(arguments: ["http://r.io/x", "http://cdn.io/x", "file:///etc/passwd", "https://u:p@r.io/x", "", nil])
  func refused(_ location: String?) {
    guard case .refuse = Redirect.decide(from: here, location: location, step: 0) else {
      Issue.record("followed"); return
    }
  }
  @Test func thereIsAnEnd() {
    guard case .refuse = Redirect.decide(from: here, location: "/x", step: Redirect.Limit.stepsMax) else {
      Issue.record("followed"); return
    }
  }
}

@Suite struct TokenTests {
  private let registry = WebAddress("https://r.io/v2/")!

  @Test func asksAsTheSpecificationSays() throws {
    let request = try TokenRequest(
      realm: "https://auth.io/token", service: "r.io", scope: "repository:a:pull repository:b:pull", registry: registry,
      credentials: Credentials(user: "u", password: "p"))
    #expect(
      request.address.description
        == "https://auth.io/token?account=u&service=r.io&scope=repository%3Aa%3Apull&scope=repository%3Ab%3Apull")
    #expect(request.credentials?.password == "p")
    #expect(request.form == nil)
  }
  @Test func refreshTokensArePosted() throws {
    let request = try TokenRequest(
      realm: "https://auth.io/token", service: "s", scope: "x", registry: registry,
      credentials: Credentials(user: "", password: "", identityToken: "a b"))
    #expect(request.form == "grant_type=refresh_token&refresh_token=a%20b&client_id=berth&service=s&scope=x")
    #expect(request.credentials == nil)
    #expect(!request.address.description.contains("a%20b"))
  }
  @Test(arguments: ["http://auth.io/token", "auth.io", "file:///x", ""]) func unsafeRealms(_ realm: String) {
    #expect(throws: Problem.self) {
      try TokenRequest(realm: realm, service: nil, scope: nil, registry: registry, credentials: nil)
    }
  }
  @Test func aPlainRegistryMayHaveAPlainTokenServer() throws {
    let plain = WebAddress("http://localhost:5000/v2/")!
    _ = try TokenRequest(realm: "http://localhost:5001/t", service: nil, scope: nil, registry: plain, credentials: nil)
  }

  @Test(arguments: [
    (#"{"token":"abc"}"#, "abc", 60), (#"{"access_token":"abc","expires_in":300}"#, "abc", 300),
    (#"{"token":"","access_token":"q","expires_in":1}"#, "q", 60),
    (#"{"token":"t","expires_in":999999999}"#, "t", 86400),
  ]) func tokens(_ body: String, _ token: String, _ seconds: Int) throws {
    let read = try BearerToken(parsing: Array(body.utf8), server: "a")
    #expect(read.token == token)
    #expect(read.lifetimeSeconds == seconds)
  }
  @Test(arguments: ["", "{}", "[]", "<html>", #"{"token":"a\r\nX: y"}"#, #"{"token":"a b"}"#, #"{"token":7}"#])
  func noTokens(_ body: String) {
    #expect(throws: Problem.self) { try BearerToken(parsing: Array(body.utf8), server: "a") }
  }
}

@Suite struct TransferTests {
  @Test func goesOnWhereItBroke() throws {
    var transfer = Transfer(size: 100)
    #expect(transfer.range == nil)
    try transfer.delivered(40)
    #expect(transfer.failed() == .retry(after: .milliseconds(200)))
    #expect(transfer.range == "bytes=40-")
    #expect(transfer.start(status: 206, contentLength: 60, contentRange: "bytes 40-99/100") == .body(skipping: 0))
    #expect(transfer.start(status: 200, contentLength: 100, contentRange: nil) == .body(skipping: 40))
    try transfer.delivered(60)
    #expect(transfer.isComplete)
  }
  @Test func givesUpAfterFive() {
    var transfer = Transfer(size: 100)
    let answers = (0..<5).map { _ in transfer.failed() }
    #expect(answers.last == .giveUp)
    #expect(answers.dropLast().allSatisfy { $0 != .giveUp })
  }
  @Test func progressBuysNewTries() throws {
    var transfer = Transfer(size: 100 << 20)
    for _ in 0..<20 {
      try transfer.delivered(2 << 20)
      #expect(transfer.failed() != .giveUp)
    }
  }
  private static let strange: [(Int, Int64?, String?)] = [
    (206, 60, "bytes 0-59/100"), (206, 60, "bytes 41-99/100"), (206, 60, "bytes 40-99/101"),
    (206, 59, "bytes 40-99/100"),
    (206, 60, nil), (206, 60, "pages 1-2"), (206, 60, "bytes 40-99"), (200, 99, nil),
  ]
  @Test(arguments: strange) func strangeAnswersAreRefused(_ status: Int, _ length: Int64?, _ range: String?) throws {
    var transfer = Transfer(size: 100)
    try transfer.delivered(40)
    guard case .refuse = transfer.start(status: status, contentLength: length, contentRange: range) else {
      Issue.record("accepted"); return
    }
  }
  @Test func moreThanAnnouncedIsRefused() throws {
    var transfer = Transfer(size: 3)
    let problem = #expect(throws: Problem.self) { try transfer.delivered(4) }
    #expect(problem?.code == .invalid)
  }
  private static let statuses: [(Int, String?, Duration?)] = [
    (429, "7", .seconds(7)), (429, "3600", nil), (429, nil, .milliseconds(400)), (503, "-5", .seconds(0)),
    (502, nil, .milliseconds(200)), (500, "9", .milliseconds(200)), (404, "1", nil), (403, nil, nil),
  ]
  @Test(arguments: statuses) func pauses(_ status: Int, _ retryAfter: String?, _ expected: Duration?) {
    #expect(Transfer.pause(status: status, retryAfter: retryAfter, try: 1) == expected)
  }
}

@Suite struct ProxyRulesTests {
  private func proxy(_ variables: [String: String], _ address: String) throws -> String? {
    try ProxyRules { variables[$0] }.proxy(for: WebAddress(address)!).map { "\($0.host):\($0.port)" }
  }
  private static let choices: [([String: String], String, String?)] = [
    (["HTTPS_PROXY": "http://p:3128"], "https://r.io/", "p:3128"), (["HTTPS_PROXY": "p:1"], "http://r.io/", nil),
    (["https_proxy": "a:1", "HTTPS_PROXY": "b:2"], "https://r.io/", "a:1"),
    (["ALL_PROXY": "p"], "http://r.io/", "p:80"),
    (["HTTPS_PROXY": "p:1", "NO_PROXY": "r.io"], "https://r.io/", nil),
    (["HTTPS_PROXY": "p:1", "NO_PROXY": "r.io"], "https://a.r.io/", nil),
    (["HTTPS_PROXY": "p:1", "NO_PROXY": "r.io"], "https://evilr.io/", "p:1"),
    (["HTTPS_PROXY": "p:1", "NO_PROXY": "x, .r.io"], "https://a.r.io/", nil),
    (["HTTPS_PROXY": "p:1", "NO_PROXY": "r.io:8443"], "https://r.io/", "p:1"),
    (["HTTPS_PROXY": "p:1", "NO_PROXY": "10.0.0.0/8"], "https://10.1.2.3/", nil),
    (["HTTPS_PROXY": "p:1", "NO_PROXY": "10.0.0.0/8"], "https://11.1.2.3/", "p:1"),
    (["HTTPS_PROXY": "p:1", "NO_PROXY": "*"], "https://r.io/", nil),
    (["HTTPS_PROXY": "p:1"], "https://localhost:5000/", nil),
    (["HTTPS_PROXY": "p:1"], "https://127.0.0.1:5000/", nil),
  ]
  @Test(arguments: choices) func choice(_ variables: [String: String], _ address: String, _ expected: String?) throws {
    #expect(try proxy(variables, address) == expected)
  }
  @Test func passwordsAreDecoded() throws {
    let rules = try ProxyRules { $0 == "HTTP_PROXY" ? "http://u:p%40q@p:1/" : nil }
    #expect(rules.http?.authorization == "u:p@q")
  }
  @Test(arguments: ["socks5://p:1", "https://p:1", "http://p:x", "http://u%zz@p:1"]) func unknownProxies(_ text: String)
  {
    #expect(throws: Problem.self) { try ProxyRules { $0 == "HTTP_PROXY" ? text : nil } }
  }
}

@Suite struct ResponseProblemTests {
  private func problem(_ status: Int, _ body: String = "", hadCredentials: Bool = false, retryAfter: String? = nil)
    -> Problem
  {
    ResponseProblem(
      registry: "r.io", object: "image r.io/x:1", status: status, body: Array(body.utf8),
      hadCredentials: hadCredentials,
      retryAfter: retryAfter
    ).problem
  }
  @Test(arguments: [
    (401, false, Problem.Code.denied, "registry r.io wants a login for image r.io/x:1", "berth login r.io"),
    (401, true, .denied, "registry r.io refused the name or password for image r.io/x:1", "berth login r.io"),
    (403, false, .denied, "registry r.io denied access to image r.io/x:1", "berth login r.io"),
    (404, false, .notFound, "registry r.io has no image r.io/x:1", "check the name and the tag"),
    (500, false, .unavailable, "registry r.io failed on image r.io/x:1 with status 500", "try again later"),
    (418, false, .unavailable, "registry r.io answered image r.io/x:1 with status 418", "is r.io a registry?"),
  ]) func wording(_ status: Int, _ had: Bool, _ code: Problem.Code, _ message: String, _ hint: String) {
    let problem = problem(status, hadCredentials: had)
    #expect(problem.code == code)
    #expect(problem.message == message)
    #expect(problem.hint == hint)
  }
  @Test func tooManyRequests() {
    #expect(problem(429, retryAfter: "90").hint?.contains("90 s") == true)
    #expect(problem(429).hint?.contains("berth login r.io") == true)
  }
  @Test func theRegistrysWordsAreSafe() {
    let body = #"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"evil \u001b[31m\nred"}]}"#
    #expect(problem(404, body).message.hasSuffix(": manifest unknown: evil  [31m red"))
    let long = #"{"errors":[{"message":"\#(String(repeating: "x", count: 5000))"}]}"#
    #expect(problem(404, long).message.utf8.count < 500)
    #expect(problem(404, "<html>").message == "registry r.io has no image r.io/x:1")
  }
}
