import Problems
import Testing

@testable import Cgroups

@Suite struct SubgroupsTests {
  private let hybrid = CgroupLayout(hierarchies: [
    .init(version: .one, controllers: ["cpu", "cpuacct"], mountPoint: "/c/cpu", ownPath: "/"),
    .init(version: .one, controllers: ["memory"], mountPoint: "/c/memory", ownPath: "/"),
  ])

  @Test func aPathIsForEveryHierarchy() throws {
    let cgroup = try Cgroup(path: "/w", id: "w", layout: hybrid).entering(try Subgroups(["a/b"]))
    #expect(cgroup.directories.map(\.path) == ["/c/cpu/w/a/b", "/c/memory/w/a/b"])
  }
  @Test func aControllerHasAPathOfItsOwn() throws {
    let cgroup = try Cgroup(path: "/w", id: "w", layout: hybrid)
    let inner = try cgroup.entering(try Subgroups(["cpu,cpuacct:/a"]))
    #expect(inner.directories.map(\.path) == ["/c/cpu/w/a", "/c/memory/w"])
    #expect(try cgroup.entering(try Subgroups(["/"])) == cgroup)
    #expect(try cgroup.entering(.none) == cgroup)
    #expect { _ = try cgroup.entering(try Subgroups(["whaaat:/"])) } throws: {
      ($0 as? Problem)?.message.contains("unknown controller whaaat") == true
    }
  }
  @Test(arguments: [
    ["..", "bad sub cgroup path"], ["a/../b", "bad sub cgroup path"], ["cpu:..", "bad sub cgroup path"],
    ["a//b", "bad sub cgroup path"], ["", "bad sub cgroup path"], [":a", "empty controller"],
  ])
  func pathsThatLeadOut(_ example: [String]) {
    #expect { _ = try Subgroups([example[0]]) } throws: { ($0 as? Problem)?.message.contains(example[1]) == true }
  }
  @Test func wordsThatContradict() {
    #expect(throws: Problem.self) { _ = try Subgroups(["a", "b"]) }
    #expect(throws: Problem.self) { _ = try Subgroups(["cpu:a", "cpu:b"]) }
  }
}

@Suite struct StatisticsParsingTests {
  @Test func countersOfBlockDevices() {
    let (bytes, operations) = Cgroup.parse(
      ioStat: "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n\nx rbytes=1\n")
    #expect(bytes.map(\.value) == [1, 2, 5] && operations.map(\.value) == [3, 4, 6])
    #expect(bytes.map(\.operation) == ["Read", "Write", "Discard"] && bytes[0].major == 8)
    let counts = Cgroup.parse(counts: "8:16 Read 17\n8:16 Total 17\nTotal 17\n")
    #expect(counts.map(\.value) == [17, 17] && counts[0].minor == 16)
  }
  @Test func pressure() {
    let text = "some avg10=0.50 avg60=0.00 avg300=0.00 total=12\nfull avg10=0.00 total=3\n"
    let pressure = Cgroup.parse(pressure: text)
    #expect(pressure?.some.first?.value == "0.50" && pressure?.full.last?.value == "3")
    #expect(Cgroup.parse(pressure: "") == nil)
  }
}
