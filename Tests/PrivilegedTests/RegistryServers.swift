import CSys
import Digests
import Glibc
import JSON
import Problems
import RegistryProtocol
import Sys
import TestKit
import Testing

/// Servers of one test, on free ports of loopback; they end with it.
struct RegistryServers {
  let scratch: String
  private static let script = parentPath(of: parentPath(of: #filePath)) + "/Fixtures/registry.py"

  /// Starts Fixtures/registry.py and waits for the port that it prints.
  private func withScript<R>(_ arguments: [String], _ body: (Int) throws -> R) throws -> R {
    let pipe = try Pipe.make()
    let child = try start(["python3", Self.script] + arguments, output: pipe.writer.borrowed, errors: 2)
    let reader = pipe.closingWriter()
    defer { stop(child) }
    var text: [UInt8] = []
    while !text.contains(10) {
      var chunk = [UInt8](repeating: 0, count: 64)
      let count = try chunk.withUnsafeMutableBytes { try Sys.read(reader, into: $0) }
      guard count > 0 else { throw ServerFailure(description: "registry.py ended") }
      text += chunk[..<count]
    }
    let port = try #require(Int(String(decoding: text, as: UTF8.self).trimmed))
    return try body(port)
  }
  private func stop(_ child: borrowing ChildProcess) {
    try? child.signal(SIGKILL)
    _ = try? child.wait()
  }

  /// The registry that misbehaves on request. The body gets its `host:port`.
  func withStrangeRegistry<R>(_ body: (String) throws -> R) throws -> R {
    try withScript(["serve", log]) { try body("127.0.0.1:\($0)") }
  }
  /// A proxy in front of `registry` that cuts two of three connections after `bytes`.
  func withCutter<R>(_ registry: String, afterBytes bytes: Int, _ body: (String) throws -> R) throws -> R {
    let port = registry.split(separator: ":").last.map(String.init) ?? ""
    return try withScript(["cut", port, "\(bytes)"]) { try body("127.0.0.1:\($0)") }
  }
  /// An HTTP proxy for `user:secret` that leads every name to `registry`.
  func withProxy<R>(_ registry: String, _ body: (String) throws -> R) throws -> R {
    let port = registry.split(separator: ":").last.map(String.init) ?? ""
    return try withScript(["proxy", port, log]) { try body("127.0.0.1:\($0)") }
  }
  private var log: String { scratch + "/requests.log" }
  /// What the strange registry was asked.
  func requests() throws -> [JSON] { try readText(log).split(separator: "\n").map { try JSON.parse(String($0)) } }

  /// Docker's own registry, with an image `test/image:1` in it.
  func withDockerRegistry<R>(
    tls: Bool = false, clientCertificates: Bool = false, password: Bool = false, _ body: (String) throws -> R
  ) throws -> R {
    let port = try freePort()
    let host = tls ? "localhost:\(port)" : "127.0.0.1:\(port)"
    let clients = clientCertificates ? ", clientcas: [\(authorities)/ca.crt]" : ""
    let configuration = """
      version: 0.1
      log: {level: error, accesslog: {disabled: true}}
      storage: {filesystem: {rootdirectory: \(scratch)/registry-\(port)}}
      http:
        addr: 127.0.0.1:\(port)
      \(tls ? "  tls: {certificate: \(scratch)/certs/server.crt, key: \(scratch)/certs/server.key\(clients)}" : "")
      \(password ? "auth: {htpasswd: {realm: test, path: \(scratch)/htpasswd}}" : "")
      """
    try replaceFile("\(scratch)/registry-\(port).yml", with: Array(configuration.utf8), durable: false)
    if tls { try makeCertificates() }
    if password {
      let line = try run(["htpasswd", "-Bbn", "user", "secret"])
      try replaceFile("\(scratch)/htpasswd", with: line.output, durable: false)
    }
    let child = try start(["docker-registry", "serve", "\(scratch)/registry-\(port).yml"], errors: 2)
    defer { stop(child) }
    let isUp = eventually(20) { reaches(port) }
    #expect(isUp, "docker-registry does not answer")
    try push(to: host, password: password)
    return try body(host)
  }

  /// The image `test` as an OCI layout, for skopeo: `layout` in the scratch directory.
  func writeLayout() throws {
    if !exists("\(scratch)/layout") { try run(["python3", Self.script, "layout", "\(scratch)/layout"]) }
  }

  private func push(to host: String, password: Bool) throws {
    try writeLayout()
    var command = ["skopeo", "copy", "-q"]
    command += exists(authoritiesAndClient) ? ["--dest-cert-dir", authoritiesAndClient] : ["--dest-tls-verify=false"]
    if password { command += ["--dest-creds", "user:secret"] }
    let pushed = try run(command + ["oci:\(scratch)/layout:test", "docker://\(host)/test/image:1"])
    #expect(pushed.code == 0, "\(pushed)")
  }

  /// A CA of one test's own (certs/ca/ca.crt) and a server certificate for localhost.
  private func makeCertificates() throws {
    let directory = scratch + "/certs"
    if exists(directory) { return }
    try makeDirectories(directory + "/ca")
    try makeDirectories(authoritiesAndClient)
    let commands = [
      "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test-ca "
        + "-keyout \(directory)/ca.key -out \(directory)/ca/ca.crt",
      "req -newkey rsa:2048 -nodes -subj /CN=localhost -addext subjectAltName=DNS:localhost "
        + "-keyout \(directory)/server.key -out \(directory)/server.csr",
      "x509 -req -in \(directory)/server.csr -CA \(directory)/ca/ca.crt -CAkey \(directory)/ca.key -CAcreateserial "
        + "-days 2 -copy_extensions copy -out \(directory)/server.crt",
      "req -newkey rsa:2048 -nodes -subj /CN=client -keyout \(authoritiesAndClient)/me.key -out \(directory)/me.csr",
      "x509 -req -in \(directory)/me.csr -CA \(directory)/ca/ca.crt -CAkey \(directory)/ca.key -CAcreateserial "
        + "-days 2 -out \(authoritiesAndClient)/me.cert",
    ]
    for command in commands {
      let outcome = try run(["openssl"] + command.split(separator: " ").map(String.init))
      #expect(outcome.code == 0, "\(outcome)")
    }
    try run(["cp", authorities + "/ca.crt", authoritiesAndClient])
  }
  /// The CA together with a client's certificate.
  var authoritiesAndClient: String { scratch + "/certs/client" }
  var authorities: String { scratch + "/certs/ca" }

  // MARK: the program under test

  /// A running berth-registry that sees no configuration of this machine's user.
  func connect(
    tlsVerify: Bool? = nil, authorities: String? = nil, registriesConf: String? = nil, credentials: String? = nil,
    extra: [String] = []
  ) throws -> RegistryConnection {
    var options = RegistryOptions(
      program: Installed.registry,
      environment: ["PATH=/usr/bin:/bin", "HOME=\(scratch)", "XDG_RUNTIME_DIR=\(scratch)/run"] + extra)
    options.tlsVerify = tlsVerify
    options.certificateDirectory = authorities
    options.credentials = credentials.flatMap(Credentials.init(parsing:))
    if let registriesConf {
      let path = "\(scratch)/registries.conf"
      try replaceFile(path, with: Array(registriesConf.utf8), durable: false)
      options.registriesConfiguration = path
    }
    return try RegistryConnection(options)
  }
}

struct ServerFailure: Error, CustomStringConvertible {
  let description: String
}

/// Whether somebody listens on a port of loopback.
private func reaches(_ port: Int) -> Bool { (try? run(["python3", "-c", connectScript, "\(port)"]).code) == 0 }
private let connectScript = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])), 1)"

private func freePort() throws -> Int {
  let outcome = try run([
    "python3", "-c", "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])",
  ])
  return try #require(Int(outcome.trimmed))
}

extension RegistryConnection {
  func resolve(_ reference: String, platform: String? = nil) throws -> ResolvedImage {
    guard case .resolved(let image) = try finish(try send(.resolve(reference: reference, platform: platform))) else {
      throw ServerFailure(description: "resolve was answered with something else")
    }
    return image
  }

  /// Fetches config and layers, all at once, and checks every digest. - Returns: the number of bytes.
  @discardableResult
  func fetchAll(_ image: ResolvedImage) throws -> Int {
    let manifest = try JSON.parse(image.manifest)
    let config = try #require(manifest["config"])
    let bytes = try fetch(image.name, config, .config)
    #expect(Digest(of: bytes).description == config["digest"]?.string)
    var total = bytes.count
    for layer in try #require(manifest["layers"]?.array) {
      let bytes = try fetch(image.name, layer, .layer)
      #expect(Digest(of: bytes).description == layer["digest"]?.string)
      total += bytes.count
    }
    return total
  }

  func fetch(_ name: String, _ descriptor: JSON, _ kind: RegistryRequest.BlobRequest.Kind) throws -> [UInt8] {
    let blob = RegistryRequest.BlobRequest(
      name: name, digest: try #require(descriptor["digest"]?.string), size: try #require(descriptor["size"]?.integer()),
      kind: kind)
    if kind == .config {
      guard case .done(_, let payload?) = try finish(try send(.blob(blob))) else {
        throw ServerFailure(description: "no payload")
      }
      return payload
    }
    let pipe = try Pipe.make()
    let id = try send(.blob(blob), descriptor: pipe.writer.borrowed)
    let reader = pipe.closingWriter()
    var result: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 256 << 10)
    try reader.setNonBlocking()
    var end: RegistryEvent?
    while true {  // as the engine does: the pipe and the events in turn
      let count = chunk.withUnsafeMutableBytes { csys_read(reader.borrowed, $0.baseAddress, $0.count) }
      if count > 0 { result += chunk[..<count] } else if count == 0 { break }
      if count < 0, let next = try nextEvent(timeout: .milliseconds(5)), next.id == id, next.event.isLast {
        end = next.event
      }
    }
    if case .failed(let problem)? = end { throw problem }
    if end == nil { _ = try finish(id) }
    return result
  }
}
