import Glibc
import ImageSpec
import Problems
import Sys
import Testing

@testable import RegistryClient

/// covers PD-12, PD-160, LP-13
@Suite struct RegistriesConfigurationTests {
  private func configuration(_ text: String) throws -> RegistriesConfiguration {
    try RegistriesConfiguration(parsing: text, file: "r.conf")
  }
  private func names(_ text: String, _ short: String) throws -> [String] {
    try configuration(text).candidates(for: short).map(\.description)
  }
  private func sources(_ text: String, _ name: String, tlsVerify: Bool? = nil) throws -> [String] {
    try configuration(text).sources(for: try Reference(parsing: name), tlsVerify: tlsVerify).map {
      "\($0.reference)\($0.isInsecure ? " insecure" : "")\($0.isMirror ? " mirror" : "")"
    }
  }

  @Test(arguments: [
    ("", "busybox", ["docker.io/library/busybox:latest"]), ("", "a/b:1", ["docker.io/a/b:1"]),
    ("", "r.io/x", ["r.io/x:latest"]), ("", "localhost/x", ["localhost/x:latest"]),
    ("unqualified-search-registries=['a.io','b.io']", "x:2", ["a.io/x:2", "b.io/x:2"]),
    ("unqualified-search-registries=['docker.io']", "x", ["docker.io/library/x:latest"]),
    ("unqualified-search-registries=['a.io']\nshort-name-mode='enforcing'", "x", ["a.io/x:latest"]),
    ("[aliases]\nx='q.io/y/x'", "x:3", ["q.io/y/x:3"]), ("[aliases]\nx='q.io/y/x'", "x", ["q.io/y/x:latest"]),
    ("[aliases]\n'a/b'='q.io/z'", "a/b", ["q.io/z:latest"]), ("[aliases]\nx=''", "x", ["docker.io/library/x:latest"]),
  ]) func shortNames(_ text: String, _ short: String, _ expected: [String]) throws {
    #expect(try names(text, short) == expected)
  }

  @Test(arguments: [
    ("unqualified-search-registries=[]", Problem.Code.notFound),
    ("unqualified-search-registries=['a.io','b.io']\nshort-name-mode='enforcing'", .conflict),
  ]) func shortNamesThatStandForNothing(_ text: String, _ code: Problem.Code) throws {
    let problem = #expect(throws: Problem.self) { try names(text, "x") }
    #expect(problem?.code == code)
    #expect(problem?.hint != nil)
  }

  @Test(arguments: [
    ("", "r.io/x:1", ["r.io/x:1"]),
    ("[[registry]]\nlocation='r.io'\ninsecure=true", "r.io/x:1", ["r.io/x:1 insecure"]),
    ("[[registry]]\nlocation='r.io'\ninsecure=true", "r.io.evil/x:1", ["r.io.evil/x:1"]),
    ("[[registry]]\nprefix='r.io/ns'\nlocation='m.io/other'", "r.io/ns/x:1", ["m.io/other/x:1"]),
    ("[[registry]]\nprefix='r.io/ns'\nlocation='m.io/other'", "r.io/nsx/x:1", ["r.io/nsx/x:1"]),
    ("[[registry]]\nprefix='*.r.io'\ninsecure=true", "a.r.io/x:1", ["a.r.io/x:1 insecure"]),
    ("[[registry]]\nprefix='*.r.io'\ninsecure=true", "r.io/x:1", ["r.io/x:1"]),
    ("[[registry]]\nprefix='*.r.io'\nlocation='m.io/p'", "a.b.r.io/x:1", ["m.io/p/x:1"]),
    (
      "[[registry]]\nlocation='r.io'\ninsecure=true\n[[registry]]\nlocation='r.io/ns'", "r.io/ns/x:1", ["r.io/ns/x:1"]
    ),
    (
      "[[registry]]\nlocation='r.io'\n[[registry.mirror]]\nlocation='m.io'\n[[registry.mirror]]\nlocation='n.io/q'\ninsecure=true",
      "r.io/x:1", ["m.io/x:1 mirror", "n.io/q/x:1 insecure mirror", "r.io/x:1"]
    ),
    (
      "[[registry]]\nlocation='r.io'\n[[registry.mirror]]\nlocation='m.io'\npull-from-mirror='digest-only'", "r.io/x:1",
      ["r.io/x:1"]
    ),
    (
      "[[registry]]\nlocation='r.io'\nmirror-by-digest-only=true\n[[registry.mirror]]\nlocation='m.io'", "r.io/x:1",
      ["r.io/x:1"]
    ),
    ("[[registry]]\nprefix='docker.io'\nlocation='m.io/hub'", "busybox", ["m.io/hub/library/busybox:latest"]),
  ]) func places(_ text: String, _ name: String, _ expected: [String]) throws {
    #expect(try sources(text, name) == expected)
  }

  @Test func digestsUseTheirMirrors() throws {
    let digest = "sha256:" + String(repeating: "a", count: 64)
    let text = """
      [[registry]]
      location = 'r.io'
      [[registry.mirror]]
      location = 'm.io'
      pull-from-mirror = 'digest-only'
      [[registry.mirror]]
      location = 't.io'
      pull-from-mirror = 'tag-only'
      """
    #expect(try sources(text, "r.io/x@\(digest)") == ["m.io/x@\(digest) mirror", "r.io/x@\(digest)"])
  }

  @Test func theFlagWins() throws {
    let text = "[[registry]]\nlocation='r.io'\ninsecure=true"
    #expect(try sources(text, "r.io/x:1", tlsVerify: true) == ["r.io/x:1"])
    #expect(try sources("", "r.io/x:1", tlsVerify: false) == ["r.io/x:1 insecure"])
    #expect(try configuration(text).isInsecure(registry: "r.io", tlsVerify: nil))
    #expect(try !configuration(text).isInsecure(registry: "r.io", tlsVerify: true))
  }

  @Test func blockedRegistriesAreNamed() {
    let problem = #expect(throws: Problem.self) { try sources("[[registry]]\nlocation='r.io'\nblocked=true", "r.io/x") }
    #expect(problem?.code == .denied)
    #expect(problem?.message == "registry r.io is blocked in registries.conf")
  }

  @Test(arguments: [
    ("a = ", "r.conf:1: a value is missing"),
    ("\nshort-name-mode = 'wild'", "r.conf:2: \"wild\" is not enforcing, permissive or disabled"),
    ("unqualified-search-registries = 'x'", "r.conf:1: unqualified-search-registries must be an array of strings"),
    ("unqualified-search-registries = ['x/y']", "r.conf:1: \"x/y\" is not HOST[:PORT]"),
    ("[registries.search]\nregistries=[]", "r.conf:1: version 1 of registries.conf is no longer read"),
    ("[[registry]]\nprefix='r.io'", "r.conf:2: the registry r.io needs a location"),
    ("[[registry]]\nblocked='yes'\nlocation='x'", "r.conf:2: blocked must be true or false"),
    ("[[registry]]\nlocation='https://r.io'", "r.conf:2: location \"https://r.io\" must not have a scheme"),
    ("[[registry]]\nlocation='r.io'\n[[registry]]\nlocation='r.io/'", "r.conf:1: two entries for the prefix r.io"),
    ("[[registry]]\nlocation='*.io'", "r.conf:2: location \"*.io\" is not HOST[:PORT][/NAMESPACE]"),
    ("[registry]\nlocation='r.io'", "r.conf:1: registry is written [[registry]]"),
    ("[aliases]\n'r.io/x'='y/z'", "r.conf:2: the alias \"r.io/x\" is no short name"),
    ("[aliases]\nx='y'", "r.conf:2: the alias x must name a registry and a repository"),
    (
      "[[registry]]\nlocation='r'\n[[registry.mirror]]\nlocation='m'\npull-from-mirror='never'",
      "r.conf:5: \"never\" is not all, digest-only or tag-only"
    ),
  ]) func errorsNameFileAndLine(_ text: String, _ message: String) {
    let problem = #expect(throws: Problem.self) { try configuration(text) }
    #expect(problem?.code == .invalid)
    #expect(problem?.message == message)
  }

  @Test func laterFilesWin() throws {
    let directory = "/tmp/berth-registries-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    try makeDirectories("\(directory)/registries.conf.d")
    defer { try? removeTree(directory) }
    func write(_ name: String, _ text: String) throws {
      try replaceFile("\(directory)/\(name)", with: Array(text.utf8), durable: false)
    }
    try write(
      "registries.conf", "unqualified-search-registries=['a.io']\n[[registry]]\nlocation='r.io'\n[aliases]\nx='a.io/x'")
    try write("registries.conf.d/20.conf", "[[registry]]\nlocation='r.io'\ninsecure=true\n[aliases]\nx='c.io/x'")
    try write("registries.conf.d/10.conf", "unqualified-search-registries=['b.io']\n[aliases]\nx='b.io/x'\ny='b.io/y'")
    try write("registries.conf.d/ignored.txt", "nonsense")
    let paths = ConfigurationPaths(explicit: nil, environment: { _ in nil }, system: directory, isRoot: true)
    let merged = try RegistriesConfiguration.load(paths)
    #expect(merged.searchRegistries == ["b.io"])
    #expect(merged.aliases["x"] == "c.io/x")
    #expect(merged.aliases["y"] == "b.io/y")
    #expect(merged.registries.map(\.insecure) == [true])
  }

  @Test func aNamedFileMustExist() {
    let paths = ConfigurationPaths(
      explicit: "/nonexistent/r.conf", environment: { _ in nil }, system: "/nonexistent", isRoot: true)
    let problem = #expect(throws: Problem.self) { try RegistriesConfiguration.load(paths) }
    #expect(problem?.code == .notFound)
  }
}
