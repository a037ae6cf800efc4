import Glibc
import JSON
import Sys
import TestKit
import Testing

/// Networks that Debian's CNI plugins make, and ones that fail: `containernetworking-plugins`.
@Suite(.needs(.root), .needs(.installed), .needs(.program("iptables-save"))) struct NetworkPluginTests {
  // covers PD-136, PD-137, PD-138, PD-144, PD-145, PD-164
  @Test func bridgeWithPorts() throws {
    try withPlugins { plugins in
      let engine = plugins.engine
      #expect(
        try plugins.ok("network", "ls", "--format", "{{.Name}} {{.Driver}}") == "berth bridge\np2p ptp\nweb bridge")
      #expect(try plugins.ok("network", "ls", "-q", "-f", "driver=ptp") == "p2p")
      let shown = try JSON.parse(try plugins.ok("network", "inspect", "web")).array?[0]
      #expect(shown?["cni"]?["plugins"]?.strings == ["bridge", "portmap", "firewall", "tuning"])
      #expect(shown?["subnets"]?.array?[0]["gateway"] == "10.61.0.1" && shown?["network_interface"] == "cni-web")

      try plugins.ok(
        "run", "-d", "--name", "a", "--network", "web", "--ip", "10.61.0.77", "-p", "8080:80", "-e", "WORD=a",
        "busybox", "sh", "-c", webScript)
      try plugins.ok(
        "run", "-d", "--name", "b", "--network", "web:mac=02:00:00:00:00:09,interface_name=lan0", "-e", "WORD=b",
        "busybox", "sh", "-c", webScript)
      #expect(try eventually(10) { try engine.fetch("b", "10.61.0.77") == "a" }, "from container to container")
      #expect(try engine.fetch("a", engine.address(of: "b", "web")) == "b", "and back")
      #expect(try engine.host("curl", "-sS", "-m", "4", "http://127.0.0.1:8080/").trimmed == "a")
      try withNeighbour(engine) { other in
        let page = try other.curl("http://192.0.2.1:8080/")
        #expect(page == "a", "from another host")
      }
      #expect(try engine.ok("port", "a") == "80/tcp -> 0.0.0.0:8080")
      #expect(try engine.ok("ps", "-f", "name=a", "--format", "{{.Ports}} {{.Networks}}") == "0.0.0.0:8080->80/tcp web")
      #expect(try engine.address(of: "a", "web") == "10.61.0.77")
      #expect(try engine.address(of: "a", "web", field: "Gateway") == "10.61.0.1")
      #expect(try engine.address(of: "b", "web", field: "MacAddress") == "02:00:00:00:00:09")
      #expect(try engine.ok("exec", "b", "ip", "-o", "link").contains("lan0"))
      #expect(
        try engine.ok("exec", "a", "cat", "/etc/resolv.conf").contains("search web.example\nnameserver 10.61.0.53"))
      #expect(try engine.ok("exec", "a", "cat", "/etc/hosts").contains("10.61.0.77\t"))
      #expect(try engine.ok("exec", "a", "cat", "/proc/sys/net/ipv4/conf/all/log_martians") == "1", "tuning")
      #expect(try plugins.ok("network", "inspect", "-f", "{{len .containers}}", "web") == "2")

      // What is undone is what was done, whatever the file says by now; and a start does what the file says by then.
      try plugins.write("10-web.conflist", plugins.web.replacing("10.61.0", with: "10.63.0"))
      try engine.ok("stop", "-t", "0", "a", "b")
      try plugins.expectNothingLeft(of: "a", "b")
      let moved = try engine.berth("start", "a")
      #expect(moved.code == 125 && moved.errorText.contains("network web"), "\(moved)")
      try plugins.write("10-web.conflist", plugins.web)
      try engine.ok("start", "a")
      #expect(try eventually(10) { try engine.host("curl", "-sS", "http://127.0.0.1:8080/").trimmed == "a" })
      try engine.ok("rm", "-f", "-t", "0", "a", "b")
      try plugins.expectNothingLeft()
    }
  }

  // covers PD-139, PD-140, PD-141: beside a network of ours; connect, disconnect, and a flush of the firewall
  @Test func changesWhileItRuns() throws {
    try withPlugins { plugins in
      let engine = plugins.engine
      try plugins.ok(
        "run", "-d", "--name", "c", "--network", "berth", "--network", "p2p", "-p", "8080:80", "-e", "WORD=c",
        "busybox",
        "sh", "-c", webScript)
      func addresses() throws -> String { try engine.ok("exec", "c", "ip", "-o", "-4", "addr") }
      #expect(try addresses().contains("eth1    inet 10.62.0.2/24"))
      #expect(try eventually(10) { try engine.host("curl", "-sS", "http://127.0.0.1:8080/").trimmed == "c" })
      #expect(try engine.elements(of: "any4").contains("8080"), "ports are published once, by our own rules")
      try engine.ok("network", "disconnect", "berth", "c")
      #expect(try engine.host("curl", "-s", "-m", "1", "http://127.0.0.1:8080/").code != 0)
      try plugins.ok("network", "connect", "web", "c")
      #expect(try addresses().contains("eth0    inet 10.61.0.2/24"))
      #expect(try engine.host("curl", "-sS", "-m", "4", "http://127.0.0.1:8080/").trimmed == "c", "now by the plugins")
      #expect(try engine.ok("exec", "c", "cat", "/etc/hosts").contains("10.61.0.2\t"))
      try engine.host("iptables", "-t", "nat", "-F")
      #expect(try engine.host("curl", "-s", "-m", "1", "http://127.0.0.1:8080/").code != 0)
      try engine.ok("network", "reload", "c")
      #expect(try engine.host("curl", "-sS", "-m", "4", "http://127.0.0.1:8080/").trimmed == "c", "mended")
      #expect(try addresses().contains("eth0    inet 10.61.0.2/24"), "with its address")
      // Where CHECK finds all well, nothing moves. (Debian's portmap misses rules that it never made for IPv6.)
      try plugins.ok("run", "-d", "--name", "d", "--network", "web", "busybox", "sleep", "1000")
      let index = try engine.ok("exec", "d", "cat", "/sys/class/net/eth0/ifindex")
      try engine.ok("network", "reload", "d")
      #expect(try engine.ok("exec", "d", "cat", "/sys/class/net/eth0/ifindex") == index)
      try engine.ok("network", "disconnect", "web", "c")
      #expect(try !addresses().contains("10.61.0.2"))
      try engine.ok("network", "connect", "berth", "c")
      #expect(
        try engine.host("curl", "-sS", "-m", "4", "http://127.0.0.1:8080/").trimmed == "c", "and by our rules again")
      try engine.ok("rm", "-f", "-t", "0", "c", "d")
      try plugins.expectNothingLeft()
      // In a user namespace of its own: the namespace is the runtime's, and the files follow.
      let mapped = try plugins.ok(
        "run", "--rm", "--uidmap", "0:100000:65536", "--network", "p2p", "busybox", "sh", "-c",
        "ip -o -4 addr; cat /etc/hosts")
      #expect(mapped.contains("inet 10.62.0.") && mapped.contains("10.62.0.3\t"), "\(mapped)")
      try plugins.expectNothingLeft()
    }
  }

  // covers PD-164: a plugin's error names it, the network, and what to do; what came before it is undone
  @Test func aFailingPlugin() throws {
    try withPlugins { plugins in
      let engine = plugins.engine
      try plugins.script("sulk", #"[ $CNI_COMMAND = DEL ] || { echo '{"code": 7, "msg": "not today"}'; exit 1; }"#)
      try plugins.write("30-bad.conflist", plugins.withSecond("bad", "sulk"))
      try plugins.write("40-none.conflist", plugins.withSecond("none-such", "absent"))
      func run(_ network: String, _ flags: String...) throws -> Outcome {
        try plugins.berth(["run", "--name", "x", "--network", network] + flags + ["busybox", "true"])
      }
      let bad = try run("bad")
      #expect(bad.code == 125, "\(bad)")
      #expect(bad.errorText.contains("CNI plugin sulk of network bad failed (ADD): not today (code 7)"), "\(bad)")
      #expect(bad.errorText.contains("hint: correct the network's configuration file"), "\(bad)")
      try engine.ok("rm", "x")
      try plugins.expectNothingLeft()
      let absent = try run("none-such")
      #expect(absent.code == 125 && absent.errorText.contains("containernetworking-plugins"), "\(absent)")
      try engine.ok("rm", "x")
      let closed = try run("bad", "-p", "8080:80")
      #expect(closed.code == 125 && closed.errorText.contains("no plugin of network bad does that"), "\(closed)")
      try engine.ok("rm", "x")
      let outside = try run("web:ip=10.99.0.1")
      #expect(outside.code == 125 && outside.errorText.contains("not in any subnet on network web"), "\(outside)")
      // One that cannot undo is told, keeps nobody from going, and is asked again.
      try plugins.script(
        "stay", #"cat >/dev/null; [ $CNI_COMMAND = ADD ] && { echo '{}'; exit; }; echo stuck >&2; exit 1"#)
      try plugins.write("50-stay.conf", #"{"cniVersion": "0.4.0", "name": "stay", "type": "stay"}"#)
      try plugins.ok("run", "-d", "--name", "s", "--network", "stay", "busybox", "sleep", "1000")
      let stopped = try engine.berth("stop", "-t", "0", "s")
      #expect(stopped.code == 0, "\(stopped)")
      let again = try engine.berth("start", "s")
      #expect(again.code == 125 && again.errorText.contains("CNI plugin stay of network stay failed (DEL): stuck"))
      let removed = try engine.berth("rm", "s")
      #expect(removed.code == 0 && removed.errorText.contains("warning: take container s"), "\(removed)")
      try plugins.expectNothingLeft()
    }
  }

  // covers PD-164: killed while plugins run, the next command undoes what they did
  @Test func killedWhilePluginsRun() throws {
    try withPlugins { plugins in
      let engine = plugins.engine
      let (hold, seen) = (engine.scratch + "/hold", engine.scratch + "/seen")
      try plugins.script(
        "slow",
        """
        cat >\(seen).$CNI_COMMAND; [ $CNI_COMMAND = ADD ] || exit 0
        while [ -e \(hold) ]; do sleep 0.05; done; echo >\(seen).end
        """)
      try plugins.write("30-slow.conflist", plugins.withSecond("slow", "slow"))
      for flags in [["--rm"], []] {
        try replaceFile(hold, with: [], durable: false)
        let child = try engine.startBerth(
          plugins.flags + ["run", "-d", "--name", "k", "--network", "slow"] + flags + ["busybox", "sleep", "1000"])
        #expect(eventually(20) { exists(seen + ".ADD") })
        #expect(try plugins.leases() == ["10.61.0.2"], "the plugin before it has done its part")
        try child.signal(SIGKILL)
        _ = try child.wait()
        let release = try start(["sh", "-c", "sleep 0.4; rm \(hold)"])
        let names = try engine.ok("ps", "-a", "--format", "{{.Names}}")
        #expect(names == (flags.isEmpty ? "k" : ""))
        #expect(exists(seen + ".end"), "the plugin was waited for")
        _ = try release.wait()
        #expect(try JSON.parse(try readText(seen + ".DEL"))["prevResult"]?["ips"]?.array?.count == 1)
        try plugins.expectNothingLeft()
        for word in ["ADD", "DEL", "end"] { try unlink("\(seen).\(word)") }
        try TestKit.run(["sh", "-c", "rm -f \(engine.scratch)/ipam/*/last_reserved_ip.0"])
        try engine.ok("rm", "-f", "--ignore", "k")
      }
    }
  }

  // covers PD-139, PD-164: killed at any step, a change of a running container's networks can be made again, or taken
  // back, or the container removed
  @Test(.needs(.program("strace")), arguments: ["connect", "disconnect"])
  func changesThatAreKilled(_ change: String) throws {
    try withPlugins { plugins in
      let engine = plugins.engine
      let log = engine.scratch + "/trace"
      func attempt(_ strace: [String]) throws -> Outcome {
        try plugins.ok("run", "-d", "--name", "c", "--network", "berth", "-p", "8080:80", "busybox", "sleep", "1000")
        if change == "disconnect" { try plugins.ok("network", "connect", "web", "c") }
        let command = ["strace"] + strace + [Installed.berth] + plugins.flags + ["network", change, "web", "c"]
        return try TestKit.run(engine.beside(command), environment: engine.environment)
      }
      #expect(try attempt(["-o", log]).code == 0)
      try engine.ok("rm", "-f", "-t", "0", "c")
      let points = KillPoint.all(inTrace: try readText(log))
      #expect(points.count > 30, "\(points)")
      var (isMended, killed) = (false, 0)
      let done = try spread(points, seconds: 4) { point in
        if try attempt(point.options()).code != 0 { killed += 1 }
        isMended.toggle()
        if isMended {
          let left = try plugins.berth(["network", "disconnect", "web", "c"])
          #expect(left.code == 0 || left.errorText.contains("is not connected to network web"), "\(point): \(left)")
          try plugins.ok("network", "connect", "web", "c")
          let addresses = try engine.ok("exec", "c", "ip", "-o", "-4", "addr")
          #expect(try plugins.leases().count == 1 && addresses.contains("10.61.0."), "\(point): \(addresses)")
        }
        try engine.ok("rm", "-f", "-t", "0", "c")
        try plugins.expectNothingLeft()
      }
      #expect(killed > done / 2, "\(killed) of \(done) were killed")
    }
  }

  // covers PD-164: what was chosen has to be there, and to be root's; files are their owners'
  @Test func chosenDirectories() throws {
    try withPlugins { plugins in
      let engine = plugins.engine
      for flags in [
        ["--network-config-dir", "/nowhere"], ["--network-config-dir", "etc"], ["--cni-plugin-dir", "/nowhere"],
      ] {
        let outcome = try engine.berth(flags + ["ps"])
        #expect(outcome.code == 125 && outcome.errorText.contains("\(flags[0]) \"\(flags[1])\""), "\(outcome)")
      }
      let environment = try engine.berth("ps", environment: ["BERTH_CNI_CONFIG_DIR": "/nowhere"])
      #expect(environment.code == 125, "\(environment)")
      func refused(_ word: String, _ arguments: String...) throws {
        let outcome = try plugins.berth(arguments)
        #expect(outcome.code == 125 && outcome.errorText.contains(word), "\(outcome)")
      }
      try refused("rm \(plugins.directory)/10-web.conflist", "network", "rm", "web")
      try refused("not Berth's", "network", "update", "--dns-add", "1.1.1.1", "web")
      try refused("10-web.conflist describes it", "network", "create", "web")
      try refused("network web has 10.61.0.0/24", "network", "create", "--subnet", "10.61.0.0/25", "n")
      try refused("unsupported driver cni", "network", "create", "-d", "cni", "n")
      try plugins.ok("create", "--name", "c", "--network", "web", "busybox")
      try engine.ok("network", "prune", "-f")
      #expect(exists(plugins.directory + "/10-web.conflist"))
      try unlink(plugins.directory + "/10-web.conflist")
      let gone = try engine.berth("start", "c")
      #expect(gone.code == 125 && gone.errorText.contains("10-web.conflist"), "\(gone)")
      try engine.ok("rm", "c")
      try engine.ok("network", "rm", "web")
      #expect(try plugins.ok("network", "ls", "-q") == "berth\np2p")
      // A network that somebody else than root could have written, and one that nobody can read.
      try plugins.write("60-evil.conflist", plugins.withSecond("evil", "sulk"), mode: 0o666)
      try plugins.write("70-new.conf", #"{"cniVersion": "7.0.0", "name": "new", "type": "ptp"}"#)
      let listed = try plugins.berth(["network", "ls", "-q"])
      #expect(listed.code == 0 && listed.trimmed == "berth\np2p", "\(listed)")
      #expect(listed.errorText.contains("others than root can change it") && listed.errorText.contains("7.0.0"))
      try refused("network not found", "run", "--rm", "--network", "evil", "busybox", "true")
      chmod(plugins.directory, 0o777)
      try refused("others than root can change it", "network", "ls")
    }
  }

  // covers PD-142, PD-164: without slirp4netns the namespace is left as it is; a chosen one is used
  @Test(.needs(.program("slirp4netns"))) func slirpIsChosen() throws {
    try withEngine { engine in
      try engine.importBusybox()
      func run(_ flags: [String], hidden: Bool) throws -> Outcome {
        let hide = hidden ? "mount --bind /dev/null \(findProgram("slirp4netns") ?? ""); " : ""
        let words =
          [Installed.berth] + flags + ["run", "--rm", "--network", "slirp4netns", "busybox", "ip", "-o", "addr"]
        return try TestKit.run(
          engine.beside(["unshare", "-m", "sh", "-c", hide + "exec \"$@\"", "sh"] + words),
          environment: engine.environment)
      }
      let missing = try run([], hidden: true)
      #expect(missing.code == 0 && missing.text.contains("lo ") && !missing.text.contains("tap0"), "\(missing)")
      #expect(missing.errorText.contains("warning: slirp4netns is not installed"), "\(missing)")
      let wrong = try run(["--network-cmd-path", "/nowhere/slirp"], hidden: false)
      #expect(wrong.code == 125 && wrong.errorText.contains("/nowhere/slirp"), "\(wrong)")
      let chosen = engine.scratch + "/my-slirp"
      try replaceFile(
        chosen, with: Array("#!/bin/sh\necho >\(engine.scratch)/used; exec slirp4netns \"$@\"\n".utf8), mode: 0o755,
        durable: false)
      let used = try run(["--network-cmd-path", chosen], hidden: false)
      #expect(used.code == 0 && used.text.contains("tap0") && exists(engine.scratch + "/used"), "\(used)")
    }
  }
}

/// An engine with CNI networks: `web` (bridge, portmap, firewall, tuning) and `p2p` (ptp, one plugin alone).
private struct PluginEngine {
  let engine: TestEngine
  var directory: String { engine.scratch + "/net.d" }
  var flags: [String] {
    [
      "--network-config-dir", directory, "--cni-plugin-dir", "/usr/lib/cni", "--cni-plugin-dir",
      engine.scratch + "/cni",
    ]
  }
  func berth(_ arguments: [String]) throws -> Outcome { try engine.berth(flags + arguments) }
  @discardableResult
  func ok(_ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
    let outcome = try berth(arguments)
    #expect(outcome.code == 0, "\(outcome)", sourceLocation: sourceLocation)
    return outcome.trimmed
  }

  private func bridge(_ more: String) -> String {
    """
    {"type": "bridge", "bridge": "cni-web", "isGateway": true, "ipMasq": true, "hairpinMode": true,
      "dns": {"nameservers": ["10.61.0.53"], "search": ["web.example"]}, "ipam": {"type": "host-local",
      "dataDir": "\(engine.scratch)/ipam", "ranges": [[{"subnet": "10.61.0.0/24", "gateway": "10.61.0.1"}]],
      "routes": [{"dst": "0.0.0.0/0"}]}}\(more)
    """
  }
  var web: String {
    let more = """
      , {"type": "portmap", "capabilities": {"portMappings": true}}, {"type": "firewall"},
      {"type": "tuning", "sysctl": {"net.ipv4.conf.all.log_martians": "1"}}
      """
    return #"{"cniVersion": "1.0.0", "name": "web", "plugins": [\#(bridge(more))]}"#
  }
  /// A bridge and a plugin of the test's own behind it.
  func withSecond(_ name: String, _ type: String) -> String {
    #"{"cniVersion": "0.4.0", "name": "\#(name)", "plugins": [\#(bridge(", {\"type\": \"\(type)\"}"))]}"#
  }
  var pointToPoint: String {
    """
    {"cniVersion": "0.4.0", "name": "p2p", "type": "ptp", "ipMasq": true, "ipam": {"type": "host-local",
      "dataDir": "\(engine.scratch)/ipam", "subnet": "10.62.0.0/24", "routes": [{"dst": "10.99.0.0/24"}]}}
    """
  }

  func write(_ name: String, _ text: String, mode: mode_t = 0o644) throws {
    try replaceFile("\(directory)/\(name)", with: Array(text.utf8), durable: false)
    chmod("\(directory)/\(name)", mode)
  }
  func script(_ name: String, _ text: String) throws {
    try replaceFile(
      "\(engine.scratch)/cni/\(name)", with: Array("#!/bin/sh\n\(text)\n".utf8), mode: 0o755, durable: false)
  }
  /// Addresses that host-local has given out.
  func leases() throws -> [String] {
    let networks = (try? entries(ofPath: engine.scratch + "/ipam")) ?? []
    return try networks.flatMap { network in
      try entries(ofPath: "\(engine.scratch)/ipam/\(network.name)").map(\.name).filter { $0.hasPrefix("10.") }
    }
  }
  func expectNothingLeft(of names: String..., sourceLocation: SourceLocation = #_sourceLocation) throws {
    #expect(try leases().isEmpty, sourceLocation: sourceLocation)
    #expect((try? entries(ofPath: engine.runroot + "/netns"))?.isEmpty ?? true, sourceLocation: sourceLocation)
    #expect(try eventually(10) { try engine.veths().isEmpty }, "an interface is left", sourceLocation: sourceLocation)
    let rules = try engine.host("iptables-save").text
    #expect(!rules.contains("id: "), "\(rules)", sourceLocation: sourceLocation)
    for name in names {
      let id = try engine.ok("inspect", "-f", "{{.Id}}", name)
      #expect(!rules.contains(id), "\(rules)", sourceLocation: sourceLocation)
    }
  }
}

private func withPlugins(_ name: String = #function, _ body: (PluginEngine) throws -> Void) throws {
  try withEngine(name) { engine in
    let plugins = PluginEngine(engine: engine)
    for path in [plugins.directory, engine.scratch + "/cni"] { try makeDirectory(path) }
    try plugins.write("10-web.conflist", plugins.web)
    try plugins.write("20-p2p.conf", plugins.pointToPoint)
    try engine.importBusybox()
    try body(plugins)
  }
}
