import CSys
import DNSRecords
import Glibc
import JSON
import Problems
import Sys
import TestKit
import Testing

private typealias Answer = NameServiceWorld.Answer

/// `berth-dns` as installed, asked by dig. covers PD-144
@Suite(.needs(.root), .needs(.installed), .needs(.program("dig"))) struct NameServiceTests {
  @Test func namesOfContainers() throws {
    try withNameServiceWorld { world in
      try world.serve("f1", NameServiceWorld.front())
      let web = Answer(status: "NOERROR", data: ["10.1.0.2"])
      for name in ["web", "WeB", "web.dns.berth", "web.dns.podman", "web.front", "webhost", "abababababab"] {
        #expect(try world.dig(name) == web, "\(name)")
      }
      #expect(try world.dig("web", "+tcp") == web)
      #expect(try world.dig("web", "+noedns") == web)
      #expect(try world.dig("web", "AAAA") == Answer(status: "NOERROR", data: ["fd01::2"]))
      #expect(try world.dig("web", from: "fd01::2", at: "fd01::1") == web)
      #expect(try world.dig("web", "+tcp", from: "fd01::2", at: "fd01::1") == web)
      #expect(try world.dig("db", "AAAA") == Answer(status: "NOERROR", data: []))
      #expect(try world.dig("data") == Answer(status: "NOERROR", data: ["10.1.0.3", "10.1.0.4"]))
      #expect(try world.dig("-x", "10.1.0.3") == Answer(status: "NOERROR", data: ["db."]))
      #expect(try world.dig("-x", "fd01::2") == Answer(status: "NOERROR", data: ["web."]))
      #expect(try world.dig("nobody") == Answer(status: "NXDOMAIN", data: []))
      #expect(try world.dig("nobody.dns.berth") == Answer(status: "NXDOMAIN", data: []))
    }
  }

  @Test func aClientSeesItsOwnNetworks() throws {
    try withNameServiceWorld { world in
      try world.serve("f1", NameServiceWorld.front())
      try world.serve("b1", NameServiceWorld.back())
      let secret = Answer(status: "NOERROR", data: ["10.2.0.3"])
      #expect(try world.dig("secret") == secret)  // web is on both
      #expect(try world.dig("secret", from: "10.1.0.3") == Answer(status: "NXDOMAIN", data: []))
      #expect(try world.dig("db", from: "10.2.0.3", at: "10.2.0.1") == Answer(status: "NXDOMAIN", data: []))
      #expect(try world.dig("secret", from: "10.1.0.3", at: "10.2.0.1") == Answer(status: "REFUSED", data: []))
      #expect(try world.dig("web", from: "127.0.0.1") == Answer(status: "REFUSED", data: []))
      #expect(try world.dig("db", from: "10.1.0.1").status == "NOERROR")  // the host itself
      try world.serve("b1", nil)
      #expect(try world.dig("secret") == Answer(status: "NXDOMAIN", data: []))
    }
  }

  @Test func everyChangeIsSeenByTheNextQuestion() throws {
    try withNameServiceWorld { world in
      try world.serve("f1", NameServiceWorld.front())
      for number in 5...9 {
        // no waiting: only the rename comes before the question
        try world.directory.update("f1") { () throws(Problem) in
          (try? NameServiceWorld.front(dbAddress: "10.1.0.\(number)")) ?? NetworkRecords(name: "wrong")
        }
        #expect(try world.dig("db") == Answer(status: "NOERROR", data: ["10.1.0.\(number)"]))
      }
    }
  }

  @Test(.needs(.program("dnsperf"))) func noQuestionIsLostWhileRecordsChange() throws {
    try withNameServiceWorld { world in
      try world.serve("f1", NameServiceWorld.front())
      try replaceFile(world.scratch + "/questions", with: Array("web A\ndata A\nnobody A\n".utf8), durable: false)
      let output = try temporaryFile()
      let perf = try start(
        world.inside(
          ["dnsperf", "-s", "10.1.0.1", "-a", "10.1.0.2", "-d", world.scratch + "/questions", "-l", "3", "-q", "20"]),
        output: output.borrowed)
      for number in 0..<1000 {
        let records = try NameServiceWorld.front(dbAddress: "10.1.0.\(5 + number % 5)")
        try world.directory.update("f1") { records }
        usleep(1500)
      }
      #expect(try perf.wait() == .exited(code: 0))
      let text = String(decoding: try rewound(output), as: UTF8.self)
      let lost = text.split(separator: "\n").first { $0.contains("Queries lost") } ?? ""
      #expect(lost.contains(" 0 (0.00%)"), "\(text)")
      #expect(text.contains("NOERROR") && text.contains("NXDOMAIN") && !text.contains("SERVFAIL"), "\(text)")
    }
  }

  @Test func malformedQuestionsDoNotStopIt() throws {
    try withNameServiceWorld { world in
      try world.serve("f1", NameServiceWorld.front(upstreams: ["127.0.0.9"]))
      let before = world.servicePid
      let script = parentPath(of: parentPath(of: #filePath)) + "/Fixtures/dnsflood.py"
      let outcome = try run(world.inside(["python3", script, "10.1.0.1", "20000"]))
      let codes = try JSON.parse(outcome.trimmed)
      // from the host: FORMERR, NOTIMP, REFUSED and the right answers; nothing that is no answer
      #expect(codes["1"]?.integer(Int.self) ?? 0 > 1000, "\(outcome)")
      #expect(codes["-1"] == nil, "\(outcome)")
      // the flood may still stand in the socket's queue, which drops what no longer fits
      #expect(try eventually(5) { try world.dig("web").status == "NOERROR" })
      #expect(world.servicePid == before)
    }
  }

  @Test func itIsSmall() throws {
    try withNameServiceWorld { world in
      // What only this process can hold. Clean pages of the program's file are the page cache's: smaps calls them
      // private where one service runs, and shared where two do.
      func privateKilobytes() throws -> Int {
        let text = try readText("/proc/\(try #require(world.servicePid))/smaps_rollup")
        return text.split(separator: "\n").filter { $0.hasPrefix("Private_Dirty:") || $0.hasPrefix("Swap:") }
          .compactMap { $0.split(separator: " ").dropFirst().first.flatMap { Int($0) } }.reduce(0, +)
      }
      var records = try NameServiceWorld.front()
      for number in 0..<1000 {
        let address = try NameServiceWorld.address("10.9.\(number / 200).\(number % 200 + 1)")
        records.containers.append(
          .init(
            id: "id\(number)", name: "container-\(number)", aliases: ["service-\(number % 50)"], addresses: [address]))
      }
      try world.serve("f1", records)
      for number in 0..<100 { try world.directory.update("n\(number)") { NetworkRecords(name: "n\(number)") } }
      #expect(try NameServiceLauncher.ask(world.directory) != nil)
      #expect(try world.dig("service-7").data.count == 20)
      let isSmall = try eventually(5) { try privateKilobytes() < 2048 }
      let kilobytes = try privateKilobytes()
      #expect(isSmall, "\(kilobytes) kB")
    }
  }
}
