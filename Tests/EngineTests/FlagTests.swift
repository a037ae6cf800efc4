import Problems
import Testing

@testable import Engine
@testable import Networking

/// The message of the problem that `body` throws.
func problem(_ body: () throws(Problem) -> Void) -> Problem? {
  do throws(Problem) {
    try body()
    return nil
  } catch { return error }
}

@Suite struct FlagTests {
  @Test(
    arguments: [
      ("512", 512), ("1k", 1024), ("64m", 64 << 20), ("1.5G", 3 << 29), ("10KiB", 10240), ("2GB", 2 << 30), ("0", 0),
    ] as [(String, Int64)])
  func bytes(_ text: String, _ expected: Int64) throws {
    #expect(try FlagValue.bytes(text, flag: "--memory") == expected)
  }

  @Test(arguments: ["", "-1", "m", "1x", "1 m", "9999999p", "0x10"]) func badBytes(_ text: String) {
    #expect(
      problem { () throws(Problem) in _ = try FlagValue.bytes(text, flag: "--memory") }?.message.hasPrefix(
        "--memory \"\(text)\"") == true)
  }
  @Test func unlimitedBytes() throws {
    #expect(try FlagValue.bytesOrUnlimited("-1", flag: "--memory-swap") == -1)
  }

  // covers PD-161
  @Test(
    arguments: [("nofile=10", 10, 10), ("nproc=5:10", 5, 10), ("core=-1", -1, -1), ("CORE=0:unlimited", 0, -1)]
      as [(String, Int64, Int64)])
  func ulimits(_ text: String, _ soft: Int64, _ hard: Int64) throws {
    let limit = try Ulimit(flag: text)
    #expect(limit.soft == soft && limit.hard == hard)
  }
  @Test(arguments: ["nofile", "nofile=", "nofile=a", "nofile=10:5", "nofile=-1:5", "nosuch=1", "nofile=1:2:3", "=1"])
  func badUlimits(_ text: String) {
    #expect(problem { () throws(Problem) in _ = try Ulimit(flag: text) }?.code == .invalid)
  }

  @Test(arguments: [
    ("/dev/a", "/dev/a", "rwm"), ("/dev/a:/dev/b", "/dev/b", "rwm"), ("/dev/a:r", "/dev/a", "r"),
    ("/dev/a:/dev/b:rw", "/dev/b", "rw"),
  ])
  func devices(_ text: String, _ path: String, _ access: String) throws {
    let device = try DeviceMapping(flag: text)
    #expect(device.hostPath == "/dev/a" && device.containerPath == path && device.access == access)
  }
  @Test(arguments: ["dev/a", "/dev/a:x", "/dev/a:rr", "/dev/a:/b:rwm:x", ""]) func badDevices(_ text: String) {
    #expect(problem { () throws(Problem) in _ = try DeviceMapping(flag: text) }?.code == .invalid)
  }
  @Test func cdiDevicesAreRefusedByName() {
    #expect(
      problem { () throws(Problem) in _ = try DeviceMapping(flag: "vendor.com/class=gpu0") }?.code == .unsupported)
  }

  // covers PD-161
  @Test func deviceRates() throws {
    #expect(try DeviceRate(.readBytes, flag: "/dev/a:b:1m") == DeviceRate(.readBytes, path: "/dev/a:b", rate: 1 << 20))
    #expect(try DeviceRate(.weight, flag: "/dev/a:10").rate == 10)
  }
  @Test(
    arguments: [
      (.readBytes, "/dev/a"), (.readBytes, "a:1"), (.writeBytes, "/dev/a:0"), (.readOperations, "/dev/a:1m"),
      (.writeOperations, "/dev/a:-1"), (.weight, "/dev/a:9"), (.weight, "/dev/a:1001"), (.readBytes, "/dev/a:"),
    ] as [(DeviceRate.Kind, String)])
  func badDeviceRates(_ kind: DeviceRate.Kind, _ text: String) {
    let found = problem { () throws(Problem) in _ = try DeviceRate(kind, flag: text) }
    #expect(found?.code == .invalid && found?.message.hasPrefix("--\(kind.rawValue) ") == true)
  }

  // covers PD-107
  @Test func volumeOwners() throws {
    #expect(try VolumeOwner([:]) == nil)
    #expect(try VolumeOwner(["o": "gid=5,uid=7"]).map { [$0.uid, $0.gid] } == [7, 5])
    for options in [["type": "tmpfs"], ["o": "uid=1,size=2"], ["o": ""], ["o": "uid"]] {
      #expect(problem { () throws(Problem) in _ = try VolumeOwner(options) }?.code == .unsupported, "\(options)")
    }
    #expect(problem { () throws(Problem) in _ = try VolumeOwner(["o": "uid=-1"]) }?.code == .invalid)
  }

  @Test(arguments: [
    ("web:10.0.0.1", "web", "10.0.0.1"), ("six:fe80::1", "six", "fe80::1"), ("a;b:1.2.3.4", "a b", "1.2.3.4"),
  ])
  func hosts(_ text: String, _ name: String, _ address: String) throws {
    #expect(try HostEntry(flag: text) == HostEntry(name: name, address: address))
  }
  @Test(arguments: ["web", ":1.2.3.4", "web:", "web:1.2.3", "web:nonsense"]) func badHosts(_ text: String) {
    #expect(problem { () throws(Problem) in _ = try HostEntry(flag: text) }?.code == .invalid)
  }

  @Test func namespaceModes() throws {
    #expect(try NamespaceMode("host", flag: "--pid") == .host)
    #expect(try NamespaceMode("container:web", flag: "--pid") == .container("web"))
    #expect(try NamespaceMode("ns:/proc/1/ns/pid", flag: "--pid") == .path("/proc/1/ns/pid"))
    #expect(try NamespaceMode("shareable", flag: "--ipc") == .shareable)
    for text in ["shareable", "container:", "ns:relative", "pod", "none"] {
      #expect(problem { () throws(Problem) in _ = try NamespaceMode(text, flag: "--pid") }?.code == .invalid, "\(text)")
    }
  }
  // covers PD-136, PD-140
  @Test func networkFlags() throws {
    func options(_ flags: String...) throws(Problem) -> ContainerOptions {
      var options = ContainerOptions(.image("i"))
      for flag in flags { try options.addNetwork(flag: flag) }
      return options
    }
    #expect(try options("none").network == .none)
    #expect(try options("host").network == .host)
    #expect(try options("container:web").network == .container("web"))
    #expect(try options("ns:/run/netns/x").network == .path("/run/netns/x"))
    #expect(try options("private").network == .bridge && options().networks.isEmpty)
    #expect(try options("a,b").networks.map(\.network) == ["a", "b"])
    let two = try options("a:ip=10.0.0.5,mac=92:d0:c6:0a:29:33,alias=x,alias=y,interface_name=net0", "b").networks
    #expect(two.count == 2 && two[0].addresses.map(\.description) == ["10.0.0.5"] && two[0].aliases == ["x", "y"])
    #expect(two[0].interface == "net0" && two[0].mac?.description == "92:d0:c6:0a:29:33")
    for flags in [
      ["a", "none"], ["host", "a"], ["a,"], [":ip=1.2.3.4"], ["a:ip=x"], ["a:colour=red"], ["ns:relative"], ["a:ip"],
    ] {
      let refusal = problem { () throws(Problem) in
        var options = ContainerOptions(.image("i"))
        for flag in flags { try options.addNetwork(flag: flag) }
      }
      #expect(refusal?.code == .invalid, "\(flags)")
    }
    #expect(try options("slirp4netns:mtu=1400").network == .slirp(["mtu=1400"]))
  }

  @Test func entrypoints() throws {
    #expect(try FlagValue.entrypoint("") == [])
    #expect(try FlagValue.entrypoint("/bin/sh") == ["/bin/sh"])
    #expect(try FlagValue.entrypoint("[\"a\", \"b c\"]") == ["a", "b c"])
    #expect(problem { () throws(Problem) in _ = try FlagValue.entrypoint("[1]") }?.code == .invalid)
  }

  // covers PD-60, PD-123
  @Test func signalsAndMasks() throws {
    #expect(try FlagValue.signal("TERM", flag: "--stop-signal") == 15)
    #expect(try FlagValue.signal("SIGRTMIN+3", flag: "--stop-signal") == 37)
    for text in ["0", "65", "NOPE"] {
      #expect(problem { () throws(Problem) in _ = try FlagValue.signal(text, flag: "--stop-signal") }?.code == .invalid)
    }
    #expect(try FlagValue.umask("027", flag: "--umask") == 0o27)
    for text in ["8", "-1", "01000", "x", "+7"] {
      #expect(
        problem { () throws(Problem) in _ = try FlagValue.umask(text, flag: "--umask") }?.message.contains(
          "invalid umask string") == true)
    }
  }

  // covers PD-38
  @Test func names() throws {
    for name in ["a", "web-1", "Web_2.x", "0"] { #expect(ObjectName.isValid(name)) }
    for name in ["", "-a", ".a", "_a", "a/b", "a b", "ä", "../x", String(repeating: "a", count: 300)] {
      #expect(!ObjectName.isValid(name))
    }
    let ids = Set((0..<100).map { _ in Identity.random() })
    #expect(ids.count == 100 && ids.allSatisfy { $0.count == 64 && $0.allSatisfy(\.isHexDigit) })
    #expect(Identity.adjectives.count * Identity.nouns.count == 4096)
    #expect((1...50).allSatisfy { ObjectName.isValid(Identity.containerName(attempt: $0)) })
  }
}
