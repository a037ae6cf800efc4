import Problems
import Sys
import Testing

@testable import Runtime

struct OptionTests {
  /// covers LX-20
  @Test func mountOptionsAreSortedByWhoTakesThem() {
    let options = MountOptions(["rbind", "nosuid", "ro", "rw", "rnoexec", "rslave", "size=64k", "mode=755", "sync"])
    #expect(options.bind && options.recursive && !options.remount)
    #expect(options.set == MountAttribute.noSuid)
    #expect(options.clear == MountAttribute.readOnly)  // the later word wins
    #expect(options.setBelow == MountAttribute.noExec)
    #expect(options.propagation.map(\.flag) == [1 << 19] && options.propagation[0].recursive)
    #expect(options.superblock.map(\.key) == ["size", "mode", "sync"])
    #expect(options.superblock.map(\.value) == ["64k", "755", nil])
  }

  @Test func accessTimeRulesReplaceEachOther() {
    let rule = MountAttribute.accessTimes | MountAttribute.noDirectoryAccessTime
    for words in [["noatime"], ["relatime"], ["strictatime"], ["nodiratime"], ["nodiratime", "norelatime"]] {
      #expect(MountOptions(words).clear == rule, "the rule is replaced whole: \(words)")
    }
    #expect(MountOptions(["nodiratime", "strictatime"]).set & rule == 0xa0)
    #expect(
      MountOptions(["noatime", "strictatime"]).set & MountAttribute.accessTimes == MountAttribute.strictAccessTime)
    #expect(MountOptions(["noatime", "relatime"]).set == MountAttribute.noAccessTime)
    // mount(2) would leave a mount's rule as it is
    let plain = MountOptions(["atime", "diratime", "norelatime", "nostrictatime"])
    #expect(plain.namesAttribute && plain.set | plain.clear == 0 && MountOptions(["noatime", "atime"]) == plain)
    #expect(MountOptions(["defaults", "idmap", "tmpcopyup"]).copyUp)
  }

  @Test(arguments: ["private", "rprivate", "slave", "rshared", "unbindable"])
  func propagationWords(_ word: String) { #expect(MountOptions.propagation(word) != nil) }
  @Test func noPropagationWord() { #expect(MountOptions.propagation("ro") == nil) }

  /// covers LX-29
  @Test func capabilityNames() {
    #expect(CapabilityName.bits(["CAP_CHOWN", "cap_kill", "SYS_ADMIN"]) == 1 | 1 << 5 | 1 << 21)
    #expect(CapabilityName.bits(nil) == 0)
    #expect(CapabilityName.bits(["CAP_NOBODY_KNOWS"]) == 0)
    #expect(CapabilityName.all.count == 41)
  }

  @Test func deviceNumbers() {
    #expect(DeviceNode(path: "", type: 0, major: 1, minor: 3).number == 0x103)
    #expect(DeviceNode(path: "", type: 0, major: 259, minor: 0x12345).number == 0x1231_0345)
  }

  /// covers LX-30
  @Test(arguments: [
    ("net.ipv4.ip_forward", "net/ipv4/ip_forward"), ("kernel/domainname", "kernel/domainname"),
    ("net.ipv4.conf.eth0/1.forwarding", "net/ipv4/conf/eth0.1/forwarding"), ("plain", "plain"),
  ]) func sysctlNames(_ name: String, _ path: String) { #expect(SysctlName.path(name) == path) }

  @Test func processorLists() {
    #expect(Scheduling.mask("0-2,5")?[0] == 0b100111)
    #expect(Scheduling.mask("64")?[1] == 1)
    for wrong in ["", "a", "3-1", "1-2-3", "9999999", "-1"] { #expect(Scheduling.mask(wrong) == nil, "\(wrong)") }
  }

  @Test func flagsOfOneCommand() throws {
    let grammar = Flags.Grammar(["bundle|b=", "detach|d", "tty|t", "env|e="])
    var rest: ArraySlice<String> = []
    let flags = try Flags(
      ["-dt", "--bundle=/x", "-e", "A=1", "--env", "B=2", "id", "sh", "-c"], grammar, stopsAtFirst: true, rest: &rest)
    #expect(flags.has("detach") && flags.has("tty") && flags["bundle"] == "/x" && flags.all("env") == ["A=1", "B=2"])
    #expect(Array(rest) == ["id", "sh", "-c"])
    let mixed = try Flags(["id", "-d", "--", "-x"], grammar, stopsAtFirst: false, rest: &rest)
    #expect(mixed.positional == ["id", "-x"] && mixed.has("detach"))
    for words in [["--nope"], ["-x"], ["--bundle"], ["--detach=maybe"]] {
      #expect(throws: Problem.self, "\(words)") { try Flags(words[...], grammar, stopsAtFirst: false, rest: &rest) }
    }
  }

  @Test(arguments: ["a", "web-1", "x_y.z+2", "0"])
  func goodIDs(_ id: String) throws { try RecordStore.check(id: id) }
  @Test(arguments: ["", ".", "..", "a/b", "a b", "ä", "../x"])
  func badIDs(_ id: String) { #expect(throws: Problem.self) { try RecordStore.check(id: id) } }

  @Test func timestamps() {
    #expect(Timestamp.text(seconds: 0, nanoseconds: 7) == "1970-01-01T00:00:00.000000007Z")
    #expect(Timestamp.text(seconds: 1_709_210_096, nanoseconds: 0) == "2024-02-29T12:34:56.000000000Z")
  }

  @Test func tablesHaveColumns() {
    #expect(Table.text([["ID", "PID"], ["long", "1"]]) == "ID     PID\nlong   1\n")
  }
}
