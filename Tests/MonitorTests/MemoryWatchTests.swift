import Testing

@testable import Monitor

@Suite struct MemoryWatchTests {
  static let mounts = """
    31 23 0:27 / /sys/fs/cgroup/memory rw,relatime - cgroup none rw,memory
    32 23 0:28 / /sys/fs/cgroup/unified rw,relatime shared:4 - cgroup2 none rw
    """
  @Test func theFirstVersionComesFirst() {
    let place = MemoryWatch.directory(groups: "4:memory:/a/b\n0::/c\n", mounts: Self.mounts)
    #expect(place?.directory == "/sys/fs/cgroup/memory/a/b")
    #expect(place?.isV2 == false)
  }
  @Test func theSecondVersion() {
    let place = MemoryWatch.directory(groups: "0::/c:d\n", mounts: Self.mounts)
    #expect(place?.directory == "/sys/fs/cgroup/unified/c:d")
    #expect(place?.isV2 == true)
  }
  @Test func noneWithoutAMount() {
    #expect(MemoryWatch.directory(groups: "0::/c\n", mounts: "") == nil)
    #expect(MemoryWatch.directory(groups: "", mounts: Self.mounts) == nil)
  }
  @Test(arguments: [
    ("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", 3), ("low 0\noom 1\noom_kill 1\noom_group_kill 0\n", 1), ("", 0),
  ])
  func killsAreCounted(_ text: String, _ kills: Int) { #expect(MemoryWatch.kills(in: text) == kills) }
}
