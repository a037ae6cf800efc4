import Glibc
import Sys
import TestKit
import Testing

/// Named networks of a user without privilege: bridges in one namespace of the user's own.
@Suite(.needs(.root), .needs(.installed), .serialized) struct RootlessNetworkTests {
  private static let serve = "echo served >/tmp/index.html; exec httpd -f -p 80 -h /tmp"
  private func fetch(_ port: Int) throws -> String {
    try TestKit.run(["curl", "-s", "http://127.0.0.1:\(port)/"]).text
  }

  private func gateway(_ user: OrdinaryUser) throws -> pid_t {
    let text = try readText(user.runtimeDirectory + "/berth/network/slirp.pid")
    return try #require(pid_t(text.split(whereSeparator: \.isWhitespace).first ?? ""))
  }

  // covers PD-143, PD-136, PD-137, PD-139, PD-140, PD-144
  @Test func namesAndPortsOfANetwork() throws {
    try OrdinaryUser.with { user in
      try user.importBusybox()
      try user.ok("network", "create", "lan")
      let port = 20000 + Int.random(in: 0..<10000)
      try user.ok(
        "run", "-d", "--name", "web", "--network", "lan", "-p", "127.0.0.1:\(port):80", "busybox", "sh", "-c",
        Self.serve)
      try user.ok("run", "-d", "--name", "other", "--network", "lan", "busybox", "sleep", "100")
      #expect(try eventually(10) { try fetch(port) == "served\n" })
      for (from, to) in [("other", "web"), ("web", "other")] {
        let address = try user.ok("inspect", "--format", "{{.NetworkSettings.Networks.lan.IPAddress}}", to)
        let answer = try user.ok("exec", from, "nslookup", "\(to).dns.berth")
        #expect(!address.isEmpty && answer.contains(address), "\(answer)")
      }
      let request = "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc web 80"
      #expect(try user.ok("exec", "other", "sh", "-c", request).contains("served"))

      let taken = try user.berth("run", "--rm", "--network", "lan", "-p", "127.0.0.1:\(port):80", "busybox", "true")
      #expect(taken.code == 125 && taken.errorText.contains("web"), "\(taken)")
      try user.ok("network", "create", "second")
      try user.ok("network", "connect", "second", "other")
      #expect(try user.ok("exec", "other", "ip", "-o", "-4", "address").contains("eth1"))
      try user.ok("network", "disconnect", "second", "other")
      #expect(try !user.ok("exec", "other", "ip", "-o", "-4", "address").contains("eth1"))

      try user.ok("restart", "-t", "0", "web")
      #expect(try eventually(10) { try fetch(port) == "served\n" })
      try user.ok("rm", "-f", "-t", "0", "web")
      #expect(try fetch(port).isEmpty)
      let pid = try gateway(user)
      #expect(exists("/proc/\(pid)"))
      try user.ok("rm", "-f", "-t", "0", "other")
      // Nobody may have collected its exit code yet: then its command line is empty.
      #expect(
        try !exists("/proc/\(pid)/cmdline") || readText("/proc/\(pid)/cmdline").isEmpty,
        "the way out ends with the last container")
      try user.ok("network", "rm", "lan", "second")
    }
  }

  // covers PD-143, PD-130, G.24
  @Test func mapsRefusalsAndADeadGateway() throws {
    try OrdinaryUser.with { user in
      try user.importBusybox()
      let keep = [
        "run", "--rm", "--userns", "keep-id", "--network", "bridge", "--sysctl", "net.ipv4.conf.eth0.rp_filter=2",
        "busybox", "sh", "-c", "id -u; cat /proc/sys/net/ipv4/conf/eth0/rp_filter; ip -4 -o a",
      ]
      let kept = try user.run([Installed.berth] + keep)
      #expect(
        kept.code == 0 && kept.text.hasPrefix("\(OrdinaryUser.uid)\n2\n") && kept.text.contains("eth0"), "\(kept)")
      let port = 20000 + Int.random(in: 0..<10000)
      let publish = ["-p", "\(port):80", "busybox", "sh", "-c", Self.serve]
      #expect(try user.run([Installed.berth, "run", "-d", "--name", "web", "--network", "bridge"] + publish).code == 0)
      #expect(try eventually(10) { try fetch(port) == "served\n" })
      _ = kill(try gateway(user), SIGKILL)
      #expect(try eventually(10) { try fetch(port).isEmpty })
      try user.ok("network", "reload", "web")
      #expect(try eventually(10) { try fetch(port) == "served\n" }, "its way out is back, and its port")
      let macvlan = try user.berth("network", "create", "-d", "macvlan", "m")
      #expect(macvlan.code == 125 && macvlan.errorText.contains("Operation not permitted"), "\(macvlan)")
      let six = try user.berth("run", "--rm", "--network", "bridge", "-p", "[::1]:\(port):80", "busybox", "true")
      #expect(six.code == 125 && six.errorText.contains("no IPv6 address"), "\(six)")
      try user.ok("network", "create", "--ipv6", "dual")
      let only = try user.berth("run", "--rm", "--network", "dual", "-p", "[::1]:\(port + 1):80", "busybox", "true")
      #expect(only.code == 125 && only.errorText.contains("on IPv4 only"), "\(only)")
    }
  }

  // covers PD-143: a command that is killed while it makes the way out leaves none that nobody ends
  @Test func killedWhileTheGatewayStarts() throws {
    try OrdinaryUser.with { user in
      try user.importBusybox()
      try user.ok("network", "create", "lan")
      let namespace = user.runtimeDirectory + "/berth/network/netns"
      for hundredths in 2..<20 {
        let limit = hundredths < 10 ? "0.0\(hundredths)" : "0.\(hundredths)"
        _ = try user.run(
          ["timeout", "-s", "KILL", limit, Installed.berth, "run", "--rm", "--network", "lan", "busybox", "true"])
        try user.ok("rm", "-f", "-a", "-t", "0")
        #expect(try user.ok("run", "--rm", "--network", "lan", "busybox", "echo", "on") == "on")

        let alive = processes(mentioning: namespace)
        #expect(alive.isEmpty, "after \(limit) s: \(alive)")
      }
    }
  }

  // covers PD-137, PD-143: who holds a port is told, and nothing of the others is touched
  @Test func portsThatCannotBePublished() throws {
    try OrdinaryUser.with { user in
      try user.importBusybox()
      let port = 20000 + Int.random(in: 0..<10000)
      func publish(_ name: String, _ port: String) throws -> Outcome {
        try user.berth(
          "run", "-d", "--name", name, "--network", "bridge", "-p", port, "busybox", "sh", "-c", Self.serve)
      }
      #expect(try publish("web", "127.0.0.1:\(port):80").code == 0)
      #expect(try eventually(10) { try fetch(port) == "served\n" })
      let other = try publish("a", "127.0.0.2:\(port):80")
      #expect(other.code == 125 && other.errorText.contains("container web"), "\(other)")
      let sctp = try publish("b", "\(port + 1):80/sctp")
      #expect(sctp.code == 125 && sctp.errorText.contains("slirp4netns forwards tcp and udp"), "\(sctp)")
      let low = try publish("c", "127.0.0.1:81:80")
      #expect(low.code == 125 && low.errorText.contains("ip_unprivileged_port_start=81"), "\(low)")
      #expect(try fetch(port) == "served\n", "the refused ones took nothing away")
      #expect(try user.ok("port", "web").contains("127.0.0.1:\(port)"))
    }
  }

  // covers PD-136, PD-137, PD-138, PD-142: pasta's ports, of both families, and what does not fit it
  @Test func portsAndRefusalsOfPasta() throws {
    try OrdinaryUser.with { user in
      try user.importBusybox()
      let port = 20000 + Int.random(in: 0..<10000)
      let six = "\(port + 1)"
      // pasta has IPv6 where the host has a way out by it; elsewhere such a port is refused.
      let hasSixth = try !TestKit.run(["ip", "-6", "route", "show", "default"]).text.isEmpty
      let sixth = ["-p", "[::1]:\(six):80"]
      let web = try user.run(
        [Installed.berth, "run", "-d", "--name", "web", "-p", "\(port):80"] + (hasSixth ? sixth : [])
          + ["busybox", "sh", "-c", Self.serve])
      #expect(web.code == 0, "\(web)")
      #expect(try eventually(10) { try fetch(port) == "served\n" })
      if hasSixth {
        #expect(try TestKit.run(["curl", "-s", "http://[::1]:\(six)/"]).text == "served\n")
        #expect(try user.ok("port", "web", "80") == "0.0.0.0:\(port)\n[::1]:\(six)")
      } else {
        let none = try user.run([Installed.berth, "run", "--rm"] + sixth + ["busybox", "true"])
        #expect(none.code == 125 && none.errorText.contains("interface for IPv6"), "\(none)")
        #expect(try user.ok("port", "web", "80") == "0.0.0.0:\(port)")
      }
      func refused(_ word: String, _ flags: String...) throws {
        let outcome = try user.run([Installed.berth, "run", "--rm"] + flags + ["busybox", "true"])
        #expect(outcome.code == 125 && outcome.errorText.contains(word), "\(outcome)")
      }
      try refused("container web", "-p", "\(port):80")
      try refused("ip_unprivileged_port_start=81", "-p", "127.0.0.1:81:80")
      try refused("--ip does not fit --network pasta", "--ip", "10.0.0.2")
      try refused("--network-alias does not fit", "--network-alias", "a")
      try refused("unrecognized option '--bogus'", "--network", "pasta:--bogus")
    }
  }
}
