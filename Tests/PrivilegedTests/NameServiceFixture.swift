import CSys
import DNSRecords
import Glibc
import Sys
import TestKit
import Testing

/// A network and mount namespace of one test's own, whose loopback has the addresses 10.1.0.1 … 10.2.0.9, with a
/// resolv.conf that names 127.0.0.1, and `berth-dns` in it.
struct NameServiceWorld {
  let scratch: String
  /// Keeps the namespaces.
  let holder: pid_t

  var directory: RecordDirectory { RecordDirectory(scratch + "/dns") }
  var pidFile: String { scratch + "/pid" }
  var resolvConf: String { scratch + "/resolv.conf" }
  var servicePid: pid_t? { (try? readText(pidFile)).flatMap { pid_t($0.trimmed) } }

  func inside(_ command: [String]) -> [String] { ["nsenter", "-t", "\(holder)", "-n", "-m", "--"] + command }

  @discardableResult func startService(_ program: String = Installed.dns) throws -> Outcome {
    try run(inside([program, "--directory", directory.path, "--pid-file", pidFile]), seconds: 20)
  }
  /// Writes one network's records, and waits until they are served.
  func serve(_ id: String, _ records: NetworkRecords?) throws {
    try directory.update(id) { records }
    if try NameServiceLauncher.ask(directory) == nil {
      let outcome = try startService()
      #expect(outcome.code == 0, "\(outcome)")
    }
  }

  struct Answer: Equatable, CustomStringConvertible {
    var status: String
    /// The last column, sorted.
    var data: [String]
    var description: String { "\(status) \(data)" }
  }
  /// dig's view: `-b` and `@` are given, the rest as dig takes it.
  func dig(_ question: String..., from client: String = "10.1.0.2", at server: String = "10.1.0.1") throws -> Answer {
    let fixed = ["dig", "+time=8", "+tries=1", "+noall", "+comments", "+answer", "-b", client, "@\(server)"]
    let outcome = try run(inside(fixed + question), seconds: 30)
    let status = outcome.text.split(separator: "status: ").dropFirst().last?.prefix { $0 != "," } ?? "none"
    let rows = outcome.lines.filter { !$0.hasPrefix(";") }
    return Answer(
      status: String(status),
      data: rows.compactMap { $0.split(whereSeparator: \.isWhitespace).last.map(String.init) }
        .sorted())
  }

  /// A misbehaving server on 127.0.0.1 or another address, and what it printed.
  func withPeer<R>(_ address: String, _ answer: String, _ body: (_ said: () throws -> String) throws -> R) throws -> R {
    let script = parentPath(of: parentPath(of: #filePath)) + "/Fixtures/dnspeer.py"
    let output = try temporaryFile()
    let number = output.borrowed
    let peer = try start(inside(["python3", script, address, answer]), output: number, errors: 2)
    defer {
      try? peer.signal(SIGKILL)
      _ = try? peer.wait()
    }
    func said() throws -> String {
      var bytes = [UInt8](repeating: 0, count: 64 << 10)
      let count = try check(csys_pread(number, &bytes, bytes.count, 0))
      return String(decoding: bytes[..<count], as: UTF8.self)
    }
    #expect(try eventually(10) { try said().contains("ready") }, "the peer does not start")
    return try body(said)
  }

  static func address(_ text: String) throws -> HostAddress { try #require(HostAddress(text)) }
  /// `front` at 10.1.0.1: web (10.1.0.2, also on `back`), and db and db2 under the alias `data`.
  static func front(upstreams: [String] = [], dbAddress: String = "10.1.0.3") throws -> NetworkRecords {
    NetworkRecords(
      name: "front", listenAddresses: [try address("10.1.0.1"), try address("fd01::1")],
      upstreams: try upstreams.map(address),
      containers: [
        .init(
          id: String(repeating: "ab", count: 32), name: "web", hostname: "webhost",
          addresses: [try address("10.1.0.2"), try address("fd01::2")]),
        .init(id: "db1", name: "db", aliases: ["data"], addresses: [try address(dbAddress)]),
        .init(id: "db2", name: "db2", aliases: ["data"], addresses: [try address("10.1.0.4")]),
      ])
  }
  /// `back` at 10.2.0.1, internal: web (10.2.0.2) and secret (10.2.0.3).
  static func back() throws -> NetworkRecords {
    NetworkRecords(
      name: "back", isInternal: true, listenAddresses: [try address("10.2.0.1")],
      containers: [
        .init(id: String(repeating: "ab", count: 32), name: "web", addresses: [try address("10.2.0.2")]),
        .init(id: "se1", name: "secret", addresses: [try address("10.2.0.3")]),
      ])
  }
}

/// Makes the namespaces and takes everything down again; the service must be gone by SIGTERM.
func withNameServiceWorld(_ name: String = #function, _ body: (NameServiceWorld) throws -> Void) throws {
  try withScratch(name) { scratch in
    try replaceFile(scratch + "/resolv.conf", with: Array("nameserver 127.0.0.1\n".utf8), durable: false)
    try makeDirectories(scratch + "/run")
    var script =
      "set -e; ip link set lo up; ip -6 addr add fd01::1/64 dev lo nodad; ip -6 addr add fd01::2 dev lo nodad\n"
    for network in 1...2 {
      for host in 1...9 { script += "ip addr add 10.\(network).0.\(host)/32 dev lo\n" }
    }
    script += "mount --bind \(scratch)/resolv.conf /etc/resolv.conf; echo made >\(scratch)/made; exec sleep 600"
    let holder = try start(["unshare", "-n", "-m", "sh", "-c", script], errors: 2)
    defer {
      try? holder.signal(SIGKILL)
      _ = try? holder.wait()
    }
    #expect(eventually(10) { exists(scratch + "/made") }, "no namespaces")
    let world = NameServiceWorld(scratch: scratch, holder: holder.pid)
    let outcome: Result<Void, any Error>
    do { outcome = .success(try body(world)) } catch { outcome = .failure(error) }
    if let pid = world.servicePid { _ = csys_kill(pid, SIGTERM) }
    #expect(eventually(5) { processes(mentioning: scratch + "/dns").isEmpty }, "the service stays")
    try outcome.get()
  }
}
