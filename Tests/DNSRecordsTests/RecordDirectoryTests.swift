import CSys
import DNSRecords
import Problems
import Sys
import TestKit
import Testing

@Suite struct RecordDirectoryTests {
  @Test func writesReadsListsAndRemoves() throws {
    try withScratch { scratch in
      let directory = RecordDirectory(scratch + "/run/dns")
      #expect(try directory.networks() == [])
      #expect(try directory.read("a1") == nil)
      let records = try NetworkRecordsTests.full()
      try directory.update("b2") { NetworkRecords(name: "other") }
      try directory.update("a1") { records }
      #expect(try directory.networks() == ["a1", "b2"])
      #expect(try directory.read("a1") == records)
      #expect(try status(directory.path).st_mode & 0o777 == 0o755)
      #expect(try status(directory.path + "/a1.network").st_mode & 0o777 == 0o644)
      try directory.update("a1") { nil }
      try directory.update("a1") { nil }  // once more is fine
      #expect(try directory.networks() == ["b2"])
    }
  }

  @Test func aFailureLeavesTheOldRecords() throws {
    try withScratch { scratch in
      let directory = RecordDirectory(scratch)
      try directory.update("n") { NetworkRecords(name: "before") }
      #expect(throws: Problem.self) { try directory.update("n") { NetworkRecords(name: "not good") } }
      #expect(throws: Problem.self) {
        try directory.update("n") { () throws(Problem) in throw Problem(code: .bug, message: "database") }
      }
      #expect(try directory.read("n")?.name == "before")
      #expect(try entries(ofPath: scratch).map(\.name).sorted() == ["n.network", "records.lock"])
    }
  }

  @Test func aBrokenFileIsNamed() throws {
    try withScratch { scratch in
      try replaceFile(scratch + "/n.network", with: Array("what?".utf8), durable: false)
      let problem = #expect(throws: Problem.self) { try RecordDirectory(scratch).read("n") }
      #expect(problem?.message == "read \(scratch)/n.network")
      #expect(problem?.code == .invalid)
    }
  }

  @Test(arguments: ["", ".", "..", ".x", "a/b", "a b", "ä", String(repeating: "a", count: 201)])
  func anIdIsAPlainName(_ id: String) throws {
    try withScratch { scratch in
      let problem = #expect(throws: Problem.self) { try RecordDirectory(scratch).update(id) { nil } }
      #expect(problem?.code == .invalid)
    }
  }

  @Test func otherFilesAreNoNetworks() {
    for name in ["service.lock", "service.sock", "records.lock", "a.network.new-12", ".network", "..network"] {
      #expect(RecordDirectory.id(ofFile: name) == nil, "\(name)")
    }
    #expect(RecordDirectory.id(ofFile: "a.b.network") == "a.b")
  }

  @Test func withoutAServiceNobodyAnswers() throws {
    try withScratch { scratch in
      let launcher = NameServiceLauncher(directory: RecordDirectory(scratch), program: "/nonexistent/berth-dns")
      try launcher.settleIfRunning()
      let problem = #expect(throws: Problem.self) { try launcher.settle("n") }
      #expect(problem?.code == .notFound)
      #expect(problem?.message == "start /nonexistent/berth-dns")
    }
  }
}
