import JSON
import Sys
import TestKit
import Testing

/// The commands: names, exit codes, what is written where; and the kernel's state as `ip` and `nft` see it.
@Suite(.serialized, .needs(.root), .needs(.installed), .needs(.program("nft"))) struct NetworkCommandTests {
  // covers PD-136, PD-140, PD-145: the plan, read back by ip -j
  @Test func theKernelIsAsPlanned() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok(
        "network", "create", "--subnet", "10.90.0.0/24", "--gateway", "10.90.0.9", "--ip-range", "10.90.0.64/28", "-o",
        "mtu=1400", "--route", "10.91.0.0/16,10.90.0.7,50", "--interface-name", "mybr", "plan")
      try engine.ok(
        "run", "-d", "--name", "c", "--network", "plan:ip=10.90.0.70,mac=92:d0:c6:0a:29:33,interface_name=net7",
        "--network",
        "berth", "busybox", "sleep", "1000")
      let links = try JSON.parse(try engine.host("ip", "-j", "-d", "link", "show", "mybr").text).array?.first
      #expect(links?["linkinfo"]?["info_kind"]?.string == "bridge" && links?["mtu"]?.integer() == 1400)
      let own = try JSON.parse(try engine.host("ip", "-j", "addr", "show", "mybr").text).array?.first?["addr_info"]
      #expect(own?.array?.first?["local"]?.string == "10.90.0.9")
      let inside = try JSON.parse(
        try engine.host("nsenter", "-t", engine.ok("inspect", "-f", "{{.State.Pid}}", "c"), "-n", "ip", "-j", "addr")
          .text)
      let names = (inside.array ?? []).compactMap { $0["ifname"]?.string }
      #expect(names == ["lo", "net7", "eth1"])
      let net7 = (inside.array ?? []).first { $0["ifname"]?.string == "net7" }
      #expect(net7?["address"]?.string == "92:d0:c6:0a:29:33" && net7?["mtu"]?.integer() == 1400)
      #expect(net7?["addr_info"]?.array?.first?["local"]?.string == "10.90.0.70")
      let routes = try engine.ok("exec", "c", "ip", "route")
      #expect(routes.contains("default via 10.90.0.9 dev net7  metric 100"))
      #expect(routes.contains("10.91.0.0/16 via 10.90.0.7 dev net7  metric 50"))
      #expect(try engine.ok("exec", "c", "cat", "/etc/hosts").contains("10.90.0.70\t"))
      let document = try JSON.parse(try engine.ok("network", "inspect", "plan")).array?.first
      #expect(document?["network_interface"]?.string == "mybr" && document?["driver"]?.string == "bridge")
      #expect(document?["subnets"]?.array?.first?["lease_range"]?["start_ip"]?.string == "10.90.0.64")
      #expect(document?["containers"]?.object?.members.count == 1)
      #expect(
        try engine.ok("inspect", "-f", "{{(index .NetworkSettings.Networks \"plan\").MacAddress}}", "c")
          == "92:d0:c6:0a:29:33")
      #expect(try engine.ok("ps", "--format", "{{.Networks}}") == "plan,berth")
      try engine.ok("rm", "-f", "-t", "0", "c")
      try engine.ok("network", "rm", "plan")
      #expect(try engine.host("ip", "link", "show", "mybr").code != 0)
      #expect(try engine.elements(of: "bridges") == "[\"berth0\"]")
      #expect(try eventually(10) { try engine.veths().isEmpty })
    }
  }

  /// The rules in nft(8)'s own words.
  @Test func rulesAsNftShowsThem() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("run", "--rm", "-p", "8080:80", "busybox", "true")
      let text = try engine.host("nft", "list", "table", "inet", engine.table).text
      for rule in [
        "iifname @bridges ip daddr 127.0.0.0/8 drop", "fib daddr type local jump publish",
        "dnat ip to ip daddr . meta l4proto . th dport map @port4", "dnat ip to meta l4proto . th dport map @any4",
        "dnat ip6 to ip6 daddr . meta l4proto . th dport map @port6", "dnat ip6 to meta l4proto . th dport map @any6",
        "iifname . oifname @pairs ct status dnat masquerade", "fib saddr type != local masquerade",
        "ip saddr 127.0.0.0/8 oifname @bridges masquerade",
        "iifname @masquerading oifname != @bridges masquerade", "jump user", "ct state established,related accept",
        "iifname . oifname @pairs accept", "iifname @isolated oifname @isolated drop",
        "iifname @strict oifname @bridges drop", "iifname @bridges oifname @strict drop", "iifname @closed drop",
        "oifname @closed drop",
      ] { #expect(text.contains(rule), "\(rule)") }
      #expect(try engine.elements(of: "any4") == "", "no port is left")
    }
  }

  // covers PD-139, PD-140
  @Test func connectAndDisconnect() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("network", "create", "n2")
      try engine.web("a")
      try engine.web("b", "--network", "n2")
      try engine.ok("network", "connect", "--alias", "other", "n2", "a")
      #expect(try engine.ok("exec", "a", "ip", "-o", "link").contains("eth1"))
      #expect(try engine.fetch("a", engine.address(of: "b", "n2")) == "b")
      #expect(try engine.fetch("b", engine.address(of: "a", "n2")) == "a")
      #expect(try engine.berth("network", "connect", "n2", "a").errorText.contains("already connected"))
      #expect(try engine.berth("network", "connect", "nowhere", "a").errorText.contains("network not found"))
      try engine.ok("network", "disconnect", "berth", "a")
      #expect(try !engine.ok("exec", "a", "ip", "-o", "link").contains("eth0"))
      #expect(
        try engine.fetch("b", engine.address(of: "a", "n2")) == "a", "the other network is undisturbed")
      #expect(try engine.berth("network", "disconnect", "berth", "a").errorText.contains("not connected"))
      try engine.ok("stop", "-t", "0", "a")
      try engine.ok("network", "connect", "berth", "a")
      try engine.ok("start", "a")
      #expect(try engine.ok("ps", "--filter", "name=a", "--format", "{{.Networks}}") == "berth,n2")
      for mode in ["host", "none"] {
        try engine.ok("create", "--name", mode, "--network", mode, "busybox")
        #expect(try engine.berth("network", "connect", "n2", mode).errorText.contains("\"\(mode)\" is not supported"))
      }
    }
  }

  // covers PD-136, PD-138, PD-140: what does not fit together is refused by name
  @Test func staticAddressesAndErrors() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("network", "create", "--subnet", "10.90.0.0/29", "small")
      let gateway = "10.90.0.1"
      try engine.ok("run", "-d", "--name", "c", "--network", "small", "--ip", "10.90.0.3", "busybox", "sleep", "1000")
      func refused(_ word: String, _ flags: String...) throws {
        let outcome = try engine.berth(["run", "--rm"] + flags + ["busybox", "true"])
        #expect(outcome.code == 125 && outcome.errorText.contains(word), "\(outcome)")
      }
      try refused("already allocated to container c", "--network", "small", "--ip", "10.90.0.3")
      try refused("the network's own", "--network", "small", "--ip", gateway)
      try refused("not in any subnet", "--network", "small", "--ip", "10.1.2.3")
      try refused("single network", "--network", "small", "--network", "berth", "--ip", "10.90.0.4")
      try refused("--ip does not fit", "--network", "none", "--ip", "10.90.0.4")
      try refused("--mac-address does not fit", "--network", "host", "--mac-address", "92:d0:c6:0a:29:33")
      try refused("network not found", "--network", "absent")
      try refused("is empty", "--network", "small,")
      try refused("given twice", "--network", "small", "--network", "small")
      try refused("--no-hosts and --add-host", "--no-hosts", "--add-host", "a:1.2.3.4")
      try refused("conflicting port mappings", "-p", "8080:80", "-p", "8080:81")
      try refused("192.0.2.99", "-p", "192.0.2.99:8080:80")
      try refused("network not found", "--network", "../etc")
      // Three more fit into a /29; then no address is left, and one that is given back can be had again.
      for _ in 0..<4 { try engine.ok("run", "-d", "--network", "small", "busybox", "sleep", "1000") }
      try refused("no free address is left in 10.90.0.0/29", "--network", "small")
      try engine.ok("rm", "-f", "-t", "0", "c")
      try engine.ok("run", "--rm", "--network", "small", "--ip", "10.90.0.3", "busybox", "true")
    }
  }

  // covers PD-137: who holds a port is said
  @Test func portConflicts() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("run", "-d", "--name", "first", "-p", "8080-8082:80-82", "busybox", "sleep", "1000")
      #expect(try engine.ok("ps", "--format", "{{.Ports}}") == "0.0.0.0:8080-8082->80-82/tcp")
      let second = try engine.berth("run", "--name", "second", "-d", "-p", "127.0.0.1:8081:80", "busybox", "true")
      #expect(second.code == 125 && second.errorText.contains("container first"), "\(second)")
      #expect(try engine.ok("inspect", "-f", "{{.State.Status}}", "second") == "created")
      #expect(
        try engine.host("nc", "-l", "-w", "1", "127.0.0.1", "8081").code != 0, "the host's programs are told, too")
      let server = try start(engine.beside(["python3", "-m", "http.server", "9090"]))
      #expect(try eventually(10) { try engine.host("curl", "-sS", "http://127.0.0.1:9090/").code == 0 })
      let third = try engine.berth("run", "--rm", "-p", "9090:80", "busybox", "true")
      #expect(third.code == 125 && third.errorText.contains("in use by program python3"), "\(third)")
      try server.signal(9)
      _ = try server.wait()
      try engine.ok("rm", "-f", "-t", "0", "first")
      try engine.ok("start", "second")
      try engine.ok(
        "run", "-d", "--name", "any", "-P", "--expose", "80", "--expose", "53/udp", "busybox", "sleep", "1000")
      #expect(try engine.ok("port", "any").split(separator: "\n").count == 2)
      #expect(try engine.ok("port", "any", "80").hasPrefix("0.0.0.0:"))
      #expect(try engine.berth("port", "any", "81").errorText.contains("failed to find published port"))
      #expect(try engine.ok("run", "--rm", "--network", "none", "-p", "9091:80", "busybox", "echo", "ok") == "ok")
    }
  }

  // covers PD-137: a range of the host's ports for one of the container's
  @Test func theFirstFreePort() throws {
    try withEngine { engine in
      try engine.importBusybox()
      func run(_ name: String, _ ports: String...) throws -> Outcome {
        try engine.berth(
          ["run", "-d", "--name", name] + ports.flatMap { ["-p", $0] } + ["busybox", "sleep", "1000"])
      }
      let server = try start(engine.beside(["python3", "-m", "http.server", "8081"]))
      #expect(try eventually(10) { try engine.host("curl", "-sS", "http://127.0.0.1:8081/").code == 0 })
      #expect(try run("a", "8080-8083:80").code == 0)
      #expect(try run("b", "8080-8083:80", "8082:81").code == 0, "what is said goes before what is chosen")
      #expect(try engine.ok("port", "a") == "80/tcp -> 0.0.0.0:8080")
      #expect(try engine.ok("port", "b") == "80/tcp -> 0.0.0.0:8083\n81/tcp -> 0.0.0.0:8082")
      let bindings = "{{(index .HostConfig.PortBindings \"80/tcp\")}}"
      #expect(try engine.ok("inspect", "-f", bindings, "b").contains("8080-8083"))
      let full = try run("c", "8080-8083:80")
      #expect(full.code == 125 && full.errorText.contains("no port from 8080 to 8083 of the host is free"), "\(full)")
      #expect(full.errorText.contains("container b"), "\(full)")
      try server.signal(9)
      _ = try server.wait()
      try engine.ok("start", "c")
      #expect(try engine.ok("port", "c") == "80/tcp -> 0.0.0.0:8081")
      let other = try run("d", "[::1]:9000:80")
      #expect(other.code == 125 && other.errorText.contains("no IPv6 address"), "\(other)")
    }
  }

  // covers PD-131, PD-144, LP-43, BX-40 (hosts), BX-42
  @Test func nameFiles() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let text = try engine.ok(
        "run", "--rm", "--name", "n", "--hostname", "h", "--dns", "192.0.2.53", "--dns-search", "example.org",
        "--dns-option",
        "ndots:3", "--add-host", "db:10.1.1.1", "--add-host", "db:10.1.1.2", "--add-host", "me:host-gateway", "busybox",
        "cat", "/etc/resolv.conf",
        "/etc/hosts", "/etc/hostname")
      for part in [
        "nameserver 192.0.2.53", "search example.org", "options ndots:3", "10.1.1.1\tdb\n10.1.1.2\tdb\n",
        "10.89.0.1\tme",
        "10.89.0.1\thost.containers.internal", "10.89.0.2\th n",
      ] { #expect(text.contains(part), "\(part) in \(text)") }
      #expect(text.hasSuffix("\nh"), "/etc/hostname")
      for wrong in ["db", ":10.1.1.1", "db:10.1.1", "db/10.1.1.1"] {
        let refused = try engine.berth("run", "--rm", "--add-host", wrong, "busybox", "true")
        #expect(refused.code == 125 && refused.errorText.contains("--add-host \"\(wrong)\""), "\(refused)")
      }
      #expect(
        try engine.ok("run", "--rm", "--network", "host", "busybox", "cat", "/etc/resolv.conf")
          == readText("/etc/resolv.conf").trimmed)
      let bare = try engine.berth(
        "run", "--rm", "--no-hosts", "--no-hostname", "--dns", "none", "busybox", "ls", "/etc")
      #expect(bare.lines == ["group", "passwd"])
      try engine.ok("run", "-d", "--name", "base", "busybox", "sleep", "1000")
      let shared = try engine.ok("run", "--rm", "--network", "container:base", "busybox", "cat", "/etc/hosts")
      #expect(try shared == engine.ok("exec", "base", "cat", "/etc/hosts"))
      #expect(
        try engine.berth("run", "--network", "container:base", "--dns", "1.1.1.1", "busybox").errorText.contains(
          "--dns"))
      #expect(
        try engine.berth("run", "--network", "none", "--add-host", "x:host-gateway", "busybox").errorText.contains(
          "no way to the host"))
      #expect(
        try engine.ok("run", "--rm", "--network", "none", "busybox", "ls", "/sys/class/net").contains("eth") == false)
    }
  }

  // covers BX-41, PD-144: a network's own name service alone or first; a host without the file is no obstacle
  @Test func serversOfTheHost() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("network", "create", "--subnet", "10.66.0.0/24", "n")
      for directory in ["upper", "work"] { try makeDirectories("\(engine.scratch)/\(directory)") }
      /// `/etc/resolv.conf` of a container, on a host whose own is this text, or nothing.
      func inside(_ host: String?, _ flags: String...) throws -> String {
        let layers = "lowerdir=/etc,upperdir=\(engine.scratch)/upper,workdir=\(engine.scratch)/work"
        let change = host.map { "printf '\($0)' >/etc/resolv.conf" } ?? "rm /etc/resolv.conf"
        let script =
          "mount -t overlay etc -o \(layers) /etc && rm -f /etc/resolv.conf && touch /etc/resolv.conf && \(change)"
        let outcome = try TestKit.run(
          engine.beside(
            ["unshare", "-m", "sh", "-c", script + " && exec \"$@\"", "sh", Installed.berth, "run", "--rm"] + flags
              + ["busybox", "cat", "/etc/resolv.conf"]), environment: engine.environment)
        #expect(outcome.code == 0, "\(outcome)")
        return outcome.text
      }
      let host = "search example.org\\nnameserver 127.0.0.1\\nnameserver 192.0.2.7\\noptions ndots:2\\n"
      #expect(try inside(host) == "search example.org\nnameserver 192.0.2.7\noptions ndots:2\n")
      #expect(
        try inside(host, "--network", "n") == "search dns.berth example.org\nnameserver 10.66.0.1\noptions ndots:2\n")
      #expect(try inside(nil) == "nameserver 8.8.8.8\nnameserver 8.8.4.4\n")
      #expect(try inside(nil, "--network", "n") == "search dns.berth\nnameserver 10.66.0.1\n")
      #expect(try inside(nil, "--network", "host").isEmpty)
    }
  }

  @Test func networkCommands() throws {
    try withEngine { engine in
      try engine.importBusybox()
      #expect(try engine.ok("network", "ls").contains("NETWORK ID"))
      #expect(try engine.ok("network", "ls", "-q") == "berth")
      #expect(try engine.ok("network", "inspect", "-f", "{{.name}}", "podman") == "berth")
      #expect(try engine.ok("network", "create", "--label", "k=v", "n1") == "n1")
      #expect(try engine.berth("network", "create", "n1").errorText.contains("already exists"))
      #expect(try engine.ok("network", "create", "--ignore", "n1") == "n1")
      #expect(
        try engine.berth("network", "create", "--subnet", "10.89.0.0/25", "x").errorText.contains("network berth"))
      #expect(try engine.berth("network", "create", "-o", "colour=red", "x").errorText.contains("colour"))
      #expect(try engine.berth("network", "create", "-d", "bogus", "x").errorText.contains("bogus"))
      #expect(try engine.berth("network", "create", "host").errorText.contains("mode"))
      #expect(try engine.berth("network", "create", "--ip-range", "10.5.0.0/24", "x").errorText.contains("--ip-range"))
      #expect(
        try engine.berth("network", "exists", "n1").code == 0 && engine.berth("network", "exists", "n9").code == 1)
      #expect(try engine.ok("network", "ls", "-q", "-f", "label=k=v") == "n1")
      try engine.ok("network", "update", "--dns-add", "9.9.9.9", "n1")
      #expect(try engine.ok("network", "inspect", "-f", "{{.network_dns_servers}}", "n1").contains("9.9.9.9"))
      #expect(try engine.berth("network", "update", "--dns-drop", "8.8.8.8", "n1").code == 125)
      try engine.ok("create", "--name", "c", "--network", "n1", "busybox")
      let used = try engine.berth("network", "rm", "n1")
      #expect(used.code == 2 && used.errorText.contains("being used"))
      #expect(try engine.berth("network", "rm", "absent").code == 1)
      #expect(try engine.berth("network", "rm", "berth").errorText.contains("default network"))
      try engine.ok("network", "create", "n2")
      #expect(try engine.ok("network", "prune", "-f") == "n2")
      try engine.ok("network", "rm", "-f", "n1")
      #expect(try engine.ok("ps", "-aq") == "")
    }
  }

  // covers PD-139, G.18: what podman's manual pages say of filters, templates and force
  @Test func networkCommandsAsPodmans() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok(
        "network", "create", "-o", "com.docker.network.driver.mtu=1400", "-o", "com.docker.network.bridge.name=br7",
        "front")
      try engine.ok("network", "create", "--internal", "back")
      for (field, value) in [
        ("NetworkInterface", "br7"), ("IPv6Enabled", "false"), ("DNSEnabled", "true"), ("Internal", "false"),
        ("IPAMOptions", "map[driver:host-local]"), ("Options", "map[mtu:1400]"), ("Labels", "map[]"),
        ("Routes", "[]"),
      ] { #expect(try engine.ok("network", "inspect", "-f", "{{.\(field)}}", "front") == value, "\(field)") }
      #expect(try engine.ok("network", "ls", "-q", "--filter", "name=^(front|berth)$") == "berth\nfront")
      #expect(try engine.berth("network", "ls", "--filter", "name=(").errorText.contains("regular expression"))
      let pending = try engine.berth("network", "create", "--attachable", "x")
      #expect(pending.code == 125 && pending.errorText.contains("not supported yet: --attachable"), "\(pending)")
      try engine.ok("run", "-d", "--name", "c", "--network", "front", "busybox", "sleep", "1000")
      #expect(try engine.ok("ps", "-q", "--filter", "name=^/?c$").isEmpty == false)
      #expect(try engine.berth("network", "disconnect", "back", "c").errorText.contains("not connected"))
      try engine.ok("network", "disconnect", "-f", "back", "c")
      #expect(try engine.berth("network", "disconnect", "front", "nobody").code == 125)
      try engine.ok("network", "disconnect", "-f", "front", "nobody")
      try engine.host("ip", "link", "add", "wan", "type", "bridge")
      try engine.host("ip", "addr", "add", "198.51.100.1/24", "dev", "wan")
      let used = try engine.berth("network", "create", "--subnet", "198.51.100.128/25", "x")
      #expect(used.code == 125 && used.errorText.contains("already used"), "\(used)")
    }
  }
}
