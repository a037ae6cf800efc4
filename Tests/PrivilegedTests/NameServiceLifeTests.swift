import CSys
import DNSRecords
import Glibc
import Problems
import Sys
import TestKit
import Testing

/// Starting, ending, and being there once.
@Suite(.needs(.root), .needs(.installed), .needs(.program("dig"))) struct NameServiceLifeTests {
  @Test func thereIsOneAndItEndsWithTheLastNetwork() throws {
    try withNameServiceWorld { world in
      try world.serve("f1", NameServiceWorld.front())
      let first = try #require(world.servicePid)
      let again = try world.startService()
      #expect(again.code == 0, "\(again)")
      #expect(world.servicePid == first)
      try world.directory.update("f1") { nil }
      #expect(eventually(5) { processes(mentioning: world.directory.path).isEmpty }, "it stays")
      #expect(try readText(world.pidFile) == "")
      try world.serve("f1", NameServiceWorld.front())
      #expect(try #require(world.servicePid) != first)
      #expect(try world.dig("web").status == "NOERROR")
    }
  }

  @Test func manyStartsAtOnceMakeOne() throws {
    try withNameServiceWorld { world in
      let records = try NameServiceWorld.front()
      for _ in 0..<5 {
        try world.directory.update("f1") { records }
        let command = world.inside([Installed.dns, "--directory", world.directory.path, "--pid-file", world.pidFile])
        let script = (0..<8).map { _ in command.joined(separator: " ") + " & p=\"$p $!\"" }.joined(separator: "; ")
        let outcome = try run(["sh", "-c", script + "; for i in $p; do wait $i || exit 1; done"], seconds: 30)
        #expect(outcome.code == 0, "\(outcome)")
        // the last round's may still be ending
        #expect(eventually(5) { processes(mentioning: world.directory.path).count == 1 })
        #expect(try world.dig("web").status == "NOERROR")
        try world.directory.update("f1") { nil }
      }
    }
  }

  @Test func aKilledServiceIsReplaced() throws {
    try withNameServiceWorld { world in
      try world.serve("f1", NameServiceWorld.front())
      let first = try #require(world.servicePid)
      _ = csys_kill(first, SIGKILL)
      #expect(eventually(5) { processes(mentioning: world.directory.path).isEmpty })
      try world.serve("f1", NameServiceWorld.front())
      #expect(try #require(world.servicePid) != first)
      #expect(try world.dig("web").status == "NOERROR")
    }
  }

  @Test func itEndsByRequest() throws {
    try withNameServiceWorld { world in
      try world.serve("f1", NameServiceWorld.front())
      _ = csys_kill(try #require(world.servicePid), SIGTERM)
      #expect(eventually(5) { processes(mentioning: world.directory.path).isEmpty })
      #expect(try readText(world.pidFile) == "")
    }
  }

  @Test func whatCannotBeServedIsTold() throws {
    try withNameServiceWorld { world in
      try world.serve("f1", NameServiceWorld.front())
      try world.withPeer("10.2.0.1", "192.0.2.1") { _ in
        try world.directory.update("b1") { try? NameServiceWorld.back() }
        let answer = String(decoding: try #require(try NameServiceLauncher.ask(world.directory)), as: UTF8.self)
        #expect(answer == "ok\nb1 listen on 10.2.0.1, port 53: Address already in use\n")
        let launcher = NameServiceLauncher(directory: world.directory, program: Installed.dns)
        try launcher.settle("f1")
        let problem = #expect(throws: Problem.self) { try launcher.settle("b1") }
        #expect(problem?.message.contains("listen on 10.2.0.1, port 53: Address already in use") == true)
      }
      // the address is free again
      #expect(String(decoding: try #require(try NameServiceLauncher.ask(world.directory)), as: UTF8.self) == "ok\n")
      #expect(try world.dig("secret", from: "10.2.0.2", at: "10.2.0.1").status == "NOERROR")
      // a file that is wrong leaves the old records in place
      try replaceFile(world.directory.path + "/b1.network", with: Array("what".utf8), durable: false)
      let launcher = NameServiceLauncher(directory: world.directory, program: Installed.dns)
      let problem = #expect(throws: Problem.self) { try launcher.settle("b1") }
      #expect(problem?.message.contains("line 1 of the network's records") == true)
      #expect(try world.dig("secret", from: "10.2.0.2", at: "10.2.0.1").status == "NOERROR")
    }
  }

  @Test func wrongArgumentsAreSaid() throws {
    let outcome = try run([Installed.dns, "--directory", "relative"])
    #expect(outcome.code == 125)
    #expect(outcome.errorText == "berth-dns: --directory needs an absolute path\n")
  }
}
