import Glibc
import Problems
import RuntimeSpec
import Sys
import Testing

@testable import Runtime

struct ProcessTests {
  /// covers LX-40
  @Test func theLastOfSeveralVariablesWins() {
    var environment = Environment(["A=1", "B=2", "A=3", "C"])
    #expect(environment.entries == ["A=3", "B=2", "C"])
    #expect(environment["A"] == "3" && environment["X"] == nil)
    environment["HOME"] = "/"
    #expect(environment.entries.last == "HOME=/")
  }

  /// covers LX-40
  @Test(arguments: [(0, "/root"), (1000, "/home/u"), (7, "/"), (8, "/"), (99, "/")] as [(uid_t, String)])
  func homes(_ uid: uid_t, _ home: String) {
    let text = "root:x:0:0::/root:/bin/sh\nbroken\nu:x:1000:1000::/home/u:/bin/sh\nempty:x:7:7:::\nx:y\n:::::\n"
    #expect(Passwd.home(of: uid, in: text) == home)
  }

  @Test(arguments: [
    ("sh", "/usr/bin:/bin", true), ("no-such-program", "/usr/bin:/bin", false), ("sh", "", false),
    ("/bin/sh", "", true), ("/etc", "", false), ("/etc/passwd", "", false), ("/nope", "/bin", false),
    ("", "/bin", false),
  ]) func programsAreLookedUp(_ name: String, _ path: String, _ isThere: Bool) {
    let search = CommandSearch(path: path)
    #expect(((try? search.find(name)) != nil) == isThere)
  }

  @Test func lookUpFailuresNameTheCommand() {
    let search = CommandSearch(path: "/bin")
    for (name, code, sentence) in [
      ("nope", Problem.Code.commandNotFound, "exec: \"nope\": executable file not found in $PATH"),
      ("/nope", .commandNotFound, "exec: \"/nope\": stat /nope: No such file or directory"),
      ("/etc/passwd", .cannotExecute, "exec: \"/etc/passwd\": permission denied"),
      ("/etc", .cannotExecute, "exec: \"/etc\": is a directory"),
    ] {
      do throws(StepFailure) {
        _ = try search.find(name)
        Issue.record("\(name) was found")
      } catch {
        #expect(error.problem.code == code && error.problem.sentence == sentence)
      }
    }
  }

  @Test func failuresTravelAsBytes() throws {
    let failure = StepFailure(.mount, .notPermitted, "proc at /proc")
    let copy = try #require(StepFailure(bytes: failure.bytes))
    #expect(copy.problem.sentence == "mount proc at /proc: Operation not permitted")
    #expect(copy.problem.code == .denied)
    #expect(StepFailure(bytes: [1, 2, 3]) == nil)
    #expect(StepFailure(bytes: [255, 255, 0, 0, 1, 0, 0, 0]) == nil)
  }

  @Test func everyStepHasASentence() {
    for step in Step.allCases { #expect(!step.sentence("x").isEmpty, "\(step)") }
  }

  @Test func idMapsAreLinesOfThree() {
    let maps = [
      IDMapping(containerID: 0, hostID: 1000, size: 1), IDMapping(containerID: 1, hostID: 100000, size: 65536),
    ]
    #expect(IDMaps.text(maps) == "0 1000 1\n1 100000 65536\n")
  }

  @Test func users() throws {
    #expect(
      try Session.user("5:6", base: nil)
        == {
          var user = User(); user.uid = 5; user.gid = 6; return user
        }())
    #expect(try Session.user("5", base: nil).gid == nil)
    for wrong in ["", "a", "1:b", "1:2:3", "-1"] {
      #expect(throws: Problem.self, "\(wrong)") { try Session.user(wrong, base: nil) }
    }
  }
}
