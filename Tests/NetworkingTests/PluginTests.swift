import Glibc
import JSON
import Problems
import Sys
import TestKit
import Testing

@testable import Networking

/// Descriptions of CNI networks and what plugins answer: well-formed, and as an enemy would write them.
@Suite struct PluginTests {
  private static let web = """
    {"cniVersion": "1.0.0", "name": "web", "plugins": [
      {"type": "bridge", "bridge": "cni0", "isGateway": true, "mtu": 1400, "capabilities": {"ips": true, "mac": false},
       "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.61.0.0/24", "gateway": "10.61.0.1",
         "rangeStart": "10.61.0.10", "rangeEnd": "10.61.0.20"}], [{"subnet": "fd61::/64"}]]}},
      {"type": "portmap", "capabilities": {"portMappings": true}}]}
    """
  private func list(_ text: String) throws -> PluginList { try PluginList(try JSON.parse(text), file: "F") }
  private func attachment(_ list: PluginList) -> PluginAttachment {
    PluginAttachment(
      list: list, directories: PluginDirectories(["/nowhere"]), container: "c1", interface: "eth0",
      namespace: "/run/n", arguments: ["IgnoreUnknown=1"], known: JSON.Object([("mac", "02:00:00:00:00:09")]))
  }

  // covers PD-164
  @Test func aList() throws {
    let list = try list(Self.web)
    #expect(list.name == "web" && list.version == .v100 && !list.disablesCheck)
    #expect(list.plugins.map(\.type) == ["bridge", "portmap"])
    #expect(list.has(capability: "ips") && list.has(capability: "portMappings") && !list.has(capability: "mac"))
    let kept = attachment(list)
    #expect(PluginAttachment(text: kept.text) == kept)
    #expect(PluginAttachment(text: "{}") == nil && PluginAttachment(text: "") == nil)
  }

  @Test func onePluginIsAList() throws {
    let list = try list(#"{"cniVersion": "0.4.0", "name": "p", "type": "ptp", "disableCheck": "true"}"#)
    #expect(list.plugins.map(\.type) == ["ptp"] && list.disablesCheck)
  }

  @Test(arguments: [
    (#""0.3.0""#, PluginVersion.v030), (#""0.3.1""#, .v031), (#""0.4.0""#, .v040), (#""1.0.0""#, .v100),
    (#""1.1.0""#, .v110), (#""0.4.0", "cniVersions": ["0.3.1", "1.0.0", "9.0.0"]"#, .v100),
  ]) func versions(_ text: String, _ version: PluginVersion) throws {
    #expect(try list(#"{"cniVersion": \#(text), "name": "p", "type": "ptp"}"#).version == version)
  }

  @Test(arguments: [
    "[]", "null", "\"x\"", "{}", #"{"cniVersion": "1.0.0"}"#, #"{"cniVersion": "1.0.0", "name": "p"}"#,
    #"{"cniVersion": "1.0.0", "name": 5, "type": "ptp"}"#, #"{"cniVersion": "1.0.0", "name": "", "type": "ptp"}"#,
    #"{"cniVersion": "1.0.0", "name": "../p", "type": "ptp"}"#, #"{"cniVersion": "1.0.0", "name": "a b", "type": "x"}"#,
    #"{"cniVersion": "1.0.0", "name": "p", "type": ""}"#, #"{"cniVersion": "1.0.0", "name": "p", "type": ".."}"#,
    #"{"cniVersion": "1.0.0", "name": "p", "type": "../../bin/sh"}"#,
    #"{"cniVersion": "1.0.0", "name": "p", "type": "/bin/sh"}"#,
    #"{"cniVersion": "1.0.0", "name": "p", "type": ["x"]}"#,
    #"{"cniVersion": "1.0.0", "name": "p", "type": "a\u0000b"}"#,
    #"{"cniVersion": "1.0.0", "name": "p", "plugins": []}"#,
    #"{"cniVersion": "1.0.0", "name": "p", "plugins": {}}"#, #"{"cniVersion": "1.0.0", "name": "p", "plugins": [5]}"#,
    #"{"cniVersion": "1.0.0", "name": "p", "type": "x", "capabilities": {"ips": "yes"}}"#,
    #"{"cniVersion": "1.0.0", "name": "p", "type": "x", "capabilities": []}"#,
    #"{"cniVersion": "1.0.0", "name": "p", "type": "x", "disableCheck": 1}"#,
  ]) func hostileLists(_ text: String) throws {
    let problem = #expect(throws: Problem.self) { _ = try list(text) }
    #expect(problem?.message.contains("F") == true && problem?.hint != nil)
  }

  @Test func versionsThatNobodySpeaks() throws {
    for version in [#""0.2.0""#, #""2.0.0""#, "1", "null", #""1.0""#] {
      let problem = #expect(throws: Problem.self) {
        _ = try list(#"{"cniVersion": \#(version), "name": "p", "type": "ptp"}"#)
      }
      #expect(problem?.code == .unsupported && problem?.hint?.contains("1.0.0") == true)
    }
  }

  @Test func tooManyPlugins() throws {
    let plugins = Array(repeating: #"{"type": "x"}"#, count: 33).joined(separator: ",")
    #expect(throws: Problem.self) { _ = try list(#"{"cniVersion": "1.0.0", "name": "p", "plugins": [\#(plugins)]}"#) }
  }

  @Test func whatIsShown() throws {
    let entry = PluginConfigurations.Entry(list: try list(Self.web), file: "/f", modified: 7)
    let network = NetworkConfiguration(entry, id: "ab")
    #expect(network.driverName == "bridge" && network.driver == .cni && network.interface == "cni0")
    #expect(network.subnets.map(\.subnet.description) == ["10.61.0.0/24", "fd61::/64"])
    #expect(network.subnets[0].gateway == IPAddress("10.61.0.1") && network.options == ["mtu": "1400"])
    #expect(network.ipv6Enabled && !network.isInternal && !network.dnsEnabled)
    #expect(NetworkConfiguration(network.document(created: ""), created: 7) == network)
    let bare = NetworkConfiguration(
      .init(list: try list(#"{"cniVersion": "1.0.0", "name": "p", "type": "x", "ipam": 5}"#), file: "", modified: 0),
      id: "")
    #expect(bare.subnets.isEmpty && bare.driverName == "x" && bare.ipamOptions["driver"] == "none")
  }

  // MARK: with programs

  /// Runs a chain of shell scripts; each gets its name from the list.
  private func run(
    _ scripts: [String: String], _ text: String, _ body: (inout PluginAttachment) throws -> Void
  ) throws {
    try withScratch { scratch in
      for (name, script) in scripts {
        let file = try open("\(scratch)/\(name)", O_WRONLY | O_CREAT, mode: 0o755)
        try writeAll(file, "#!/bin/sh\n" + script)
      }
      var attachment = PluginAttachment(
        list: try list(text), directories: PluginDirectories(["/nowhere", scratch]), container: "c1",
        interface: "eth0", namespace: "/run/n", arguments: ["A=1", "B=2"],
        known: JSON.Object([("mac", "02:00:00:00:00:09"), ("ips", ["10.0.0.9/24"])]))
      try body(&attachment)
    }
  }
  private static let answer = """
    {"cniVersion": "1.0.0", "interfaces": [{"name": "br"}, {"name": "eth0", "mac": "02:00:00:00:00:09", "sandbox": "/n"}],
     "ips": [{"address": "10.0.0.1/24", "interface": 0},
       {"address": "10.0.0.9/24", "gateway": "10.0.0.1", "interface": 1}, {"address": "fd00::9/64"}],
     "dns": {"nameservers": ["10.0.0.53"], "domain": "one.example"}}
    """

  // covers PD-164
  @Test func aChain() throws {
    let scripts = [
      "one": "cat >$0.$CNI_COMMAND; env | sort >$0.env; cat <<'E'\n\(Self.answer)\nE\n",
      "two": "cat >$0.$CNI_COMMAND; cat <<'E'\n\(Self.answer)\nE\n",
    ]
    let text = """
      {"cniVersion": "1.0.0", "name": "n", "plugins": [{"type": "one", "capabilities": {"mac": true}, "x": [1]},
        {"type": "two"}]}
      """
    try run(scripts, text) { attachment in
      var kept: [PluginAttachment] = []
      let result = try attachment.add { kept.append($0) }
      #expect(kept.count == 4 && kept[0].result == nil && kept[1].result != nil && kept[3].isComplete)
      #expect(kept.dropLast().allSatisfy { !$0.isComplete })
      #expect(result.mac == MACAddress("02:00:00:00:00:09"))
      #expect(result.addresses.map(\.address) == [IPAddress("10.0.0.9"), IPAddress("fd00::9")])
      #expect(
        result.addresses[0].gateway == IPAddress("10.0.0.1") && result.addresses[0].subnet == Subnet("10.0.0.0/24"))
      #expect(result.nameServers.servers == [IPAddress("10.0.0.53")] && result.nameServers.search == ["one.example"])
      try attachment.check()
      try attachment.delete(namespaceIsThere: false)
      let directory = attachment.directories.paths[1]
      func input(_ name: String) throws -> JSON { try JSON.parse(try readText("\(directory)/\(name)")) }
      #expect(try input("one.ADD")["runtimeConfig"] == ["mac": "02:00:00:00:00:09"])
      #expect(try input("one.ADD")["x"] == [1] && input("one.ADD")["prevResult"] == nil)
      #expect(try input("two.ADD")["runtimeConfig"] == nil && input("two.ADD")["prevResult"]?["ips"] != nil)
      for name in ["one.CHECK", "two.CHECK", "one.DEL", "two.DEL"] {
        #expect(try input(name)["prevResult"]?["ips"] != nil && input(name)["name"] == "n", "\(name)")
      }
      let environment = try readText("\(directory)/one.env")
      #expect(environment.contains("CNI_ARGS=A=1;B=2\n") && environment.contains("CNI_NETNS=\n"))
      #expect(environment.contains("CNI_PATH=/nowhere:\(directory)\n") && !environment.contains("HOME="))
    }
  }

  private static let alone = #"{"cniVersion": "1.0.0", "name": "n", "type": "one"}"#

  @Test(arguments: [
    (
      #"echo '{"code": 7, "msg": "no subnet", "details": "really"}'; exit 1"#, Problem.Code.invalid, "no subnet: really"
    ),
    (#"echo '{"code": 1, "msg": "old"}'; exit 1"#, .unsupported, "old (code 1)"),
    (#"echo '{"code": 11, "msg": "\u001b[2Jlater"}'; exit 1"#, .unavailable, "[2Jlater"),
    ("echo broken >&2; exit 3", .unavailable, "broken (exit 3)"), ("kill -9 $$", .unavailable, "killed by signal 9"),
    ("exit 0", .invalid, "not valid JSON"), ("echo '[]'", .invalid, "not a JSON object"),
    ("echo '{\"ips\": 5}'", .invalid, "\"ips\""),
    ("echo '{\"ips\": [{\"address\": \"10.0.0.1\"}]}'", .invalid, "\"ips\""),
    ("echo '{\"ips\": [{\"address\": \"10.0.0.1/99\"}]}'", .invalid, "\"ips\""),
    ("echo '{\"ips\": [{\"address\": \"10.0.0.1/8\", \"gateway\": \"fd00::1\"}]}'", .invalid, "\"ips\""),
    (#"echo '{"dns": {"nameservers": ["1.1.1.1\\nsearch evil"]}}'"#, .invalid, "\"dns\""),
    (#"echo '{"dns": {"search": ["a\\nnameserver 6.6.6.6"]}}'"#, .invalid, "\"dns\""),
    (#"echo '{"dns": {"options": [5]}}'"#, .invalid, "\"dns\""),
    ("head -c 2000000 /dev/zero", .invalid, "more than"),
    (
      "i=0; while [ $i -lt 128 ]; do printf '{\"a\":'; i=$((i+1)); done; printf 1; printf '%128s' | tr ' ' '}'",
      .invalid,
      "nested"
    ),
    (
      "i=0; while [ $i -lt 65 ]; do x=\"$x,{\\\"address\\\":\\\"10.0.0.1/8\\\"}\"; i=$((i+1)); done; echo \"{\\\"ips\\\":[${x#,}]}\"",
      .invalid, "at most"
    ),
  ]) func failures(_ script: String, _ code: Problem.Code, _ words: String) throws {
    try run(["one": script], Self.alone) { attachment in
      let problem = #expect(throws: Problem.self) { _ = try attachment.add { _ in } }
      #expect(problem?.code == code && problem?.sentence.contains(words) == true, "\(String(describing: problem))")
      #expect(problem?.sentence.contains("network n") == true && problem?.sentence.contains("\u{1b}") == false)
      #expect(!attachment.isComplete)
    }
  }

  @Test func noiseWithoutAnEndIsNoAnswer() throws {
    // What it writes to standard error is read and dropped; what goes on behind it does not hold us up.
    try run(["one": "yes >&2 & echo '{}'; sleep 0.2; kill $!"], Self.alone) { attachment in
      let result = try attachment.add { _ in }
      #expect(result.addresses.isEmpty)
    }
    try run(["one": "sleep 1000 & echo '{}'; echo $! >$0.pid"], Self.alone) { attachment in
      let result = try attachment.add { _ in }
      #expect(result.addresses.isEmpty)
      let pid = try #require(
        pid_t(try readText(attachment.directories.paths[1] + "/one.pid").split(separator: "\n")[0]))
      kill(pid, SIGKILL)
    }
  }

  @Test func onesThatHangAreKilled() throws {
    try withScratch { scratch in
      let path = scratch + "/hang"
      try replaceFile(
        path, with: Array("#!/bin/sh\necho $$ >\(scratch)/pid; sleep 1000\n".utf8), mode: 0o755, durable: false)
      let program = PluginProgram(path: path, title: "CNI plugin hang of network n", milliseconds: 300)
      let problem = #expect(throws: Problem.self) { _ = try program.run(.add, input: [:], variables: []) }
      #expect(problem?.code == .timeout && problem?.message.contains("hang of network n (ADD)") == true)
      let pid = try #require(pid_t(try readText(scratch + "/pid").split(separator: "\n")[0]))
      #expect(eventually(5) { kill(-pid, 0) == -1 && errno == ESRCH }, "with all that it started")
    }
  }

  @Test func newVersionsAreTalkedAbout() throws {
    let script = """
      if [ $CNI_COMMAND = VERSION ]; then echo '{"supportedVersions": ["0.4.0", "1.0.0"]}'; exit; fi
      cat >$0.in; echo '{"cniVersion": "1.0.0"}'
      """
    try run(["one": script], #"{"cniVersion": "1.1.0", "name": "n", "type": "one"}"#) { attachment in
      _ = try attachment.add { _ in }
      #expect(attachment.list.version == .v100)
      #expect(try readText(attachment.directories.paths[1] + "/one.in").contains(#""cniVersion":"1.0.0""#))
    }
    try run(
      ["one": "echo '{\"supportedVersions\": [\"9.0.0\"]}'"], #"{"cniVersion": "1.1.0", "name": "n", "type": "one"}"#
    ) {
      attachment in
      let problem = #expect(throws: Problem.self) { _ = try attachment.add { _ in } }
      #expect(problem?.code == .unsupported && problem?.hint?.contains("9.0.0") == true)
    }
  }

  @Test func olderVersionsGetNoResultWithDelete() throws {
    try run(
      ["one": "cat >$0.$CNI_COMMAND; echo '{}'"], #"{"cniVersion": "0.3.1", "name": "n", "type": "one"}"#
    ) { attachment in
      _ = try attachment.add { _ in }
      #expect(!attachment.canBeChecked)
      try attachment.delete(namespaceIsThere: true)
      #expect(try !readText(attachment.directories.paths[1] + "/one.DEL").contains("prevResult"))
    }
  }

  @Test func deleteGoesOnAndTellsTheFirst() throws {
    let scripts = ["one": "echo one >>${0%/*}/order", "two": "echo two >>${0%/*}/order; echo sorry >&2; exit 1"]
    let text = #"{"cniVersion": "1.0.0", "name": "n", "plugins": [{"type": "one"}, {"type": "two"}]}"#
    try run(scripts, text) { attachment in
      let problem = #expect(throws: Problem.self) { try attachment.delete(namespaceIsThere: true) }
      #expect(problem?.sentence.contains("CNI plugin two of network n failed (DEL): sorry") == true)
      let order = try readText(attachment.directories.paths[1] + "/order")
      #expect(order == "two\none\n")
    }
  }

  // MARK: who may have written them

  // covers PD-164: files by which root runs programs belong to root alone
  @Test func filesOfOthersAreNotUsed() throws {
    try withScratch { scratch in
      func put(_ name: String, _ text: String, mode: mode_t = 0o644) throws {
        let file = try open("\(scratch)/\(name)", O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
        try writeAll(file, text)
        fchmod(file.borrowed, mode)
      }
      let configurations = PluginConfigurations(directory: scratch)
      #expect(try PluginConfigurations(directory: scratch + "/none").read().entries.isEmpty)
      try put("b.conflist", Self.alone)
      try put("a.conflist", #"{"cniVersion": "1.0.0", "name": "a", "type": "one"}"#)
      try put("c.json", Self.alone)
      try put("d.conf", "{", mode: 0o644)
      try put("e.conf", #"{"cniVersion": "1.0.0", "name": "e", "type": "one"}"#, mode: 0o666)
      try put("f.txt", "not ours")
      mkfifo(scratch + "/g.conf", 0o644)
      let (entries, faults) = try configurations.read()
      #expect(entries.map(\.list.name) == ["a", "n"])
      #expect(faults.map(\.code) == [.conflict, .invalid, .denied, .invalid], "\(faults)")
      try put("one", "#!/bin/sh\n", mode: 0o777)
      var attachment = attachment(try list(Self.alone))
      let missing = #expect(throws: Problem.self) { _ = try attachment.add { _ in } }
      #expect(missing?.code == .notFound && missing?.hint?.contains("containernetworking-plugins") == true)
      attachment = PluginAttachment(
        list: attachment.list, directories: PluginDirectories([scratch]), container: "c", interface: "eth0",
        namespace: "/n", arguments: [], known: JSON.Object())
      let denied = #expect(throws: Problem.self) { _ = try attachment.add { _ in } }
      #expect(denied?.code == .denied && denied?.message.contains(scratch + "/one") == true)
      chmod(scratch, 0o777)
      #expect(throws: Problem.self) { _ = try configurations.read() }
    }
  }
}
