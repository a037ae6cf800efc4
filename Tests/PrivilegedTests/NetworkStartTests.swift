import Sys
import TestKit
import Testing

/// What of the network is there when a container starts, and what changes while it runs.
@Suite(.needs(.root), .needs(.installed), .needs(.program("python3"))) struct NetworkStartTests {
  // covers PD-136: the interfaces are there before the runtime, so that its sysctls find them
  @Test func settingsOfTheInterface() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let seen = try engine.ok(
        "run", "--rm", "--sysctl", "net.ipv4.conf.eth0.rp_filter=2", "--sysctl", "net.ipv4.conf.all.log_martians=1",
        "busybox", "sh", "-c", "cd /proc/sys/net/ipv4/conf; cat eth0/rp_filter all/log_martians; ip -o addr show lo")
      #expect(seen.hasPrefix("2\n1\n") && seen.contains("127.0.0.1/8"), "\(seen)")
      let wrong = try engine.berth(
        "run", "--name", "wrong", "--sysctl", "net.ipv4.conf.eth7.rp_filter=2", "busybox", "true")
      #expect(wrong.code == 125 || wrong.code == 126 || wrong.code == 127, "\(wrong)")
      #expect(wrong.errorText.contains("eth7"), "\(wrong)")
      #expect(try eventually(5) { try engine.veths().isEmpty }, "its interfaces went with it")
    }
  }

  // covers PD-136: set-up in a handful of netlink round trips, teardown in none
  @Test(.needs(.program("strace"))) func fewRoundTrips() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("run", "--rm", "busybox", "true")
      let trace = engine.scratch + "/trace"
      let words = ["strace", "-e", "trace=socket,write,close", "-o", trace, Installed.berth]
      let outcome = try TestKit.run(
        engine.beside(words + ["run", "--rm", "busybox", "ip", "-o", "addr"]), environment: engine.environment)
      #expect(outcome.text.contains("127.0.0.1/8") && outcome.text.contains("eth0"), "\(outcome)")
      var sockets: Set<Substring> = [], asked = 0
      for line in try readText(trace).split(separator: "\n") {
        let parts = line.split { "(,) =".contains($0) }
        if line.hasPrefix("socket(AF_NETLINK"), let fd = parts.last { sockets.insert(fd) }
        guard parts.count > 1, sockets.contains(parts[1]) else { continue }
        if parts[0] == "write" { asked += 1 }
        if parts[0] == "close" { sockets.remove(parts[1]) }
      }
      #expect((1...4).contains(asked), "bridge, pair, interface, rules: \(asked)")
    }
  }

  // covers PD-139, PD-144: resolv.conf and hosts of a running container follow its networks
  @Test func nameFilesFollow() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("network", "create", "named", "--subnet", "10.77.0.0/24")
      try engine.ok("run", "-d", "--name", "c", "-p", "8080:80", "busybox", "sleep", "1000")
      func file(_ name: String) throws -> String { try engine.ok("exec", "c", "cat", "/etc/\(name)") }
      let before = try file("resolv.conf")
      try engine.ok("exec", "c", "sh", "-c", "echo 192.0.2.9 mine >>/etc/hosts")
      try engine.ok("network", "connect", "named", "c")
      #expect(try file("resolv.conf").contains("nameserver 10.77.0.1"))
      #expect(try file("hosts").contains("10.77.0.2\t"))
      #expect(try engine.ok("exec", "c", "nslookup", "c.dns.berth").contains("10.77.0.2"))
      try engine.ok("network", "disconnect", "named", "c")
      #expect(try file("resolv.conf") == before)
      let hosts = try file("hosts")
      #expect(!hosts.contains("10.77.0.2") && hosts.contains("192.0.2.9 mine"), "\(hosts)")
      // From its last network, and onto another one: the ports come back.
      try engine.ok("network", "disconnect", "berth", "c")
      #expect(try engine.elements(of: "any4").isEmpty)
      try engine.ok("network", "connect", "named", "c")
      #expect(try engine.ok("port", "c") == "80/tcp -> 0.0.0.0:8080")
      #expect(try engine.elements(of: "any4").contains("10.77.0."))
    }
  }

  // covers PD-137: a sender that never pauses reaches whoever has the port now, not who had it before
  @Test func datagramsFollowThePort() throws {
    try withEngine { engine in
      try engine.importBusybox()
      // One socket all the time: one flow to the kernel.
      let ask = """
        import socket, sys
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 40000)); s.settimeout(0.2)
        heard = open(sys.argv[1], "w")
        while True:
            s.sendto(b"?", ("127.0.0.1", 5353))
            try: print(s.recv(2048).decode(), file=heard, flush=True)
            except OSError: pass
        """
      let echo = """
        import socket, sys
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("", 53))
        while True: d, a = s.recvfrom(2048); s.sendto(sys.argv[1].encode(), a)
        """
      let heard = engine.scratch + "/heard"
      let client = try start(engine.beside(["python3", "-c", ask, heard]))
      for name in ["one", "two"] {
        try engine.ok("run", "-d", "--name", name, "-p", "5353:53/udp", "busybox", "sleep", "1000")
        let pid = try engine.ok("inspect", "-f", "{{.State.Pid}}", name)
        let server = try start(["nsenter", "-t", pid, "-n", "python3", "-c", echo, name])
        let reached = eventually(20) { (try? readText(heard))?.contains(name) == true }
        #expect(reached, "datagrams reach container \(name)")
        try? server.signal(9)
        _ = try server.wait()
        try engine.ok("rm", "-f", "-t", "0", name)
      }
      try client.signal(9)
      _ = try client.wait()
    }
  }
}
