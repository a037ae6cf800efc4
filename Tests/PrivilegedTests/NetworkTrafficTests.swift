import JSON
import Sys
import TestKit
import Testing

/// Real traffic through bridges and published ports, in network namespaces of the test's own.
@Suite(.serialized, .needs(.root), .needs(.installed), .needs(.program("nft"))) struct NetworkTrafficTests {
  // covers PD-136, PD-137, PD-145: from the host, from its loopback, from another host, over both families
  @Test func publishedPorts() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try withNeighbour(engine) { other in
        try engine.ok("network", "create", "--ipv6", "dual")
        try engine.web(
          "web", "--network", "dual", "-p", "8080:80", "-p", "127.0.0.1:8081:80", "-p", "192.0.2.1:9000-9001:80-81")
        for url in [
          "http://127.0.0.1:8080/", "http://192.0.2.1:8080/", "http://[2001:db8::1]:8080/", "http://127.0.0.1:8081/",
          "http://192.0.2.1:9000/", "http://localhost:8080/",
        ] {
          #expect(try engine.host("curl", "-sS", "-m", "4", url).trimmed == "web", "\(url) from the host")
        }
        for url in ["http://192.0.2.1:8080/", "http://[2001:db8::1]:8080/", "http://192.0.2.1:9000/"] {
          #expect(try other.curl(url) == "web", "\(url) from another host")
        }
        #expect(try other.run("curl", "-sS", "-m", "2", "http://192.0.2.1:8081/").code != 0, "on loopback only")
        #expect(
          try other.curl("http://192.0.2.1:8080/cgi-bin/who").contains("192.0.2.2]"), "the source address is kept")
        #expect(try other.curl("http://[2001:db8::1]:8080/cgi-bin/who").contains("2001:db8::2]"))
        let gateway = try engine.address(of: "web", "dual", field: "Gateway")
        #expect(try engine.fetch("web", gateway, 8080) == "web", "hairpin to itself")
        try engine.web("second", "--network", "dual")
        #expect(try engine.fetch("second", "192.0.2.1", 8080) == "web", "hairpin to another container")
        try engine.ok("stop", "-t", "0", "web")
        #expect(try other.run("curl", "-sS", "-m", "2", "http://192.0.2.1:8080/").code != 0)
        #expect(try engine.elements(of: "any4") == "" && engine.elements(of: "port4") == "")
      }
    }
  }

  @Test func outwards() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try withNeighbour(engine) { other in
        let server = try other.begin(["python3", "-m", "http.server", "--bind", "192.0.2.2", "8000"])
        #expect(try eventually(20) { try other.run("curl", "-sS", "http://192.0.2.2:8000/").code == 0 })
        try engine.ok("run", "-d", "--name", "c", "busybox", "sleep", "1000")
        #expect(try engine.fetch("c", "192.0.2.2", 8000) == "</html>", "a container reaches the outside")
        try? server.signal(9)
        _ = try server.wait()
      }
    }
  }

  // covers PD-137: datagrams from another host, its address kept
  @Test func datagramsFromAnotherHost() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try withNeighbour(engine) { other in
        try engine.ok("run", "-d", "--name", "c", "-p", "5353:53/udp", "busybox", "sleep", "1000")
        // An echo in the container's network, by a program that nobody here wrote.
        let echo = """
          import socket
          s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("", 53))
          while True: d, a = s.recvfrom(2048); s.sendto(d + a[0].encode(), a)
          """
        let ask = """
          import socket
          s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(1)
          s.sendto(b"udp ", ("192.0.2.1", 5353)); print(s.recv(2048).decode())
          """
        let pid = try engine.ok("inspect", "-f", "{{.State.Pid}}", "c")
        let service = try start(["nsenter", "-t", pid, "-n", "python3", "-c", echo])
        var heard = ""
        let isRight = try eventually(20) {
          let outcome = try other.run("python3", "-c", ask)
          heard = outcome.description
          return outcome.text == "udp 192.0.2.2\n"
        }
        #expect(isRight, "\(heard)")
        try? service.signal(9)
        _ = try service.wait()
      }
    }
  }

  // covers PD-136: networks that are closed to the outside, or to each other
  @Test func internalAndIsolated() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try withNeighbour(engine) { other in
        try engine.ok("network", "create", "--internal", "inner")
        for name in ["red", "green"] { try engine.ok("network", "create", "-o", "isolate=true", name) }
        try engine.ok("network", "create", "-o", "isolate=strict", "strict")
        try engine.web("open")
        try engine.web("in", "--network", "inner")
        try engine.web("in2", "--network", "inner")
        try engine.web("r", "--network", "red")
        try engine.web("g", "--network", "green")
        try engine.web("s", "--network", "strict")
        func reaches(_ from: String, _ to: String, _ network: String) throws -> Bool {
          try engine.fetch(from, engine.address(of: to, network)) == to
        }
        #expect(try reaches("in", "in2", "inner"))
        #expect(try !reaches("open", "in", "inner") && !reaches("in", "open", "berth"), "an internal network")
        #expect(
          try engine.berth("exec", "in", "ip", "route").text.contains("default") == false, "and no way out of it")
        #expect(try !reaches("r", "g", "green") && !reaches("g", "r", "red"), "isolated networks")
        #expect(try reaches("r", "open", "berth") && reaches("open", "r", "red"), "from others they are not")
        #expect(try !reaches("s", "open", "berth") && !reaches("open", "s", "strict"), "strict isolation")
        #expect(try other.run("ping", "-c", "1", "-W", "1", engine.address(of: "in", "inner")).code != 0)
      }
    }
  }

  /// The host's loopback is opened to its own packets (`route_localnet`), never to a container's.
  @Test func theHostsLoopbackStaysItsOwn() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let server = try start(
        engine.beside(["python3", "-m", "http.server", "--bind", "127.0.0.1", "8000"]))
      defer {
        try? server.signal(9)
        _ = try? server.wait()
      }
      #expect(try eventually(10) { try engine.host("curl", "-sS", "http://127.0.0.1:8000/").code == 0 })
      // Answers from a loopback address are dropped unless the container asks for them.
      try engine.ok(
        "run", "-d", "--name", "c", "--sysctl", "net.ipv4.conf.eth0.route_localnet=1", "busybox", "sleep", "1000")
      let gateway = try engine.address(of: "c", field: "Gateway")
      // What an attacker in the container would do: loopback addresses by way of the gateway.
      try engine.ok("exec", "--privileged", "c", "ip", "addr", "del", "127.0.0.1/8", "dev", "lo")
      try engine.ok("exec", "--privileged", "c", "ip", "route", "add", "127.0.0.1/32", "via", gateway)
      #expect(try engine.fetch("c", "127.0.0.1", 8000) == "", "a container reached a service of the host's loopback")
      try engine.host("nft", "flush", "chain", "inet", engine.table, "guard")
      #expect(try engine.fetch("c", "127.0.0.1", 8000) != "", "nothing but the guard kept it away")
    }
  }

  // covers PD-141
  @Test func aFlushOfTheFirewallHeals() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.web("web", "-p", "8080:80")
      try engine.host("nft", "add", "table", "inet", "other")
      func answers() throws -> Bool {
        try engine.host("curl", "-sS", "-m", "2", "http://127.0.0.1:8080/").trimmed == "web"
      }
      #expect(try answers())
      try engine.host("nft", "flush", "ruleset")
      #expect(try !answers())
      try engine.ok("network", "reload", "web")
      #expect(try answers())
      try engine.host("nft", "flush", "table", "inet", engine.table)
      #expect(try engine.ok("port", "web") == "80/tcp -> 0.0.0.0:8080")
      #expect(try answers(), "the next command that touches it brings the rules back")
      try engine.host("nft", "flush", "ruleset")
      try engine.ok("run", "-d", "-p", "8082:80", "busybox", "sleep", "1000")
      #expect(try answers(), "so does the start of another container")
      #expect(try engine.berth("network", "reload", "absent").code == 125)
    }
  }

  /// The administrator's chain is asked first, and survives; other tables are not touched.
  @Test func theUsersChainIsHonoured() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try withNeighbour(engine) { other in
        try engine.host("nft", "add", "table", "inet", "other")
        try engine.web("web", "-p", "8080:80")
        try engine.host("nft", "add", "rule", "inet", engine.table, "user", "ip", "saddr", "192.0.2.2", "drop")
        #expect(try other.run("curl", "-sS", "-m", "2", "http://192.0.2.1:8080/").code != 0)
        try engine.ok("network", "reload", "web")
        #expect(try other.run("curl", "-sS", "-m", "2", "http://192.0.2.1:8080/").code != 0, "a reload keeps it")
        try engine.host("nft", "flush", "chain", "inet", engine.table, "user")
        #expect(try other.curl("http://192.0.2.1:8080/") == "web")
        #expect(try engine.host("nft", "list", "tables").text.contains("table inet other"))
      }
    }
  }

  @Test func macvlanAndIPvlan() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try withNeighbour(engine) { other in
        // Not every kernel has ipvlan: then the error says so.
        let probe = try engine.host("ip", "link", "add", "probe", "link", "wan", "type", "ipvlan")
        try engine.host("ip", "link", "del", "probe")
        for driver in probe.code == 0 ? ["macvlan", "ipvlan"] : ["macvlan"] {
          try engine.ok(
            "network", "create", "-d", driver, "-o", "parent=wan", "--subnet", "192.0.2.0/24", "--ip-range",
            "192.0.2.64/28", "--gateway", "192.0.2.2", driver)
          try engine.web("on-\(driver)", "--network", driver)
          let address = try engine.address(of: "on-\(driver)", driver)
          #expect(address.hasPrefix("192.0.2.6") || address.hasPrefix("192.0.2.7"))
          #expect(try other.curl("http://\(address)/") == "on-\(driver)")
          try engine.ok("rm", "-f", "-t", "0", "on-\(driver)")
          try engine.ok("network", "rm", driver)
        }
        #expect(
          try engine.berth("network", "create", "-d", "macvlan", "-o", "parent=nowhere", "m").errorText.contains(
            "nowhere"))
      }
    }
  }
}
