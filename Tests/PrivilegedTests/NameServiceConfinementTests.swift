import CSys
import DNSRecords
import Glibc
import JSON
import Sys
import TestKit
import Testing

/// What the program that reads strangers' packets cannot do.
@Suite(.needs(.root), .needs(.installed)) struct NameServiceConfinementTests {
  private func field(_ status: String, _ name: String) -> String? {
    status.split(separator: "\n").first { $0.hasPrefix(name + ":") }?.dropFirst(name.utf8.count + 1).trimmed
  }

  @Test func hasNoPrivilege() throws {
    try withNameServiceWorld { world in
      try world.serve("f1", NameServiceWorld.front())
      let pid = try #require(world.servicePid)
      let status = try readText("/proc/\(pid)/status")
      for set in ["CapPrm", "CapEff", "CapBnd"] { #expect(field(status, set) == "0000000000000400", "\(set)") }
      for set in ["CapInh", "CapAmb"] { #expect(field(status, set) == "0000000000000000", "\(set)") }
      #expect(field(status, "NoNewPrivs") == "1")
      #expect(field(status, "Seccomp") == "2")
      #expect(field(status, "Threads") == "1")
      #expect(field(status, "Uid")?.split(separator: "\t").allSatisfy { $0 == "65534" } == true)
      #expect(field(status, "Groups")?.isEmpty ?? true)
      for entry in try entries(ofPath: "/proc/\(pid)/fd") {
        let target = try readLink("/proc/\(pid)/fd/\(entry.name)")
        let isOurs = ["socket:", "anon_inode:", "/dev/null", world.scratch].contains { target.hasPrefix($0) }
        #expect(isOurs, "\(entry.name) → \(target)")
      }
      try world.serve("b1", NameServiceWorld.back())  // port 53 can still be had
      #expect(try world.dig("secret", from: "10.2.0.2", at: "10.2.0.1").status == "NOERROR")
    }
  }

  #if arch(x86_64)
    private static let script = parentPath(of: parentPath(of: #filePath)) + "/Fixtures/attempt.py"
    /// Makes the waiting service itself try.
    private func attempt(_ world: NameServiceWorld, _ names: [String]) throws -> JSON {
      let outcome = try run(world.inside(["python3", Self.script, "\(try #require(world.servicePid))"] + names))
      #expect(outcome.code == 0, "\(outcome)")
      return try JSON.parse(outcome.trimmed)
    }

    @Test func reachesNoFileStartsNothingAndConnectsToNobody() throws {
      let expected: [(String, CInt)] = [
        ("read /etc/hosts", 0), ("read /etc/shadow", EACCES), ("read /root", EACCES), ("read /usr", EACCES),
        ("write /tmp", EACCES), ("write /etc/hosts", EACCES), ("remove /etc/hosts", EPERM), ("fork", EPERM),
        ("kill 1", EPERM), ("packet socket", EPERM), ("unix socket", EPERM), ("connect to port 80", EACCES),
        ("connect to port 53", ECONNREFUSED), ("listen on port 80", EACCES), ("executable memory", EPERM),
      ]
      try withNameServiceWorld { world in
        try world.serve("f1", NameServiceWorld.front())
        let answers = try attempt(world, expected.map(\.0))
        for (name, errno) in expected { #expect(answers[name]?.integer(CInt.self) == -errno, "\(name)") }
      }
    }

    @Test(arguments: ["execve", "setuid 0", "ptrace", "mount"]) func isKilledForTrying(_ name: String) throws {
      try withNameServiceWorld { world in
        try world.serve("f1", NameServiceWorld.front())
        #expect(try attempt(world, [name])[name]?.string == "killed")
      }
    }
  #endif
}
