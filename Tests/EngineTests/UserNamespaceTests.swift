import Problems
import Rootless
import StateStore
import Testing

@testable import Engine

/// Modes of `--userns` and the ids that `auto` gives: covers PD-130, LP-41.
@Suite struct UserNamespaceModeTests {
  @Test(arguments: [
    "host", "private", "auto", "auto:size=4096", "auto:size=10,uidmapping=0:5:1,gidmapping=1:6:2", "keep-id",
    "keep-id:uid=200,gid=210", "keep-id:gid=5", "nomap", "container:web", "ns:/proc/1/ns/user",
  ]) func modesAreReadAndWrittenAlike(_ text: String) throws {
    #expect(try UserNamespaceMode(flag: text).text == text)
  }

  @Test(arguments: [
    "what", "host:1", "auto:size=x", "auto:length=5", "keep-id:uid", "keep-id:size=4", "container:", "ns:relative",
    "nomap:1", "auto:uidmapping=1",
  ]) func otherWordsAreRefused(_ text: String) {
    #expect(throws: Problem.self) { try UserNamespaceMode(flag: text) }
  }

  @Test func mapsOfFlags() throws {
    #expect(try IDMapRequest(flag: "0:1000", "--uidmap").range == .init(inside: 0, outside: 1000, count: 1))
    #expect(try IDMapRequest(flag: "0:@1000:5", "--uidmap").isMachineID)
    for text in ["", "0", "0:1:0", "a:1:2", "0:1:2:3", "+0:1:2", "0:4294967295:2"] {
      #expect(throws: Problem.self, "\(text)") { try IDMapRequest(flag: text, "--uidmap") }
    }
  }

  @Test func freeIDs() {
    var free = FreeIDs(
      [.init(first: 100, count: 100)], without: [.init(first: 120, count: 10), .init(first: 90, count: 11)])
    #expect(free.ranges == [.init(first: 101, count: 19), .init(first: 130, count: 70)])
    #expect(free.take(20) == [.init(first: 130, count: 20)])
    #expect(free.take(60) == [.init(first: 101, count: 19), .init(first: 150, count: 41)])
    #expect(free.take(10) == nil)
    #expect(free.take(9) == [.init(first: 191, count: 9)])
    #expect(free.take(1) == nil)
  }
}
