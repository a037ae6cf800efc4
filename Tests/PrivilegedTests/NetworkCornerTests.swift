import Glibc
import JSON
import Sys
import TestKit
import Testing

/// What a walk through podman's manual pages found.
@Suite(.serialized, .needs(.root), .needs(.installed)) struct NetworkCornerTests {
  // covers PD-136, PD-138: interfaces and addresses that somebody else has
  @Test func whatSomebodyElseHas() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let lo = try engine.berth("network", "create", "--interface-name", "lo", "n")
      #expect(lo.code == 125 && lo.errorText.contains("the host has an interface lo already"), "\(lo)")
      // Of a network that was made before the interface: removing the one leaves the other.
      try engine.ok("network", "create", "--interface-name", "theirs", "late")
      try engine.host("ip", "link", "add", "theirs", "type", "veth", "peer", "name", "peer")
      let run = try engine.berth("run", "--rm", "--network", "late", "busybox", "true")
      #expect(run.code == 125 && run.errorText.contains("is a veth, no bridge"), "\(run)")
      try engine.ok("network", "rm", "late")
      #expect(try engine.host("ip", "link", "show", "theirs").code == 0)
      try engine.host("ip", "link", "del", "theirs")

      let mac = "92:d0:c6:0a:29:33"
      try engine.ok("run", "-d", "--name", "c", "--network", "berth:mac=\(mac)", "busybox", "sleep", "1000")
      let twin = try engine.berth("run", "--rm", "--mac-address", mac, "busybox", "true")
      #expect(twin.code == 125 && twin.errorText.contains("\(mac) is already used on network berth"), "\(twin)")
      #expect(twin.errorText.contains("container c"), "\(twin)")
      try engine.ok("stop", "-t", "0", "c")
      try engine.ok("run", "--rm", "--mac-address", mac, "busybox", "true")
    }
  }

  // covers PD-131, PD-144: the host's name for who shares its network or its UTS namespace
  @Test func hostNames() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let own = try readText("/proc/sys/kernel/hostname").trimmed
      for flags in [["--network", "host"], ["--uts", "host"]] {
        let script = "hostname; cat /etc/hostname; echo $HOSTNAME"
        let inside = try engine.berth(["run", "--rm"] + flags + ["busybox", "sh", "-c", script])
        #expect(inside.lines == [own, own, own], "\(flags): \(inside)")
      }
      #expect(try engine.ok("run", "--rm", "--network", "host", "--hostname", "h", "busybox", "hostname") == "h")
      #expect(try engine.ok("run", "--rm", "--hostname", "", "busybox", "hostname").utf8.count == 12)
    }
  }

  // covers PD-137, PD-62: ports in ps, port and inspect as podman shows them
  @Test func portsShown() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok(
        "run", "-d", "--name", "c", "-p", "8080-8082:80-82", "-p", "127.0.0.1:53:53/udp", "--expose", "99", "busybox",
        "sleep", "1000")
      let ports = try JSON.parse(try engine.ok("ps", "--format", "json")).array?.first?["Ports"]?.array ?? []
      #expect(ports.map { $0["range"]?.text() ?? "" } == ["3", "1"])
      #expect(ports.first?["host_port"]?.text() == "8080" && ports.first?["container_port"]?.text() == "80")
      let range = try engine.berth("port", "c", "80-81")
      #expect(range.code == 125 && range.errorText.contains("is a range"), "\(range)")
      let exposed = try JSON.parse(try engine.ok("inspect", "-f", "{{json .Config.ExposedPorts}}", "c")).object
      #expect(Set(exposed?.members.map(\.name) ?? []) == ["80/tcp", "81/tcp", "82/tcp", "53/udp", "99/tcp"])
      for flags in [["--network", "none"], ["--network", "host"], ["--network", "container:c"]] {
        let ignored = try engine.berth(["run", "--rm"] + flags + ["-p", "9000:80", "busybox", "true"])
        #expect(ignored.code == 0 && ignored.errorText.contains("port mappings have been discarded"), "\(ignored)")
      }
    }
  }

  // covers PD-62, PD-145: every placeholder of podman-ps(1) and of its JSON
  @Test func placeholdersOfPs() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("run", "-d", "--name", "c", "--label", "k=v", "busybox", "sleep", "1000")
      for field in [
        "ID", "Image", "ImageID", "Command", "CreatedAt", "CreatedHuman", "RunningFor", "Status", "State", "Pod",
        "PodName", "Ports", "Size", "Names", "Networks", "Labels", "Mounts", "IsInfra", "Exited", "ExitedAt",
        "ExitCode", "Pid", "StartedAt", "AutoRemove", "Created", "Cgroup", "IPC", "MNT", "NET", "PIDNS", "USERNS",
        "UTS",
        "Namespaces",
      ] { #expect(try engine.berth("ps", "--format", "{{.\(field)}}").code == 0, "\(field)") }
      let pid = try engine.ok("inspect", "-f", "{{.State.Pid}}", "c")
      #expect(try readLink("/proc/\(pid)/ns/net") == "net:[\(engine.ok("ps", "--format", "{{.NET}}"))]")
      #expect(try engine.ok("ps", "--format", "{{.ImageID}}").utf8.count == 12)
      #expect(try engine.ok("ps", "-q", "--filter", "network=absent") == "")
    }
  }

  // covers PD-140, PD-136: what has no names, and who is in use
  @Test func networksWithoutNames() throws {
    try withEngine { engine in
      try engine.ok("network", "create", "--ipam-driver", "none", "bare")
      #expect(try engine.ok("network", "inspect", "-f", "{{.DNSEnabled}}", "bare") == "false")
      let dns = try engine.berth("network", "create", "--ipam-driver", "none", "--dns", "192.0.2.1", "x")
      #expect(dns.code == 125 && dns.errorText.contains("has no name service"), "\(dns)")
      #expect(try engine.ok("network", "ls", "-q", "--filter", "dangling=true") == "bare")
      let pruned = try engine.berth("network", "prune", "-f")
      #expect(pruned.code == 0 && pruned.trimmed == "bare" && pruned.errorText.isEmpty, "\(pruned)")
    }
  }

  // covers PD-138, PD-140: requests that cannot be
  @Test func requestsThatCannotBe() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("network", "create", "--subnet", "10.66.0.0/24", "--subnet", "fd66::/64", "n")
      let alias = String(repeating: "a", count: 64)
      for (request, words) in [
        ("n:ip=10.66.0.9,ip=10.66.0.10", "10.66.0.9 and 10.66.0.10 are both in 10.66.0.0/24"),
        ("n:interface_name=lo", "\"lo\" is the loopback's"), ("n:alias=\(alias)", "could not be found"),
        ("n:host_interface_name=x", "unknown option \"host_interface_name\""), ("n:mtu=1200", "unknown option \"mtu\""),
      ] {
        let refused = try engine.berth("run", "--rm", "--network", request, "busybox", "true")
        #expect(refused.code == 125 && refused.errorText.contains(words), "\(refused)")
      }
      try engine.ok("run", "-d", "--name", "c", "--network", "n:ip=10.66.0.9,ip6=fd66::9", "busybox", "sleep", "1000")
      try engine.ok("network", "create", "m")
      let connect = try engine.berth("network", "connect", "--alias", alias, "m", "c")
      #expect(connect.code == 125 && connect.errorText.contains("could not be found"), "\(connect)")
    }
  }

  // covers PD-141, PD-139, PD-136: changes of what is not there, names that are modes
  @Test func nothingToChange() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("network", "create", "n")
      #expect(try engine.berth("network", "update", "n").errorText.contains("nothing to change of network n"))
      for name in ["bridge", "default", "host", "pasta"] {
        let refused = try engine.berth("network", "create", name)
        #expect(refused.code == 125 && refused.errorText.contains("is a mode of --network"), "\(refused)")
      }
      let id = try engine.ok("run", "-d", "--name", "c", "busybox", "sleep", "1000")
      try engine.ok("run", "-d", "--name", "lonely", "--network", "none", "busybox", "sleep", "1000")
      let reload = try engine.berth("network", "reload", "lonely")
      #expect(reload.code == 125 && reload.errorText.contains("\"none\" is not supported"), "\(reload)")
      #expect(try engine.ok("network", "reload", "--all") == id)
    }
  }

  // covers BX-40, PD-144: a zone's names come from the server of the zone, others from the network's
  @Test(.needs(.program("dnsmasq"))) func serversOfZones() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok(
        "network", "create", "--subnet", "10.66.0.0/24", "--dns", "127.0.0.2,example.org/127.0.0.3", "n")
      var servers: [pid_t] = []
      defer {
        for server in servers {
          kill(server, SIGKILL)
          waitpid(server, nil, 0)
        }
      }
      for (address, answer) in [("127.0.0.2", "192.0.2.2"), ("127.0.0.3", "192.0.2.3"), ("127.0.0.4", "192.0.2.4")] {
        let words = [
          "dnsmasq", "-k", "-C", "/dev/null", "--no-resolv", "--no-hosts", "--bind-interfaces", "--pid-file=",
        ]
        let server = try start(
          engine.beside(
            words + ["--listen-address=\(address)", "--address=/test/\(answer)", "--address=/org/\(answer)"]))
        servers.append(server.pid)
      }
      try engine.ok("run", "-d", "--name", "c", "--network", "n", "busybox", "sleep", "1000")
      func finds(_ name: String, _ answer: String) throws -> Bool {
        try eventually(10) { try engine.berth("exec", "c", "nslookup", name).text.contains(answer) }
      }
      #expect(try finds("a.example.org", "192.0.2.3") && finds("a.test", "192.0.2.2") && finds("b.org", "192.0.2.2"))
      try engine.ok("network", "update", "--dns-add", "test/127.0.0.4", "--dns-drop", "example.org/127.0.0.3", "n")
      #expect(try finds("a.test", "192.0.2.4") && finds("a.example.org", "192.0.2.2"))
      let shown = try engine.ok("network", "inspect", "-f", "{{json .network_dns_servers}}", "n")
      #expect(shown == "[\"127.0.0.2\",\"test/127.0.0.4\"]")
      let wrong = try engine.berth("network", "create", "--dns", "example.org/nowhere", "x")
      #expect(wrong.code == 125 && wrong.errorText.contains("want ADDRESS or ZONE/ADDRESS"), "\(wrong)")
    }
  }
}
