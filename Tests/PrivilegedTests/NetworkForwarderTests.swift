import Sys
import TestKit
import Testing

/// slirp4netns as the network of a container.
@Suite(.needs(.root), .needs(.installed), .needs(.program("slirp4netns"))) struct NetworkForwarderTests {
  private static let serve = "echo served >/tmp/index.html; exec httpd -f -p 80 -h /tmp"

  // covers PD-136, PD-137, PD-142
  @Test func slirpForRoot() throws {
    try withEngine { engine in
      try engine.importBusybox()
      func page(_ port: Int) throws -> String {
        try engine.host("curl", "-sS", "-m", "2", "http://127.0.0.1:\(port)/").trimmed
      }
      try engine.ok(
        "run", "-d", "--name", "c", "--network", "slirp4netns:cidr=10.7.0.0/24", "-p", "8080:80", "-p",
        "127.0.0.1:8090-8095:80", "busybox", "sh", "-c", Self.serve)
      #expect(try eventually(10) { try page(8080) == "served" })
      #expect(try page(8090) == "served")
      #expect(try engine.ok("exec", "c", "ip", "-o", "addr").contains("10.7.0.100/24"))
      #expect(try engine.ok("exec", "c", "cat", "/etc/resolv.conf").contains("nameserver 10.7.0.3"))
      #expect(try engine.ok("inspect", "-f", "{{.HostConfig.NetworkMode}}", "c") == "slirp4netns:cidr=10.7.0.0/24")
      let connect = try engine.berth("network", "connect", "berth", "c")
      #expect(connect.code == 125 && connect.errorText.contains("invalid network mode"), "\(connect)")
      let taken = try engine.berth("run", "--rm", "--network", "slirp4netns", "-p", "8080:80", "busybox", "true")
      #expect(taken.code == 125 && taken.errorText.contains("container c"), "\(taken)")
      try engine.ok("restart", "-t", "0", "c")
      #expect(try eventually(10) { try page(8080) == "served" }, "after a restart, too")
      try engine.ok("rm", "-f", "-t", "0", "c")
      #expect(try eventually(10) { try engine.host("curl", "-s", "http://127.0.0.1:8080/").code != 0 })
      let bad = try engine.berth("run", "--rm", "--network", "slirp4netns:colour=red", "busybox", "true")
      #expect(bad.code == 125 && bad.errorText.contains("colour"), "\(bad)")
      let sctp = try engine.berth("run", "--rm", "--network", "slirp4netns", "-p", "80:80/sctp", "busybox", "true")
      #expect(sctp.code == 125 && sctp.errorText.contains("slirp4netns forwards tcp and udp"), "\(sctp)")
    }
  }

  // covers PD-142, PD-164: for a user without privilege; a missing program is named
  @Test func slirpForAUser() throws {
    try OrdinaryUser.with { user in
      try user.importBusybox()
      let port = 20000 + Int.random(in: 0..<10000)
      try user.ok(
        "run", "-d", "--name", "web", "--network", "slirp4netns", "-p", "127.0.0.1:\(port):80", "busybox", "sh", "-c",
        Self.serve)
      let url = "http://127.0.0.1:\(port)/"
      #expect(try eventually(10) { try TestKit.run(["curl", "-s", url]).text == "served\n" })
      try user.ok("rm", "-f", "-t", "0", "web")
      #expect(try eventually(10) { try TestKit.run(["curl", "-s", url]).code != 0 })
    }
  }
}
