import CSys
import Glibc
import Problems
import RuntimeSpec
import Sys
import TestKit
import Testing

@testable import Cgroups

@Suite struct CgroupPathTests {
  @Test(arguments: [
    ("/a/b", "a/b"), ("a//b/", "a/b"), ("/../../a", "a"), ("a/../../../b", "b"), ("/", ""), (".", ""),
  ])
  func staysInTheHierarchy(_ path: String, _ clean: String) { #expect(CgroupPath.clean(path) == clean) }

  // covers LX-35
  @Test(arguments: [
    ("system.slice:crio:abc", "/system.slice/crio-abc.scope"), (":runc:x", "/system.slice/runc-x.scope"),
    ("a-b-c.slice:p:n", "/a.slice/a-b.slice/a-b-c.slice/p-n.scope"), ("-.slice::n", "/n.scope"),
    ("user.slice:p:n.slice", "/user.slice/n.slice"),
  ])
  func systemdNames(_ text: String, _ path: String) throws {
    #expect(try SystemdUnit(path: text, id: "x", isUser: false).path == path)
  }
  @Test(arguments: ["/a/b", "a:b", "x:p:n", "a.slice:p:", "a--b.slice:p:n", "a/b.slice:p:n", "a.slice:p:n n"])
  func badSystemdNames(_ text: String) {
    #expect(throws: Problem.self) { _ = try SystemdUnit(path: text, id: "x", isUser: false) }
  }

  @Test func unitsThatNobodyNamed() throws {
    #expect(try SystemdUnit(path: nil, id: "web", isUser: false).path == "/system.slice/berth-web.scope")
    #expect(try SystemdUnit(path: "", id: "web", isUser: true).path == "/user.slice/berth-web.scope")
  }

  @Test func namesDirectories() throws {
    let layout = CgroupLayout(hierarchies: [
      .init(version: .one, controllers: ["cpu", "cpuacct"], mountPoint: "/c/cpu,cpuacct", ownPath: "/"),
      .init(version: .two, controllers: [], mountPoint: "/c/unified", ownPath: "/"),
    ])
    let cgroup = try Cgroup(path: nil, id: "web", layout: layout)
    #expect(cgroup.directories.map(\.path) == ["/c/cpu,cpuacct/web", "/c/unified/web"])
    #expect(!cgroup.isUnified)
    #expect(cgroup.directory(of: "cpuacct")?.path == "/c/cpu,cpuacct/web")
    #expect(Cgroup(saved: cgroup.saved) == cgroup)
    #expect(throws: Problem.self) { _ = try Cgroup(path: "/..", id: "web", layout: layout) }
  }

  @Test func readsTheKernelsLists() {
    let memberships = CgroupLayout.parse(memberships: Array("4:cpu,cpuacct:/a:b\n1:name=systemd:/\n0::/x\n".utf8))
    #expect(memberships.map(\.controllers) == [["cpu", "cpuacct"], ["name=systemd"], []])
    #expect(memberships.map(\.path) == ["/a:b", "/", "/x"])
    let mounts = CgroupMount.parse(
      """
      31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
      32 31 0:29 / /odd\\040name rw shared:4 - cgroup none rw,cpu,cpuacct
      41 31 0:38 / /u rw - cgroup2 cgroup2 rw
      """)
    #expect(mounts.map(\.mountPoint) == ["/odd name", "/u"])
    #expect(mounts.map(\.version) == [.one, .two])
    #expect(mounts[0].holds(["cpuacct", "cpu"]) && !mounts[0].holds([]) && mounts[1].holds([]))
  }
}

// covers LX-26
@Suite struct DeviceRulesTests {
  private func rule(
    _ allow: Bool, _ type: String?, _ major: Int64? = nil, _ minor: Int64? = nil, _ access: String? = nil
  )
    -> DeviceRule
  {
    var rule = DeviceRule(allow: allow)
    (rule.type, rule.major, rule.minor, rule.access) = (type, major, minor, access)
    return rule
  }
  @Test func theStandardDevicesComeLast() throws {
    let rules = try DeviceRules([rule(true, "a"), rule(false, nil), rule(true, "c", 10, 200)])
    #expect(!rules.allowsByDefault)
    #expect(rules.rules.first?.text == "c 10:200 rwm")
    #expect(rules.rules.last?.text == "c 5:2 rwm")
    #expect(rules.rules.count == 13)
  }
  @Test func everything() throws {
    let rules = try DeviceRules([rule(false, "a"), rule(true, "a", -1, -1, "rwm")])
    #expect(rules.allowsByDefault && rules.rules.isEmpty)
  }
  @Test func noTypeIsBoth() throws {
    let rules = try DeviceRules([rule(true, nil, 8, nil, "r")])
    #expect(rules.rules.prefix(2).map(\.text) == ["b 8:* r", "c 8:* r"])
  }
  @Test(arguments: [("x", Int64(1), "r"), ("c", 1, "q"), ("c", -2, "r")])
  func wrongWords(_ type: String, _ major: Int64, _ access: String) {
    #expect(throws: Problem.self) { _ = try DeviceRules([rule(true, type, major, nil, access)]) }
  }
}

/// On this machine's kernel: as root, in cgroups of its own.
@Suite(.needs(.root), .serialized) struct CgroupKernelTests {
  private func withCgroup(_ body: (inout Cgroup) throws -> Void) throws {
    var cgroup = try Cgroup(path: "/berth-test-\(getpid())/c", id: "c")
    try cgroup.create()
    defer {
      try? cgroup.killAll()
      try? cgroup.delete()
      for directory in cgroup.directories { _ = csys_unlinkat(AT_FDCWD, parentPath(of: directory.path), AT_REMOVEDIR) }
    }
    try body(&cgroup)
    try cgroup.killAll()
    try cgroup.delete()
    #expect(!cgroup.isThere)
  }
  private func sleeper(in cgroup: Cgroup) throws -> ChildProcess {
    let child = try Spawn("/bin/sleep", ["1000"], environment: []).start()
    try cgroup.join(child.pid)
    return child
  }

  @Test func joinsListsFreezesAndKills() throws {
    try withCgroup { cgroup in
      #expect(try !cgroup.isPopulated())
      let child = try sleeper(in: cgroup)
      #expect(try cgroup.processes() == [child.pid])
      #expect(try cgroup.isPopulated())
      #expect(throws: Problem.self) { try cgroup.create() }
      try cgroup.freeze()
      #expect(try cgroup.isFrozen())
      try cgroup.thaw()
      #expect(try !cgroup.isFrozen())
      try cgroup.killAll()
      #expect(try child.wait() == .killed(signal: SIGKILL))
      #expect(try cgroup.waitUntilEmpty(milliseconds: 1000))
    }
  }

  @Test func limitsArrive() throws {
    try withCgroup { cgroup in
      var resources = Resources()
      resources.pids = PidsLimit()
      resources.pids?.limit = 33
      resources.memory = MemoryLimits()
      resources.memory?.limit = 32 << 20
      try cgroup.apply(resources, settingDevices: true)
      let used = cgroup.statistics()
      #expect(used.processLimit == 33)
      #expect(used.memory?.usage.limit == 32 << 20)
      #expect(cgroup.oomKills() == 0)
    }
  }

  /// The program of version 2, on the version 2 hierarchy of a hybrid host too.
  @Test func deviceProgramDecides() throws {
    try withCgroup { cgroup in
      guard let unified = cgroup.unified else { return }
      var zero = DeviceRule(allow: false)
      (zero.type, zero.major, zero.minor, zero.access) = ("c", 1, 5, "r")
      let rules = try DeviceRules([])
      try DeviceProgram(rules).attach(to: unified.path)
      try DeviceProgram(rules).attach(to: unified.path)  // takes the first one's place
      #expect(try opens("/dev/zero", in: unified.path))
      #expect(try opens("/dev/null", in: unified.path))
      #expect(try !opens("/dev/kmsg", in: unified.path))
      try DeviceProgram(
        DeviceRules([
          {
            var all = DeviceRule(allow: true); all.type = "a"; return all
          }(), zero,
        ])
      ).attach(
        to: unified.path)
      #expect(try opens("/dev/kmsg", in: unified.path))
    }
  }
  private func opens(_ path: String, in cgroup: String) throws -> Bool {
    let script = "echo $$ > \(cgroup)/cgroup.procs && exec 3<\(path)"
    return try TestKit.run(["/bin/sh", "-c", script]).code == 0
  }
}
