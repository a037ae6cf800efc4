import JSON
import Sys
import TestKit
import Testing

/// A container that serves its own word on port 80, and who asked for it below /cgi-bin/who.
let webScript = """
  mkdir -p /w/cgi-bin; echo "$WORD" >/w/index.html
  printf '#!/bin/sh\\necho; echo $REMOTE_ADDR\\n' >/w/cgi-bin/who; chmod +x /w/cgi-bin/who
  exec httpd -f -p 80 -h /w
  """

extension TestEngine {
  /// Starts a web server; answers its ID when it answers.
  @discardableResult
  func web(_ name: String, _ flags: String...) throws -> String {
    let id = try berth(
      ["run", "-d", "--name", name, "-e", "WORD=\(name)"] + flags + ["localhost/busybox", "sh", "-c", webScript])
    #expect(id.code == 0, "\(id)")
    #expect(try eventually(10) { try fetch(name, "127.0.0.1") == name })
    return id.trimmed
  }
  /// What a container gets from a web server: the last line. (Debian's static busybox has a wget that crashes.)
  func fetch(_ container: String, _ address: String, _ port: Int = 80) throws -> String {
    let script = "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 3 \(address) \(port) | tail -n 1"
    return try berth("exec", container, "sh", "-c", script).trimmed
  }
  func address(of container: String, _ network: String = "berth", field: String = "IPAddress") throws -> String {
    try ok("inspect", "-f", "{{(index .NetworkSettings.Networks \"\(network)\").\(field)}}", container)
  }
  /// Our table's name in nft(8).
  var table: String {
    let hash = root.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
    return "berth-" + String(hash, radix: 16)
  }
  func elements(of set: String) throws -> String {
    let text = try host("nft", "-j", "list", "set", "inet", table, set).text
    let other = try host("nft", "-j", "list", "map", "inet", table, set).text
    let json = try JSON.parse(text.isEmpty ? other : text)
    let found = (json["nftables"]?.array ?? []).compactMap { $0["set"] ?? $0["map"] }.first
    return found?["elem"]?.text() ?? ""
  }
  /// Host sides of containers' interfaces.
  func veths() throws -> [String] {
    let links = try JSON.parse(try host("ip", "-j", "link", "show", "type", "veth").text)
    return (links.array ?? []).compactMap { $0["ifname"]?.string }.filter { $0.hasPrefix("veth") }
  }
}

extension TestNamespace {
  func curl(_ url: String) throws -> String { try run("curl", "-sS", "-m", "4", url).trimmed }
}

/// Another host, 192.0.2.2 and 2001:db8::2, on a wire to the engine's, 192.0.2.1 and 2001:db8::1.
func withNeighbour(_ engine: TestEngine, _ body: (borrowing TestNamespace) throws -> Void) throws {
  try withNamespace { other in
    try engine.host("ip", "link", "add", "wan", "type", "veth", "peer", "name", "lan", "netns", "\(other.pid)")
    for (family, own, theirs) in [("-4", "192.0.2.1/24", "192.0.2.2/24"), ("-6", "2001:db8::1/64", "2001:db8::2/64")] {
      let flags = family == "-6" ? ["nodad"] : []
      try TestKit.run(engine.beside(["ip", "addr", "add", own, "dev", "wan"] + flags))
      try TestKit.run(TestNamespace.entering(other.pid, ["ip", "addr", "add", theirs, "dev", "lan"] + flags))
    }
    try engine.host("ip", "link", "set", "wan", "up")
    try other.run("ip", "link", "set", "lan", "up")
    try body(other)
  }
}
