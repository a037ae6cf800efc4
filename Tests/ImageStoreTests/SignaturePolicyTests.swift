import Digests
import ImageSpec
import ImageStore
import Problems
import Sys
import Testing

/// policy.json. covers PD-12
struct SignaturePolicyTests {
  private func policy(_ text: String) throws -> SignaturePolicy {
    try SignaturePolicy(parsing: Array(text.utf8), file: "p.json")
  }
  private func registry(_ name: String) throws -> SignaturePolicy.Source { .registry(try Reference(parsing: name)) }

  private static let rules = """
    {"default": [{"type": "reject"}], "transports": {
      "docker": {
        "": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k"}],
        "docker.io": [{"type": "insecureAcceptAnything"}],
        "docker.io/library/bad": [{"type": "reject"}],
        "docker.io/library/bad:2": [{"type": "insecureAcceptAnything"}],
        "registry:5000/a": [{"type": "insecureAcceptAnything"}],
        "*.example.org": [{"type": "insecureAcceptAnything"}],
        "deep.example.org": [{"type": "sigstoreSigned", "keyPath": "/k"}],
        "both.io": [{"type": "insecureAcceptAnything"}, {"type": "reject"}]},
      "oci-archive": {"/srv/good": [{"type": "insecureAcceptAnything"}]},
      "tarball": {"": [{"type": "insecureAcceptAnything"}]}}}
    """

  /// nil: it may come in.
  @Test(
    arguments: [
      ("busybox", nil), ("docker.io/me/app:1", nil), ("bad:1", .denied), ("bad:2", nil), ("badly", nil),
      ("bad@sha256:" + String(repeating: "a", count: 64), .denied),
      ("registry:5000/a", nil), ("registry:5000/a/b:1", nil), ("registry:5000/ab", .unsupported),
      ("quay.io/x", .unsupported), ("www.example.org/x", nil),
      ("www.example.org:8443/x", nil), ("example.org/x", .unsupported), ("deep.example.org/x", .unsupported),
      ("both.io/x", .denied),
    ] as [(String, Problem.Code?)])
  func theMostTellingScopeDecides(_ name: String, _ code: Problem.Code?) throws {
    let policy = try policy(Self.rules)
    #expect(problem { try policy.check(try registry(name)) }?.code == code, "\(name)")
  }

  @Test func otherTransports() throws {
    let policy = try policy(Self.rules)
    func code(_ source: SignaturePolicy.Source) -> Problem.Code? { problem { try policy.check(source) }?.code }
    #expect(code(.oci("/srv/good/x.tar", isDirectory: false)) == nil)
    #expect(code(.oci("/srv/good", isDirectory: false)) == nil)
    #expect(code(.oci("/srv/goodness/x.tar", isDirectory: false)) == .denied)
    #expect(code(.oci("/srv/good/x", isDirectory: true)) == .denied, "another transport: the default")
    #expect(code(.oci(nil, isDirectory: false)) == .denied)
    #expect(code(.dockerArchive("/srv/good/x.tar")) == .denied)
    #expect(code(.tarball(nil)) == nil)
  }

  @Test func aLinkIsNoWayAroundARule() throws {
    try Workshop.with { shop in
      try shop.shell("mkdir \(shop.path)/good; touch \(shop.path)/x.tar; ln -s ../x.tar \(shop.path)/good/x.tar")
      let policy = try policy(
        "{\"default\": [{\"type\": \"reject\"}], \"transports\": {\"oci-archive\": "
          + "{\"\(shop.path)/good\": [{\"type\": \"insecureAcceptAnything\"}]}}}")
      #expect(
        problem { try policy.check(.oci(shop.path + "/good/x.tar", isDirectory: false)) }?.code == .denied)
    }
  }

  @Test func messagesNameImageFileRuleAndNextStep() throws {
    let policy = try policy(Self.rules)
    #expect(
      problem { try policy.check(try registry("bad:1")) }?.description == """
        error: docker.io/library/bad:1 is rejected by p.json (docker docker.io/library/bad)
        hint: take the image from a source that the policy accepts, or change that rule
        """)
    #expect(
      problem { try policy.check(try registry("quay.io/x:1")) }?.message
        == "p.json asks for a signature of quay.io/x:1 (signedBy, docker), which Berth cannot check yet")
  }

  @Test(arguments: [
    ("", "no JSON"), ("[]", "no object"), ("{}", "\"default\" is missing"), ("{\"default\": []}", "default is no list"),
    ("{\"default\": [{}]}", "without type"), ("{\"default\": [{\"type\": \"acceptAll\"}]}", "\"acceptAll\""),
    ("{\"default\": [{\"type\": \"reject\"}], \"defaults\": []}", "unknown member \"defaults\""),
    ("{\"default\": [{\"type\": \"reject\"}], \"transports\": []}", "transports is no object"),
    ("{\"default\": [{\"type\": \"reject\"}], \"transports\": {\"docker\": []}}", "transports.docker is no object"),
    (
      "{\"default\": [{\"type\": \"reject\"}], \"transports\": {\"docker\": {\"x/\": [{\"type\": \"reject\"}]}}}",
      "transports.docker.\"x/\""
    ),
    (
      "{\"default\": [{\"type\": \"reject\"}], \"transports\": {\"docker-archive\": {\"/x\": [{\"type\": \"reject\"}]}}}",
      "no scope but"
    ),
  ]) func whatIsUnclearLetsNothingPass(_ text: String, _ words: String) {
    let found = problem { _ = try policy(text) }
    #expect(found?.code == .invalid && found?.message.contains("p.json") == true, "\(text)")
    #expect(found?.sentence.contains(words) == true, "\(found?.sentence ?? "nothing")")
  }

  @Test func theUsersFileComesBeforeTheSystems() throws {
    try Workshop.with { shop in
      func load(_ explicit: String? = nil) throws(Problem) -> SignaturePolicy {
        try SignaturePolicy.load(explicit: explicit, home: shop.path + "/home", system: shop.path + "/etc")
      }
      #expect(try load() == .acceptAnything, "no file")
      try shop.shell("cd \(shop.path); mkdir -p etc home/.config/containers")
      let reject = "{\"default\": [{\"type\": \"reject\"}]}"
      try replaceFile(shop.path + "/etc/policy.json", with: Array(reject.utf8), durable: false)
      let image = try registry("busybox")
      #expect(problem { try load().check(image) }?.code == .denied)
      let accept = "{\"default\": [{\"type\": \"insecureAcceptAnything\"}]}"
      let own = shop.path + "/home/.config/containers/policy.json"
      try replaceFile(own, with: Array(accept.utf8), durable: false)
      #expect(problem { try load().check(image) } == nil)
      #expect(problem { try load(shop.path + "/etc/policy.json").check(image) }?.code == .denied)
      #expect(problem { _ = try load(shop.path + "/absent") }?.code == .notFound)
      try replaceFile(own, with: Array("{".utf8), durable: false)
      #expect(problem { _ = try load() }?.code == .invalid, "a damaged file is no absent file")
    }
  }
}
