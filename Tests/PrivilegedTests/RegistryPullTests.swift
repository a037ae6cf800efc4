import Glibc
import JSON
import Problems
import RegistryProtocol
import Sys
import TestKit
import Testing

/// berth-registry against Docker's registry and against one that misbehaves. covers LP-13, LP-14, PD-12, PD-160
@Suite(.needs(.root), .needs(.installed), .needs(.program("docker-registry")), .needs(.program("skopeo")))
struct RegistryPullTests {
  private func withServers(_ name: String = #function, _ body: (RegistryServers) throws -> Void) throws {
    try withScratch(name) { try body(RegistryServers(scratch: $0)) }
  }
  /// Runs `body` and gives its problem, which must be one.
  private func problem(_ body: () throws -> Void) -> Problem? { #expect(throws: Problem.self) { try body() } }

  @Test func plainHTTPOnlyWhereItIsAllowed() throws {
    try withServers { servers in
      try servers.withDockerRegistry { host in
        let image = try servers.connect(tlsVerify: false).resolve("\(host)/test/image:1")
        #expect(image.name == "\(host)/test/image")
        let byConfiguration = try servers.connect(registriesConf: "[[registry]]\nlocation = '\(host)'\ninsecure = true")
        #expect(try byConfiguration.resolve("\(host)/test/image:1").digest == image.digest)
        #expect(try byConfiguration.fetchAll(image) > 3_000_000)
        #expect(try byConfiguration.resolve("\(host)/test/image@\(image.digest)").manifest == image.manifest)
        let refused = problem { _ = try servers.connect().resolve("\(host)/test/image:1") }
        #expect(refused?.message == "\(host) speaks plain HTTP instead of TLS")
        #expect(refused?.hint?.contains("--tls-verify=false") == true)
        let missing = problem { _ = try servers.connect(tlsVerify: false).resolve("\(host)/test/image:2") }
        #expect(missing?.code == .notFound)
        #expect(missing?.message == "registry \(host) has no image \(host)/test/image:2: manifest unknown")
      }
    }
  }

  @Test func aPrivateAuthorityAndAPassword() throws {
    try withServers { servers in
      try servers.withDockerRegistry(tls: true, password: true) { host in
        let name = "\(host)/test/image:1"
        let stranger = problem { _ = try servers.connect(credentials: "user:secret").resolve(name) }
        #expect(stranger?.code == .denied)
        #expect(stranger?.message.contains("signed by nobody whom this machine trusts") == true)
        #expect(stranger?.hint?.contains("/etc/containers/certs.d/\(host)/ca.crt") == true)

        let named = try servers.connect(authorities: servers.authorities, credentials: "user:secret")
        #expect(try named.fetchAll(try named.resolve(name)) > 3_000_000)
        let unverified = try servers.connect(tlsVerify: false, credentials: "user:secret")
        _ = try unverified.resolve(name)

        let anonymous = problem { _ = try servers.connect(authorities: servers.authorities).resolve(name) }
        #expect(anonymous?.message.hasPrefix("registry \(host) wants a login for image") == true)
        #expect(anonymous?.hint == "berth login \(host)")
        let wrong = problem {
          _ = try servers.connect(authorities: servers.authorities, credentials: "user:wrong").resolve(name)
        }
        #expect(wrong?.message.hasPrefix("registry \(host) refused the name or password") == true)

        // certs.d of the user, and auth.json
        try makeDirectories("\(servers.scratch)/.config/containers/certs.d")
        try rename(servers.authorities, to: "\(servers.scratch)/.config/containers/certs.d/\(host)")
        let source = CredentialSource(
          authFile: nil, environment: ["XDG_RUNTIME_DIR=\(servers.scratch)/run"], mustExist: false)
        try source.store(Credentials(user: "user", password: "secret"), for: host)
        let usual = try servers.connect()
        #expect(try usual.fetchAll(try usual.resolve(name)) > 3_000_000)
      }
    }
  }

  @Test func clientCertificatesAndNames() throws {
    try withServers { servers in
      try servers.withDockerRegistry(tls: true, clientCertificates: true) { host in
        let known = try servers.connect(authorities: servers.authoritiesAndClient)
        try known.fetchAll(try known.resolve("\(host)/test/image:1"))
        let stranger = problem {
          _ = try servers.connect(authorities: servers.authorities).resolve("\(host)/test/image:1")
        }
        #expect(stranger?.message == "\(host) wants a client certificate")
        let port = host.split(separator: ":")[1]
        let misnamed = problem { _ = try known.resolve("127.0.0.1:\(port)/test/image:1") }
        #expect(misnamed?.message == "the TLS certificate of 127.0.0.1:\(port) is for another host")
      }
    }
  }

  @Test func proxiesLeadOut() throws {
    try withServers { servers in
      try servers.withStrangeRegistry { host in
        try servers.withProxy(host) { proxy in
          let text = "[[registry]]\nlocation = \"far.invalid\"\ninsecure = true"
          let through = try servers.connect(registriesConf: text, extra: ["HTTP_PROXY=http://user:secret@\(proxy)"])
          try through.fetchAll(try through.resolve("far.invalid/plain/x:1"))
          #expect(try servers.requests().contains { $0["path"]?.string == "CONNECT far.invalid:80 HTTP/1.1" })
          let stranger = try servers.connect(registriesConf: text, extra: ["HTTP_PROXY=http://\(proxy)"])
          #expect(problem { _ = try stranger.resolve("far.invalid/plain/x:1") }?.code == .denied)
          let straight = try servers.connect(
            registriesConf: text, extra: ["HTTP_PROXY=http://user:secret@\(proxy)", "NO_PROXY=.invalid"])
          let lost = problem { _ = try straight.resolve("far.invalid/plain/x:1") }
          #expect(lost?.message.hasPrefix("there is no host far.invalid") == true)
        }
      }
    }
  }

  @Test func loginIsCheckedWithTheRegistry() throws {
    try withServers { servers in
      try servers.withDockerRegistry(password: true) { host in
        let connection = try servers.connect(tlsVerify: false)
        _ = try connection.finish(try connection.send(.login(registry: host, user: "user", password: "secret")))
        let refused = problem {
          _ = try connection.finish(try connection.send(.login(registry: host, user: "user", password: "wrong")))
        }
        #expect(refused?.message == "registry \(host) refused the name or password of user")
      }
      try servers.withStrangeRegistry { host in
        let connection = try servers.connect(tlsVerify: false)
        _ = try connection.finish(try connection.send(.login(registry: host, user: "user", password: "secret")))
        #expect(
          problem { _ = try connection.finish(try connection.send(.login(registry: host, user: "u", password: "x"))) }?
            .code == .denied)
      }
    }
  }

  @Test func bearerTokens() throws {
    try withServers { servers in
      try servers.withStrangeRegistry { host in
        let anonymous = try servers.connect(tlsVerify: false)
        try anonymous.fetchAll(try anonymous.resolve("\(host)/bearer/x:1"))
        let known = try servers.connect(tlsVerify: false, credentials: "user:secret")
        try known.fetchAll(try known.resolve("\(host)/private/x:1"))
        #expect(problem { _ = try anonymous.resolve("\(host)/private/x:1") }?.code == .denied)
        let wrong = problem {
          _ = try servers.connect(tlsVerify: false, credentials: "user:no").resolve("\(host)/private/x:1")
        }
        #expect(wrong?.message.contains("refused the name or password") == true)
        // the password goes to the token server only
        let leaked = try servers.requests().filter {
          $0["path"]?.string?.hasPrefix("/v2/") == true && $0["authorization"]?.string?.hasPrefix("Basic") == true
        }
        #expect(leaked.isEmpty)
      }
    }
  }

  @Test func theAuthorizationStaysWithItsHost() throws {
    try withServers { servers in
      try servers.withStrangeRegistry { host in
        let connection = try servers.connect(tlsVerify: false, credentials: "user:secret")
        try connection.fetchAll(try connection.resolve("\(host)/redirect/x:1"))
        let elsewhere = try servers.requests().filter { $0["path"]?.string?.hasPrefix("/elsewhere/") == true }
        #expect(elsewhere.count == 3)
        #expect(elsewhere.allSatisfy { $0["authorization"]?.isNull == true })
      }
    }
  }

  @Test func indexesArePlatformed() throws {
    try withServers { servers in
      try servers.withStrangeRegistry { host in
        let connection = try servers.connect(tlsVerify: false)
        let image = try connection.resolve("\(host)/multi/x:1", platform: "linux/amd64")
        #expect(image.index != nil)
        try connection.fetchAll(image)
        let missing = problem { _ = try connection.resolve("\(host)/multi/x:1", platform: "linux/s390x") }
        #expect(missing?.hint == "it has linux/amd64, linux/arm64; --platform chooses")
      }
    }
  }

  @Test(arguments: ["cut", "cutnorange"]) func aBrokenBlobGoesOn(_ mode: String) throws {
    try withServers { servers in
      try servers.withStrangeRegistry { host in
        let connection = try servers.connect(tlsVerify: false)
        try connection.fetchAll(try connection.resolve("\(host)/\(mode)/x:1"))
        let ranges = try servers.requests().compactMap { $0["range"]?.string }
        #expect(ranges.contains { $0.hasPrefix("bytes=") && $0 != "bytes=0-" })
      }
    }
  }

  @Test func aCutConnectionToDockersRegistryGoesOn() throws {
    try withServers { servers in
      try servers.withDockerRegistry { host in
        try servers.withCutter(host, afterBytes: 700_000) { cutter in
          let connection = try servers.connect(tlsVerify: false)
          try connection.fetchAll(try connection.resolve("\(cutter)/test/image:1"))
        }
      }
    }
  }

  @Test func mirrorsAliasesAndBlocks() throws {
    try withServers { servers in
      try servers.withStrangeRegistry { host in
        let text = """
          unqualified-search-registries = ["127.0.0.1:1", "\(host)"]
          short-name-mode = "permissive"
          [[registry]]
          prefix = "example.invalid/hub"
          location = "example.invalid/hub"
          [[registry.mirror]]
          location = "127.0.0.1:1"
          insecure = true
          [[registry.mirror]]
          location = "\(host)/plain"
          insecure = true
          [[registry]]
          location = "\(host)"
          insecure = true
          [[registry]]
          location = "blocked.invalid"
          blocked = true
          [aliases]
          short = "\(host)/plain/aliased"
          """
        let connection = try servers.connect(registriesConf: text)
        let mirrored = try connection.resolve("example.invalid/hub/x:1")
        #expect(mirrored.name == "example.invalid/hub/x")  // not the mirror's
        try connection.fetchAll(mirrored)
        #expect(try connection.resolve("short").name == "\(host)/plain/aliased")
        #expect(try connection.resolve("plain/searched:1").name == "\(host)/plain/searched")
        let blocked = problem { _ = try connection.resolve("blocked.invalid/x") }
        #expect(blocked?.message == "registry blocked.invalid is blocked in registries.conf")
      }
    }
  }

  @Test func aBrokenConfigurationIsEveryRequestsAnswer() throws {
    try withServers { servers in
      let connection = try servers.connect(registriesConf: "[[registry]]\nlocation = 7\n")
      let first = problem { _ = try connection.resolve("x") }
      #expect(first?.message == "\(servers.scratch)/registries.conf:2: location must be a string")
      #expect(problem { _ = try connection.resolve("x") }?.code == .invalid)
    }
  }

  @Test func aRegistryThatIsBusyIsAskedAgain() throws {
    try withServers { servers in
      try servers.withStrangeRegistry { host in
        let connection = try servers.connect(tlsVerify: false)
        try connection.fetchAll(try connection.resolve("\(host)/busy/x:1"))
        let exhausted = problem { _ = try connection.resolve("\(host)/exhausted/x:1") }
        #expect(exhausted?.hint?.contains("9999 s") == true)
      }
    }
  }
}
