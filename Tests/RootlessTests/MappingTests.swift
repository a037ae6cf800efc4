import Problems
import Testing

@testable import Rootless

/// Ids of an ordinary user: covers LP-03, G.10.
@Suite struct MappingTests {
  private let caller = Caller(uid: 1000, gid: 1000, name: "ada", home: "/home/ada")

  @Test func linesOfOneUserByNameOrNumber() {
    let text = "root:1:9\nada:100000:65536\n# ada:5:5\nada:x:1\nbob:165536:65536\n1000:300000:10\nada:1:0\n"
    #expect(
      SubordinateIDs(text, of: caller).ranges == [
        .init(first: 100_000, count: 65536), .init(first: 300_000, count: 10),
      ])
  }

  @Test func rangesThatOverlapOrEndBeyondTheLastIDAreLeftOut() {
    let text = "ada:100000:65536\nada:120000:10\nada:4294967290:10\n"
    #expect(SubordinateIDs(text, of: caller).ranges == [.init(first: 100_000, count: 65536)])
  }

  @Test func theCallerIsRootInside() {
    let mapping = IDMapping(caller: 1000, SubordinateIDs("ada:100000:65536\nada:300000:10", of: caller))
    #expect(mapping.words == ["0", "1000", "1", "1", "100000", "65536", "65537", "300000", "10"])
    #expect(mapping.covers(0) && mapping.covers(65546) && !mapping.covers(65547))
    #expect(!mapping.isInitial)
  }

  @Test func theMachinesOwnMap() {
    #expect(IDMapping(lines: "         0          0 4294967295\n").isInitial)
    #expect(!IDMapping(lines: "         0       1000          1\n").isInitial)
    #expect(!IDMapping(lines: "").isInitial)
  }

  @Test func theAdviceNamesAFreeRange() {
    func advice(_ uids: Bool, _ gids: Bool, _ texts: String?...) -> String {
      SubordinateGrant.command(for: "ada", uids: uids, gids: gids, texts)
    }
    #expect(
      advice(true, true, "bob:100000:65536\n", "bob:200000:65536\n")
        == "usermod --add-subuids 265536-331071 --add-subgids 265536-331071 ada")
    #expect(advice(false, true, "ada:100000:65536", "") == "usermod --add-subgids 165536-231071 ada")
    #expect(
      advice(true, true, nil, "")
        == "touch /etc/subuid && usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ada")
    #expect(advice(true, false, "bob:4294967290:5\nbob:x:1", nil) == "usermod --add-subuids 100000-165535 ada")
  }

  // covers LP-41, PD-130
  @Test(
    arguments: [
      (0, "0:0:1 1:1:65536"), (1, "0:1:1 1:0:1 2:2:65535"), (1000, "0:1:1000 1000:0:1 1001:1001:64536"),
      (65536, "0:1:65536 65536:0:1"), (100_000, "0:1:65536 100000:0:1"),
    ] as [(UInt32, String)]) func theCallerKeepsAnID(_ id: UInt32, _ expected: String)
  {
    let own = IDMapping(caller: 1000, SubordinateIDs("ada:100000:65536", of: caller))
    let mapping = own.keeping(id)
    #expect(mapping.texts.joined(separator: " ") == expected)
    #expect(mapping.outside(id) == 0 && mapping.collision == nil)
    #expect(IDMapping(lines: mapping.lines) == mapping)
  }

  @Test func nobodyElseIsLeftWithoutSubordinateIDs() {
    let own = IDMapping(caller: 1000, SubordinateIDs("", of: caller))
    #expect(own.keeping(1000).texts == ["1000:0:1"])
    #expect(own.withoutCaller == nil)
  }

  @Test func collisionsInsideAndOutsideAreFound() {
    #expect(
      IDMapping([.init(inside: 0, outside: 10, count: 5), .init(inside: 4, outside: 90, count: 1)]).collision == 4)
    #expect(
      IDMapping([.init(inside: 0, outside: 10, count: 5), .init(inside: 5, outside: 14, count: 9)]).collision == 14)
    #expect(
      IDMapping([.init(inside: 0, outside: 10, count: 5), .init(inside: 5, outside: 15, count: 9)]).collision == nil)
  }
}
