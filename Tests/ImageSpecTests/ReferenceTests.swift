import Digests
import ImageSpec
import Problems
import Testing

private let hex = String(repeating: "0123456789abcdef", count: 4)

/// What people write, and what it means. Source: distribution/reference, "normalize_test.go" and "reference_test.go".
@Test(arguments: [
  // covers LP-13, PD-87
  ("alpine", "docker.io/library/alpine:latest", "alpine:latest"),
  ("alpine:3.20", "docker.io/library/alpine:3.20", "alpine:3.20"),
  ("library/alpine", "docker.io/library/alpine:latest", "alpine:latest"),
  ("docker.io/alpine", "docker.io/library/alpine:latest", "alpine:latest"),
  ("index.docker.io/library/alpine", "docker.io/library/alpine:latest", "alpine:latest"),
  ("docker://quay.io/me/app:1", "quay.io/me/app:1", "quay.io/me/app:1"),
  ("me/app", "docker.io/me/app:latest", "me/app:latest"),
  ("a/b/c", "docker.io/a/b/c:latest", "a/b/c:latest"),
  ("localhost/app", "localhost/app:latest", "localhost/app:latest"),
  ("localhost:5000/app", "localhost:5000/app:latest", "localhost:5000/app:latest"),
  ("localhost:5000/a/b:tag", "localhost:5000/a/b:tag", "localhost:5000/a/b:tag"),
  ("foo.com:443/app", "foo.com:443/app:latest", "foo.com:443/app:latest"),
  ("[2001:db8::1]:5000/app", "[2001:db8::1]:5000/app:latest", "[2001:db8::1]:5000/app:latest"),
  ("[::1]/app:x", "[::1]/app:x", "[::1]/app:x"),
  ("127.0.0.1:5000/app", "127.0.0.1:5000/app:latest", "127.0.0.1:5000/app:latest"),
  ("Registry/app", "Registry/app:latest", "Registry/app:latest"),
  ("a--b/c__d/e.f_g", "docker.io/a--b/c__d/e.f_g:latest", "a--b/c__d/e.f_g:latest"),
  ("app@sha256:\(hex)", "docker.io/library/app@sha256:\(hex)", "app@sha256:\(hex)"),
  ("app:1@sha256:\(hex)", "docker.io/library/app:1@sha256:\(hex)", "app:1@sha256:\(hex)"),
  ("x.y/app:1@sha256:\(hex)", "x.y/app:1@sha256:\(hex)", "x.y/app:1@sha256:\(hex)"),
  ("app:_A.b-C", "docker.io/library/app:_A.b-C", "app:_A.b-C"),
  (
    "app:\(String(repeating: "t", count: 128))", "docker.io/library/app:\(String(repeating: "t", count: 128))",
    "app:\(String(repeating: "t", count: 128))"
  ),
]) func referenceIsCompleted(_ text: String, _ full: String, _ familiar: String) throws {
  let reference = try Reference(parsing: text)
  #expect(reference.description == full)
  #expect(reference.familiar == familiar)
  #expect(try Reference(parsing: full) == reference)
  #expect(try Reference(parsing: familiar) == reference)
}

@Test(arguments: [
  ("", "the name is empty"),
  ("docker://", "the name is empty"),
  ("App", "the repository \"App\" must be lower case"),
  ("me/App", "the repository \"me/App\" must be lower case"),
  ("app:", "the tag \"\" is not"),
  ("app:a b", "the tag \"a b\" is not"),
  ("app:-x", "the tag \"-x\" is not"),
  ("app:" + String(repeating: "t", count: 129), "the tag"),
  ("app@sha256:123", "the digest \"sha256:123\" is not"),
  ("app@sha512:\(hex)", "the digest \"sha512:"),
  ("app@SHA256:\(hex)", "the digest"),
  ("app@sha256:\(hex.uppercased())", "the digest"),
  ("app@", "the digest \"\""),
  (hex, "64 hex digits are an ID, not a name"),
  ("/app", "the repository \"/app\" has an empty part"),
  ("me//app", "has an empty part"),
  ("me/app/", "has an empty part"),
  ("localhost:5000/", "the repository \"\" is empty"),
  ("localhost:99999/app", "the registry \"localhost:99999\" has a port"),
  ("localhost:/app", "has a port"),
  ("localhost:0/app", "has a port"),
  ("localhost:+5/app", "has a port"),
  ("-x.com/app", "is not a host name"),
  ("x..com/app", "is not a host name"),
  ("[zz]:1/app", "is not an IPv6 address"),
  ("a___b", "the repository \"a___b\" has a part"),
  ("a..b", "has a part"),
  ("a._b", "has a part"),
  ("-a", "has a part"),
  ("a-", "has a part"),
  ("a b", "has a part"),
  ("a\u{0}b", "has a part"),
  ("../../etc/passwd", "is not a host name"),
  ("a/../b", "has a part"),
  ("tést", "has a part"),
  (String(repeating: "a", count: 250), "longer than 255"),
  (String(repeating: "a", count: 2000), "longer than 1024"),
]) func referenceErrorsNameThePart(_ text: String, _ part: String) throws {
  let problem = #expect(throws: Problem.self) { try Reference(parsing: text) }
  #expect(problem?.code == .invalid)
  #expect(problem?.message.contains(part) == true, "\(problem?.message ?? "")")
}

@Test func shortNamesAreKnown() {
  for text in ["alpine", "me/app:1", "a/b/c@sha256:\(hex)"] { #expect(!Reference.namesRegistry(text)) }
  for text in ["localhost/a", "x.y/a", "x:1/a", "docker://docker.io/a", "X/a"] {
    #expect(Reference.namesRegistry(text))
  }
}

@Test func otherDefaults() throws {
  #expect(try Reference(parsing: "app", defaultRegistry: "localhost").description == "localhost/app:latest")
  #expect(try Reference(parsing: "app", defaultRegistry: "quay.io", defaultTag: nil).description == "quay.io/app")
}

@Test func manifestKey() throws {
  #expect(try Reference(parsing: "app").manifestKey == "latest")
  let pinned = try Reference(parsing: "app:1@sha256:\(hex)")
  #expect(pinned.manifestKey == "sha256:\(hex)")
  #expect(pinned.tagged("2").description == "docker.io/library/app:2")
  #expect(pinned.pinned(to: try #require(Digest(hex: hex))).description == "docker.io/library/app@sha256:\(hex)")
}

@Test(arguments: [
  "", "sha256:", "sha256:" + String(repeating: "g", count: 64), "sha1:" + String(repeating: "a", count: 40),
  "sha256:\(hex)0",
])
func digestRefuses(_ text: String) { #expect(Digest(text) == nil) }

@Test func digestOfBytes() {
  #expect(Digest(of: []).hex == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
  #expect(
    Digest(of: Array("abc".utf8)).description
      == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  var stream = SHA256Stream()
  stream.update(Array("a".utf8))
  #expect(stream.digest() == Digest(of: Array("a".utf8)))
  stream.update(Array("bc".utf8))
  #expect(stream.digest() == Digest(of: Array("abc".utf8)))
}
