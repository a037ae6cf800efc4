import CSys
import Glibc
import JSON
import Sys
import TestKit
import Testing

/// `berth pull`, `login` and `logout` as a user runs them. covers LP-13, LP-14, PD-160
@Suite(.needs(.root), .needs(.installed)) struct RegistryCommandTests {
  /// The user's directories are the test's own: no credentials of this machine are seen or changed.
  private struct User {
    let engine: TestEngine
    let servers: RegistryServers
    private var own: [String: String] {
      [
        "HOME": engine.scratch, "XDG_RUNTIME_DIR": engine.scratch + "/user",
        "XDG_CONFIG_HOME": engine.scratch + "/config",
        "REGISTRY_AUTH_FILE": "", "DOCKER_CONFIG": "",
      ]
    }
    func berth(_ arguments: String..., input: String? = nil) throws -> Outcome {
      try engine.berth(arguments, input: input.map { Array($0.utf8) }, environment: own)
    }
    var layers: [String] {
      ((try? entries(ofPath: engine.root + "/layers")) ?? []).map(\.name).filter { $0 != "." && $0 != ".." }
    }
    var auth: String { engine.scratch + "/user/containers/auth.json" }
  }
  private func withUser(_ name: String = #function, _ body: (User) throws -> Void) throws {
    try withEngine(sharingNetwork: true, name) { engine in
      try body(User(engine: engine, servers: RegistryServers(scratch: engine.scratch)))
    }
  }

  @Test func pullsListsAndSharesLayers() throws {
    try withUser { user in
      try user.servers.withStrangeRegistry { host in
        let first = try user.berth("pull", "--tls-verify=false", "\(host)/plain/x:1")
        #expect(first.code == 0, "\(first)")
        #expect(first.errorText.contains("Trying to pull \(host)/plain/x:1"))
        let quiet = try user.berth("pull", "-q", "--tls-verify=false", "\(host)/plain/y:1")
        #expect(quiet.trimmed == first.lines.last)
        #expect(quiet.errors.isEmpty)
        // two layers, once each; the config may be asked for again
        let blobs = try user.servers.requests().compactMap { $0["path"]?.string }.filter { $0.contains("/blobs/") }
        #expect(Set(blobs.map { $0.split(separator: "/").last }).count == 3)
        #expect(blobs.filter { $0.contains("/y/") }.count <= 1, "\(blobs)")
        #expect(
          try user.berth("images", "--format", "{{.Repository}}:{{.Tag}}").lines.sorted() == [
            "\(host)/plain/x:1", "\(host)/plain/y:1",
          ])
      }
    }
  }

  @Test(arguments: [
    ("wrong", "digest"), ("long", "longer than"), ("never", "five times in a row"), ("recursion", "index in an index"),
    ("bomb", "larger than"),
  ]) func whatIsWrongIsNeverListed(_ mode: String, _ words: String) throws {
    try withUser { user in
      try user.servers.withStrangeRegistry { host in
        let outcome = try user.berth("pull", "--tls-verify=false", "\(host)/\(mode)/x:1")
        #expect(outcome.code == 125)
        #expect(outcome.errorText.contains(words), "\(outcome)")
        #expect(outcome.errorText.contains("error: "))
        #expect(try user.berth("images", "-q").trimmed.isEmpty)
        #expect(user.layers.isEmpty, "\(user.layers)")
        // and the next pull is not in its way
        #expect(try user.berth("pull", "-q", "--tls-verify=false", "\(host)/plain/x:1").code == 0)
      }
    }
  }

  @Test func aBrokenConnectionIsResumed() throws {
    try withUser { user in
      try user.servers.withStrangeRegistry { host in
        let outcome = try user.berth("pull", "-q", "--tls-verify=false", "\(host)/cut/x:1")
        #expect(outcome.code == 0, "\(outcome)")
        #expect(try user.servers.requests().contains { $0["range"]?.string != nil })
      }
    }
  }

  @Test func loginPullLogout() throws {
    try withUser { user in
      try user.servers.withDockerRegistry(tls: true, password: true) { host in
        let certificates = "--cert-dir=\(user.servers.authorities)"
        let name = "\(host)/test/image:1"
        let before = try user.berth("pull", certificates, name)
        #expect(before.code == 125)
        #expect(before.errorText.contains("hint: berth login \(host)"))
        let wrong = try user.berth("login", certificates, "-u", "user", "--password-stdin", host, input: "wrong\n")
        #expect(wrong.code == 125)
        #expect(wrong.errorText.contains("refused the name or password"), "\(wrong)")
        #expect(!exists(user.auth))
        let right = try user.berth(
          "login", "--verbose", certificates, "-u", "user", "--password-stdin", host, input: "secret\n")
        #expect(right.code == 0 && right.text.contains("Used: \(user.auth)"), "\(right)")
        #expect(try status(user.auth).st_mode & 0o777 == 0o600)
        let pulled = try user.berth("pull", "-q", certificates, name)
        #expect(pulled.code == 0, "\(pulled)")
        #expect(try user.berth("logout", host).code == 0)
        #expect(try !readText(user.auth).contains(host))
        #expect(try user.berth("pull", "-q", certificates, name).code == 125)
        let inline = try user.berth("pull", "-q", certificates, "--creds", "user:secret", name)
        #expect(inline.code == 0, "\(inline)")
      }
    }
  }

  @Test(arguments: [
    ("nosuch.invalid/x", "there is no host nosuch.invalid"), ("127.0.0.1:1/x", "Connection refused"),
    ("127.0.0.1:1/UPPER", "invalid image name"), ("127.0.0.1:1/x:", "invalid image name"),
    ("docker-archive:x.tar", "docker-archive: is not a registry"),
  ]) func errorsSayWhatAndWhere(_ name: String, _ words: String) throws {
    try withUser { user in
      let outcome = try user.berth("pull", "--tls-verify=false", name)
      #expect(outcome.code == 125)
      #expect(outcome.errorText.contains(words), "\(outcome)")
    }
  }
}
