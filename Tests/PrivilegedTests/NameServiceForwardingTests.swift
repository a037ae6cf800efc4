import CSys
import DNSRecords
import Glibc
import Sys
import TestKit
import Testing

private typealias Answer = NameServiceWorld.Answer

/// Questions about the rest of the world; the servers are Debian's dnsmasq and a Python script. covers PD-144
@Suite(.needs(.root), .needs(.installed), .needs(.program("dig")), .needs(.program("dnsmasq")))
struct NameServiceForwardingTests {
  /// dnsmasq on one address of the namespace, with an answer for all of example.test and a TXT record of 3 KB.
  private func withDnsmasq(_ world: NameServiceWorld, _ address: String, _ body: () throws -> Void) throws {
    // dnsmasq's lines are short: sixteen records make the reply long
    let big = (0..<16).map { "txt-record=big.test," + String(repeating: "abcdefghi\($0 % 10)", count: 19) }
    let configuration = """
      no-resolv
      no-hosts
      no-daemon
      bind-interfaces
      listen-address=\(address)
      address=/example.test/192.0.2.7
      \(big.joined(separator: "\n"))
      edns-packet-max=1232
      user=root
      pid-file=

      """
    let path = world.scratch + "/dnsmasq-\(address).conf"
    try replaceFile(path, with: Array(configuration.utf8), durable: false)
    let server = try start(world.inside(["dnsmasq", "-C", path]))
    defer {
      try? server.signal(SIGKILL)
      _ = try? server.wait()
    }
    let ready = try eventually(10) { try world.dig("example.test", from: "127.0.0.1", at: address).status == "NOERROR" }
    #expect(ready, "dnsmasq does not start")
    try body()
  }

  @Test func byDatagramAndByStream() throws {
    try withNameServiceWorld { world in
      try withDnsmasq(world, "127.0.0.1") {
        try world.serve("f1", NameServiceWorld.front())
        let known = Answer(status: "NOERROR", data: ["192.0.2.7"])
        #expect(try world.dig("a.example.test") == known)
        #expect(try world.dig("a.example.test", "+tcp") == known)
        #expect(try world.dig("a.example.test", "+noedns") == known)
        #expect(try world.dig("a.example.test", from: "fd01::2", at: "fd01::1") == known)
        #expect(try world.dig("x.other.test").status == "REFUSED")  // dnsmasq's own word
        // too long for a datagram: the flag arrives, and dig comes again by TCP
        let short = try run(world.inside(["dig", "+ignore", "-b", "10.1.0.2", "@10.1.0.1", "big.test", "TXT"]))
        #expect(short.text.contains(" tc"), "\(short)")
        let whole = try run(world.inside(["dig", "+short", "-b", "10.1.0.2", "@10.1.0.1", "big.test", "TXT"]))
        #expect(whole.text.utf8.count > 3000 && whole.text.contains("abcdefghi5"), "\(whole)")
      }
    }
  }

  @Test func theNextServerIsAsked() throws {
    try withNameServiceWorld { world in
      try withDnsmasq(world, "127.0.0.2") {
        try world.withPeer("127.0.0.3", "192.0.2.99") { said in
          // nobody listens on the first, the second says nothing or fails, the third answers
          try world.serve("f1", NameServiceWorld.front(upstreams: ["127.0.0.9", "127.0.0.3", "127.0.0.2"]))
          let known = Answer(status: "NOERROR", data: ["192.0.2.7"])
          #expect(try world.dig("fail.example.test") == known)
          #expect(try world.dig("silent.example.test") == known)
          #expect(try world.dig("good.example.test") == Answer(status: "NOERROR", data: ["192.0.2.99"]))
          #expect(try world.dig("good.example.test", "+tcp") == known)  // the peer has no TCP
          #expect(try said().contains("asked silent.example.test"))
          try world.serve("f1", NameServiceWorld.front(upstreams: ["127.0.0.9"]))
          #expect(try world.dig("good.example.test") == Answer(status: "SERVFAIL", data: []))
          #expect(try world.dig("good.example.test", "+tcp") == Answer(status: "SERVFAIL", data: []))
        }
      }
    }
  }

  @Test func forgedRepliesAreNotBelieved() throws {
    try withNameServiceWorld { world in
      try world.withPeer("127.0.0.1", "192.0.2.99") { said in
        try world.serve("f1", NameServiceWorld.front())
        for _ in 0..<3 {
          #expect(try world.dig("forged.example.test") == Answer(status: "NOERROR", data: ["192.0.2.99"]))
        }
        for number in 0..<20 { _ = try world.dig("n\(number).example.test") }
        let asked = try said().split(separator: "\n").filter { $0.hasPrefix("asked n") }.map {
          $0.split(separator: " ")
        }
        #expect(Set(asked.map { $0[2] }).count > 15, "ids repeat")
        #expect(Set(asked.map { $0[3] }).count > 15, "ports repeat")
      }
    }
  }

  @Test func ownServersInternalNetworksAndNobodyToAsk() throws {
    try withNameServiceWorld { world in
      try world.withPeer("127.0.0.1", "192.0.2.1") { _ in
        try world.withPeer("127.0.0.4", "192.0.2.4") { said in
          var front = try NameServiceWorld.front()
          front.containers[1].upstreams = [try NameServiceWorld.address("127.0.0.4")]
          try world.serve("f1", front)
          try world.serve("b1", NameServiceWorld.back())
          #expect(try world.dig("a.test").data == ["192.0.2.1"])
          #expect(try world.dig("a.test", from: "10.1.0.3").data == ["192.0.2.4"])
          #expect(try world.dig("a.test", from: "10.2.0.3", at: "10.2.0.1") == Answer(status: "NXDOMAIN", data: []))
          // web is on an outside network, too
          #expect(try world.dig("a.test", from: "10.2.0.2", at: "10.2.0.1").data == ["192.0.2.1"])
          #expect(try said().split(separator: "\n").filter { $0.hasPrefix("asked") }.count == 1)
          try world.serve("f1", NameServiceWorld.front(upstreams: ["10.1.0.1", "10.2.0.1"]))  // ourselves only
          #expect(try world.dig("a.test") == Answer(status: "SERVFAIL", data: []))
        }
      }
    }
  }

  @Test func systemdsStubIsSeenThrough() throws {
    try withNameServiceWorld { world in
      try world.withPeer("127.0.0.5", "192.0.2.5") { _ in
        try replaceFile(world.scratch + "/real", with: Array("nameserver 127.0.0.5\n".utf8), durable: false)
        let prepared = try run(
          world.inside([
            "sh", "-c",
            "mount -t tmpfs none /run && mkdir -p /run/systemd/resolve && cp \(world.scratch)/real "
              + "/run/systemd/resolve/resolv.conf && echo nameserver 127.0.0.53 >/etc/resolv.conf",
          ]))
        #expect(prepared.code == 0, "\(prepared)")
        try world.serve("f1", NameServiceWorld.front())
        #expect(try world.dig("a.test").data == ["192.0.2.5"])
      }
    }
  }

  @Test func aQuestionOnItsWaySurvivesAChange() throws {
    try withNameServiceWorld { world in
      try world.withPeer("127.0.0.1", "192.0.2.1") { said in
        try world.serve("f1", NameServiceWorld.front())
        let output = try temporaryFile()
        let dig = try start(
          world.inside(["dig", "+short", "+tries=1", "-b", "10.1.0.2", "@10.1.0.1", "slow.test"]),
          output: output.borrowed)
        #expect(try eventually { try said().contains("asked slow.test") })
        try world.serve("b1", NameServiceWorld.back())
        try world.serve("f1", nil)
        #expect(try dig.wait() == .exited(code: 0))
        #expect(String(decoding: try rewound(output), as: UTF8.self).trimmed == "192.0.2.1")
      }
    }
  }
}
