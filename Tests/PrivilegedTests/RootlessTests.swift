import CSys
import Glibc
import Sys
import TestKit
import Testing

/// What a user without privilege can do, with the installed programs.
@Suite(.needs(.root), .needs(.installed), .serialized) struct RootlessTests {
  // covers LP-01, LP-03, G.10, PD-03
  @Test func theCallerIsRootInsideAndNobodyOutside() throws {
    try OrdinaryUser.with { user in
      try user.importBusybox()
      let maps = try user.ok("run", "--rm", "busybox", "cat", "/proc/self/uid_map")
      #expect(
        maps.split(whereSeparator: \.isWhitespace).map(String.init)
          == ["0", "\(OrdinaryUser.uid)", "1", "1", "3000000", "65536"])
      #expect(try user.ok("run", "--rm", "busybox", "stat", "-c", "%u:%g", "/tmp/ofUser") == "1000:2000")
      #expect(
        try user.ok("run", "--rm", "-v", "\(user.home):/h", "busybox", "sh", "-c", "id -u; touch /h/made") == "0")
      #expect(try status(user.home + "/made").st_uid == uid_t(OrdinaryUser.uid))
      #expect(exists(user.home + "/.local/share/berth/state.db"), "images and state are below the home directory")
      #expect(exists(user.runtimeDirectory + "/berth/namespace"))
      let info = try user.ok("info", "--format", "{{.host.security.rootless}}")
      #expect(info == "true")
    }
  }

  // covers LP-03: one namespace for all commands
  @Test func containersOfOneCommandAreThereForTheNext() throws {
    try OrdinaryUser.with { user in
      try user.importBusybox()
      let id = try user.ok("run", "-d", "--name", "w", "busybox", "sh", "-c", "trap 'exit 7' TERM; sleep 100 & wait")
      #expect(try user.ok("ps", "-q", "--no-trunc") == id)
      #expect(try user.ok("exec", "-u", "user", "w", "id", "-u") == "1000")
      #expect(try user.ok("inspect", "--format", "{{.State.Status}}", "w") == "running")
      try user.ok("stop", "w")
      #expect(try user.ok("wait", "w") == "7")
      try user.ok("start", "w")
      try user.ok("rm", "-f", "-t", "0", "w")
      #expect(try user.berth("run", "--rm", "busybox", "sh", "-c", "exit 3").code == 3)
    }
  }

  // covers PD-142, G.11: the network of a user without privilege
  @Test func pastaLeadsOutAndForwardsPorts() throws {
    try OrdinaryUser.with { user in
      try user.importBusybox()
      let port = 20000 + Int.random(in: 0..<10000)
      try user.ok(
        "run", "-d", "--name", "web", "-p", "127.0.0.1:\(port):80", "busybox", "sh", "-c",
        "echo served >/tmp/index.html; exec httpd -f -p 80 -h /tmp")
      #expect(
        try eventually(10) { try TestKit.run(["curl", "-s", "http://127.0.0.1:\(port)/"]).text == "served\n" })
      #expect(try user.ok("port", "web").contains(":\(port)"))
      let taken = try user.berth("run", "--rm", "-p", "127.0.0.1:\(port):80", "busybox", "true")
      #expect(taken.code == 125 && taken.errorText.contains("web"), "\(taken)")
      try user.ok("rm", "-f", "-t", "0", "web")
      #expect(try eventually(10) { try TestKit.run(["curl", "-s", "http://127.0.0.1:\(port)/"]).code != 0 })
    }
  }

  // covers LP-41, PD-121, PD-130, OC-51
  @Test func theCallerKeepsTheID() throws {
    try OrdinaryUser.with { user in
      try user.importBusybox()
      let uid = "\(OrdinaryUser.uid)"
      try user.ok("run", "-d", "--name", "k", "--userns", "keep-id", "-v", "\(user.home):/h", "busybox", "sleep", "100")
      #expect(try user.ok("exec", "k", "sh", "-c", "id -un; id -u; id -gn") == "berthuser\n\(uid)\nberthuser")
      #expect(try user.ok("exec", "k", "stat", "-c", "%u:%g", "/tmp/ofUser", "/bin") == "1000:2000\n0:0")
      try user.ok("exec", "k", "touch", "/h/made")
      #expect(try status(user.home + "/made").st_uid == uid_t(OrdinaryUser.uid))
      #expect(try user.ok("exec", "-u", "0", "k", "sh", "-c", "touch /root/x; stat -c %u /root/x") == "0")
      try user.ok("restart", "-t", "0", "k")
      #expect(try user.ok("exec", "k", "id", "-u") == uid)
      let other = ["run", "--rm", "--userns", "keep-id:uid=200,gid=210", "busybox", "sh", "-c", "id -u; id -g"]
      #expect(try user.run([Installed.berth] + other).trimmed == "200\n210")
      #expect(try user.ok("run", "--rm", "--userns", "keep-id", "-u", "user", "busybox", "id", "-u") == "1000")
    }
  }

  // covers PD-130, G.10: copies for other ids are made once, and those of `auto` go with the container
  @Test func otherNamespacesOfAnOrdinaryUser() throws {
    try OrdinaryUser.with { user in
      try user.importBusybox()
      let probe = ["busybox", "sh", "-c", "cat /proc/self/uid_map; stat -c %u:%g /tmp/ofUser"]
      func said(_ flags: String...) throws -> String {
        let outcome = try user.run([Installed.berth, "run", "--rm"] + flags + probe)
        #expect(outcome.code == 0, "\(outcome)")
        return outcome.trimmed.split(whereSeparator: \.isWhitespace).joined(separator: " ")
      }
      func copies() throws -> Int {
        let layers = user.home + "/.local/share/berth/layers"
        return try entries(ofPath: layers).map(\.name).reduce(0) { sum, layer in
          sum + (try entries(ofPath: "\(layers)/\(layer)").filter { $0.name.hasPrefix("shifted-") }.count)
        }
      }
      #expect(try said("--userns", "private") == "0 0 1 1 1 65536 1000:2000")
      #expect(try said("--userns", "auto:size=3000") == "0 1 3000 1000:2000")
      #expect(try copies() == 0)
      #expect(try said("--userns", "nomap") == "0 1 65536 1000:2000")
      #expect(try said("--userns", "nomap") == "0 1 65536 1000:2000")
      #expect(try copies() == 1)
      #expect(try said("--uidmap", "0:@3000000:3000") == "0 1 3000 1000:2000")
      let foreign = try user.berth("run", "--rm", "--uidmap", "0:@4000000:3000", "busybox", "true")
      #expect(foreign.code == 125 && foreign.errorText.contains("ids 4000000 to 4002999 are not yours"), "\(foreign)")
    }
  }

  // covers LP-03, LP-02
  @Test func aUserWithoutSubordinateIDsHearsTheFixAndHasOneID() throws {
    try OrdinaryUser.with(subordinate: false) { user in
      let first = try user.berth("run", "--rm", "hello")
      #expect(first.code == 0, "\(first)")
      #expect(first.errorText.contains("usermod --add-subuids") && first.errorText.contains("berthuser"), "\(first)")
      let second = try user.berth("run", "--rm", "hello")
      #expect(second.code == 0 && !second.errorText.contains("usermod"), "said once: \(second)")
      let image = try user.berth("import", try user.archive(), "busybox")
      #expect(image.code == 125 && image.errorText.contains("user 1000, group 2000"), "\(image)")
      #expect(image.errorText.contains("--add-subuids"), "\(image)")
    }
  }

  // covers LP-02
  @Test func aMissingToolIsNamed() throws {
    try OrdinaryUser.with { user in
      let missing = try user.without(OrdinaryUser.mappers, [Installed.berth, "ps"])
      #expect(missing.code == 125 && missing.errorText.contains("newuidmap"), "\(missing)")
      #expect(missing.errorText.contains("uidmap"), "the package is named: \(missing)")
    }
  }

  // covers G.24
  @Test func limitsThatNeedACgroupAreRefusedByName() throws {
    try OrdinaryUser.with { user in
      let outcome = try user.berth("run", "--rm", "--memory", "20m", "hello")
      #expect(outcome.code == 125 && outcome.errorText.contains("--memory"), "\(outcome)")
    }
  }

  // covers LP-03: the runtime directory is trusted only where nobody else may write
  @Test func aRuntimeDirectoryOfSomebodyElseIsRefused() throws {
    try OrdinaryUser.with { user in
      let planted = user.scratch + "/planted"
      try makeDirectories(planted + "/berth", mode: 0o777)
      try TestKit.run(["chmod", "777", planted, planted + "/berth"])
      try replaceFile(planted + "/berth/namespace", with: Array("1 1\n".utf8), durable: false)
      let outcome = try user.berth("ps", environment: ["XDG_RUNTIME_DIR=\(planted)"])
      #expect(outcome.code == 125 && outcome.errorText.contains("\(planted)/berth"), "\(outcome)")
    }
  }
}
