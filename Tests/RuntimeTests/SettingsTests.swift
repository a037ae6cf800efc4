import Problems
import RuntimeSpec
import Sys
import TestKit
import Testing

@testable import Runtime

struct SettingsTests {
  /// covers LX-03
  @Test func linesOfTheEnvironmentFile() throws {
    let text = "# comment\n\nBERTH_RUNTIME_LOG = /var/log/x \nBERTH_RUNTIME_ROOT=\"/a b\"\nBERTH_RUNTIME_A='='\n"
    let parsed = try Settings.parse(text, "/etc/x")
    #expect(parsed.map(\.name) == ["BERTH_RUNTIME_LOG", "BERTH_RUNTIME_ROOT", "BERTH_RUNTIME_A"])
    #expect(parsed.map(\.value) == ["/var/log/x", "/a b", "="])
    for wrong in ["A", "=b", "A B=c"] {
      let problem = #expect(throws: Problem.self) { try Settings.parse("X=1\n" + wrong, "/etc/x") }
      #expect(problem?.message.hasPrefix("/etc/x:2:") == true, "\(wrong)")
    }
  }

  /// covers LX-02, LX-04, LX-05, LX-10: an absent file is fine; flags go before all
  @Test func whereSettingsComeFrom() throws {
    try withScratch { scratch in
      #expect(try Settings(path: scratch + "/none")["NOBODY_SETS_THIS"] == nil)
      let text = "BERTH_RUNTIME_SECCOMP=false\nBERTH_RUNTIME_KILL_TIMEOUT=250ms\nBERTH_RUNTIME_APPARMOR=maybe\n"
      try replaceFile(scratch + "/f", with: Array(text.utf8), durable: false)
      let settings = try Settings(path: scratch + "/f")
      #expect(try settings.isOpen("SECCOMP") == false && settings.isOpen("CAPABILITIES"))
      #expect(try settings.milliseconds("KILL_TIMEOUT", or: 1) == 250 && settings.milliseconds("X", or: 7) == 7)
      #expect(throws: Problem.self) { try settings.isOpen("APPARMOR") }
      var none: ArraySlice<String> = []
      let flags = try Flags(
        ["--kill-timeout", "2s", "--seccomp=true", "--rootless", "auto", "--start-timeout", "soon"],
        Flags.Grammar(Settings.grammar), stopsAtFirst: true, rest: &none)
      let said = try Settings(flags, path: scratch + "/f")
      #expect(try said.isOpen("SECCOMP") && said.milliseconds("KILL_TIMEOUT", or: 1) == 2000)
      #expect(try said.isRootless() == nil)
      let problem = #expect(throws: Problem.self) { try said.milliseconds("START_TIMEOUT", or: 1) }
      #expect(problem?.message.hasPrefix("--start-timeout is a time") == true)
    }
  }

  /// covers LX-10
  @Test(arguments: [("30", 30_000), ("30s", 30_000), ("5ms", 5), ("2m", 120_000)])
  func times(_ text: String, _ expected: Int) { #expect(Settings.milliseconds(text) == expected) }
  @Test(arguments: ["", "s", "-1", "1.5s", "1d", "99999999999999999999"])
  func noTimes(_ text: String) { #expect(Settings.milliseconds(text) == nil) }

  /// covers LX-06
  @Test func closedGatesTakeTheirPartAway() {
    var spec = Spec(ociVersion: "1.0.2")
    spec.linux = Linux()
    spec.linux?.seccomp = LinuxSeccomp(defaultAction: .errno)
    var process = Process(cwd: "/")
    process.apparmorProfile = "p"
    spec.process = process
    let before = spec
    FeatureGates.allOpen.apply(to: &spec)
    #expect(spec == before)
    FeatureGates(closed: ["seccomp", "apparmor", "capabilities"]).apply(to: &spec)
    #expect(spec.linux?.seccomp == nil && spec.process?.apparmorProfile == nil)
    #expect(spec.process?.capabilities?.bounding?.count == CapabilityName.all.count)
    #expect(!FeatureGates(closed: ["cgroup-devices"]).hasDevices)
  }

  @Test func mountTableWithSpacesInNames() {
    let line = "36 35 98:0 /mnt1 /a\\040b\\134 rw,noatime master:1 - ext3 /dev/root rw"
    let mounts = MountInfo.parse(line + "\nnonsense\n")
    #expect(mounts.map(\.point) == ["/a b\\"] && mounts[0].root == "/mnt1" && mounts[0].type == "ext3")
  }
}
