import CSys
import Glibc
import JSON
import Sys
import TestKit
import Testing

/// Settings that are not on the command line, and the runtime of an ordinary user.
@Suite(.needs(.root), .needs(.installed), .needs(.program("busybox"))) struct RuntimeSettingsTests {
  private static func run(_ bundle: RuntimeBundle, _ environment: [String: String], _ words: String...) throws
    -> Outcome
  {
    try TestKit.run([Installed.runtime] + words, environment: environment)
  }

  /// covers LX-02, LX-04, LX-05
  @Test func flagsGoBeforeTheEnvironment() throws {
    try withBundle { bundle in
      try bundle.startSleeper()
      let environment = ["BERTH_RUNTIME_ROOT": bundle.state]
      #expect(try Self.run(bundle, environment, "list", "-q").trimmed == "c")
      let other = try Self.run(bundle, environment, "--root", bundle.scratch + "/none", "list", "-q")
      #expect(other.code == 1, "\(other)")
      let log = bundle.scratch + "/log"
      _ = try Self.run(bundle, ["BERTH_RUNTIME_LOG": log, "BERTH_RUNTIME_LOG_FORMAT": "json"], "state", "no-such")
      #expect(try readText(log).contains(#""level":"error""#))
      let wrong = try Self.run(bundle, ["BERTH_RUNTIME_KILL_TIMEOUT": "soon"], "--root", bundle.state, "kill", "c")
      #expect(wrong.code == 1 && wrong.errorText.contains("BERTH_RUNTIME_KILL_TIMEOUT"), "\(wrong)")
    }
  }

  /// covers LX-06: switched off for the container and for what is executed in it later
  @Test func gatesThatAreClosed() throws {
    try withBundle { bundle in
      let profile: JSON = [
        "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [["names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"]],
      ]
      try bundle.configure([
        ("process.args", ["sleep", "1000"]), ("linux.seccomp", profile), ("root.readonly", false),
      ])
      try bundle.ok("run", "-d", "-b", bundle.path, "shut")
      #expect(try bundle.runtime("exec", "shut", "mkdir", "/x").code == 1)
      try bundle.ok("delete", "-f", "shut")
      let opened = try Self.run(
        bundle, ["BERTH_RUNTIME_SECCOMP": "false"], "--root", bundle.state, "run", "-d", "-b", bundle.path, "open")
      #expect(opened.code == 0 && opened.errorText.contains("seccomp is switched off for open"), "\(opened)")
      #expect(try bundle.runtime("exec", "open", "mkdir", "/x").code == 0)
      try bundle.ok("delete", "-f", "open")
      let flag = try bundle.runtime("--seccomp", "false", "run", "-d", "-b", bundle.path, "flag")
      #expect(flag.code == 0 && flag.errorText.contains("seccomp is switched off for flag"), "\(flag)")
    }
  }

  /// covers LX-10, LX-41: a command that does not come up in time is an error
  @Test func startHasALimit() throws {
    try withBundle { bundle in
      let hook: JSON = [["path": "/bin/sleep", "args": ["sleep", "100"]]]
      try bundle.configure([("process.args", ["true"]), ("hooks.startContainer", hook)])
      try bundle.ok("create", "-b", bundle.path, "c")
      let late = try Self.run(bundle, ["BERTH_RUNTIME_START_TIMEOUT": "200ms"], "--root", bundle.state, "start", "c")
      #expect(late.code == 1 && late.errorText.contains("not ready in time"), "\(late)")
      let wrong = try bundle.runtime("--create-timeout", "soon", "create", "-b", bundle.path, "d")
      #expect(wrong.code == 1 && wrong.errorText.contains("--create-timeout is a time"), "\(wrong)")
    }
  }

  /// covers LX-18: success and failure are told; what the hook does, and whether it ends, is only logged
  @Test func createHookHearsOfSuccessAndFailure() throws {
    try withBundle { bundle in
      let program = bundle.scratch + "/hook", told = bundle.scratch + "/told"
      let script = "#!/bin/sh\necho \"$CONTAINER_ID|$RUNTIME_CMD|$RUNTIME_ERROR\" >> \(told)\n"
      try replaceFile(program, with: Array(script.utf8), mode: 0o755, durable: false)
      let environment = ["BERTH_RUNTIME_CREATE_HOOK": program]
      try bundle.configure([("process.args", ["true"])])
      #expect(try Self.run(bundle, environment, "--root", bundle.state, "create", "-b", bundle.path, "a").code == 0)
      #expect(try Self.run(bundle, environment, "--root", bundle.state, "create", "-b", bundle.path, "a").code == 1)
      let lines = try readText(told).split(separator: "\n")
      #expect(lines.first == "a|create|" && lines.last?.contains("already exists") == true, "\(lines)")
      for (id, script, words) in [
        ("b", "exit 4", "ended with status 4"), ("d", "sleep 30", "took longer than 200 ms and was killed"),
      ] {
        try replaceFile(program, with: Array("#!/bin/sh\n\(script)\n".utf8), mode: 0o755, durable: false)
        try bundle.configure([("process.args", ["true"])], id: id)
        let slow = environment.merging(["BERTH_RUNTIME_CREATE_HOOK_TIMEOUT": "200ms"]) { $1 }
        let outcome = try Self.run(bundle, slow, "--root", bundle.state, "create", "-b", bundle.path, id)
        #expect(outcome.code == 0 && outcome.errorText.contains(words), "\(outcome)")
      }
    }
  }

  /// covers LX-43: a created container, whose process is PID 1, ends on a signal that it has no handler for
  @Test func createdContainersHearSignals() throws {
    try withBundle { bundle in
      try bundle.configure([("process.args", ["true"])])
      try bundle.ok("create", "-b", bundle.path, "c")
      try bundle.ok("kill", "c", "TERM")
      var tries = 0
      while try bundle.status() != "stopped" && tries < 100 {
        usleep(20_000)
        tries += 1
      }
      #expect(try bundle.status() == "stopped")
    }
  }

  /// covers LX-34: an ordinary user without any privilege, with its own ID and with those of /etc/subuid
  @Test(.needs(.program("setpriv")), .needs(.program("newuidmap"))) func anOrdinaryUser() throws {
    try withBundle { bundle in
      let id = "54321"
      let script = """
        set -e
        cp /etc/passwd "$1/passwd"; echo "berthtest:x:\(id):\(id)::/:/bin/sh" >>"$1/passwd"
        for f in subuid subgid; do echo "berthtest:200000:65536" >"$1/$f"; mount --bind "$1/$f" /etc/$f; done
        mount --bind "$1/passwd" /etc/passwd
        chmod 755 "$1" "$1/bundle"; chown -R \(id):\(id) "$1/bundle"; mkdir "$1/run"; chown \(id) "$1/run"
        exec setpriv --reuid \(id) --regid \(id) --clear-groups env XDG_RUNTIME_DIR="$1/run" sh -c '
          cd "$1/bundle"; rm config.json; "$0" spec --rootless
          sed -i "s/\\"terminal\\": true/\\"terminal\\": false/" config.json
          sed -i "s/\\"sh\\"/\\"cat\\", \\"\\/proc\\/self\\/uid_map\\"/" config.json
          "$0" run one
          more="{\\"containerID\\": 1, \\"hostID\\": 200000, \\"size\\": 100"
          sed -i "s/\\"size\\": 1$/\\"size\\": 1}, $more/" config.json
          "$0" run many; "$0" list -q' "$0" "$1"
        """
      let outcome = try TestKit.run(["unshare", "--mount", "sh", "-c", script, Installed.runtime, bundle.scratch])
      let words = outcome.text.split(whereSeparator: \.isWhitespace).map(String.init)
      #expect(words == ["0", id, "1", "0", id, "1", "1", "200000", "100"], "\(outcome)")
    }
  }
}
