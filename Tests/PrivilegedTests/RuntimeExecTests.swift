import CSys
import Glibc
import JSON
import Sys
import TestKit
import Testing

@Suite(.needs(.root), .needs(.installed), .needs(.program("busybox"))) struct RuntimeExecTests {
  /// covers LX-46
  @Test func execEntersTheContainer() throws {
    try withBundle { bundle in
      try bundle.startSleeper()
      let text = try bundle.ok(
        "exec", "c", "sh", "-c", "hostname; ps | grep -c 'sleep 1000'; cat /proc/self/cgroup; pwd")
      #expect(
        text.hasPrefix("berth\n") && text.contains(":\(bundle.cgroupParent)/c\n") && text.hasSuffix("\n/"), "\(text)")
      let outcome = try bundle.runtime(
        "exec", "--cwd", "/tmp", "-e", "A=B", "-u", "5:6", "-g", "7", "--no-new-privs", "c", "sh", "-c",
        "pwd; id; echo $A $PATH; exit 9")
      #expect(
        outcome.code == 9 && outcome.lines[0] == "/tmp" && outcome.lines[1] == "uid=5 gid=6 groups=7", "\(outcome)")
      #expect(outcome.lines[2].hasPrefix("B /usr/local/sbin"))
      #expect(try bundle.runtime("exec", "c", "sh", "-c", "kill -TERM $$").code == 143)
    }
  }

  /// covers LX-46: `--process`, and what is refused
  @Test func execReadsAProcess() throws {
    try withBundle { bundle in
      try bundle.startSleeper()
      let file = bundle.scratch + "/process.json"
      let process: JSON = [
        "cwd": "/etc", "args": ["sh", "-c", "pwd; env; id -u"], "env": ["PATH=/bin", "ONLY=this"],
        "user": ["uid": 1000, "gid": 1000],
      ]
      try replaceFile(file, with: process.bytes(), durable: false)
      let text = try bundle.ok("exec", "--process", file, "c")
      #expect(text.hasPrefix("/etc\n") && text.contains("ONLY=this") && text.hasSuffix("1000"), "\(text)")
      #expect(text.contains("HOME=/tmp") && !text.contains("TERM="))
      let missing = try bundle.runtime("exec", "c", "no-such-command")
      #expect(missing.code == 127 && missing.errorText.contains("executable file not found in $PATH"), "\(missing)")
      let denied = try bundle.runtime("exec", "c", "/etc/passwd")
      #expect(denied.code == 126 && denied.errorText.contains("permission denied"), "\(denied)")
      #expect(try bundle.runtime("exec", "--cwd", "/no", "c", "true").errorText.contains("chdir to cwd (\"/no\")"))
      #expect(try bundle.runtime("exec", "-u", "x", "c", "true").errorText.contains("no user or group number"))
      try bundle.ok("kill", "c", "KILL")
      #expect(try eventually { try bundle.status() == "stopped" })
      #expect(try bundle.runtime("exec", "c", "true").errorText.contains("cannot exec in a container that is stopped"))
    }
  }

  /// covers LX-47: it returns at once, and warns where nobody learns the pid
  @Test func execDetached() throws {
    try withBundle { bundle in
      try bundle.startSleeper()
      let pidFile = bundle.scratch + "/pid"
      try bundle.ok("exec", "-d", "--pid-file", pidFile, "c", "sleep", "500")
      let pid = try #require(pid_t(try readText(pidFile)))
      #expect(try readText("/proc/\(pid)/cmdline").contains("500"))
      #expect(try bundle.ok("ps", "-f", "json", "c").contains("\(pid)"))
      let unknown = try bundle.runtime("exec", "-d", "c", "true")
      #expect(unknown.code == 0 && unknown.errorText.contains("detached without --pid-file"), "\(unknown)")
    }
  }

  /// covers LX-16: a terminal of the container's own, its master over the socket, its slave as controlling terminal
  @Test(arguments: [false, true]) func consoleSocket(_ isExec: Bool) throws {
    try withBundle { bundle in
      let path = bundle.scratch + "/console"
      let listener = try listenUnix(path, type: CInt(SOCK_STREAM.rawValue))
      let script = "tty; test -c /dev/console && echo console; stty size; sleep 1000"
      if isExec {
        try bundle.startSleeper()
        try bundle.ok("exec", "-d", "-t", "--console-socket", path, "c", "sh", "-c", script)
      } else {
        let size: JSON = ["height": 31, "width": 97]
        try bundle.configure([
          ("process.args", ["sh", "-c", .string(script)]), ("process.terminal", true), ("process.consoleSize", size),
        ])
        try bundle.ok("create", "-b", bundle.path, "--console-socket", path, "c")
        try bundle.ok("start", "c")
      }
      let connection = try accept(listener)
      let message = try receive(connection, bytesMax: 100, descriptorsMax: 1)
      let master = OwnedFD(adopting: try #require(message.descriptors.first))
      #expect(String(decoding: message.bytes, as: UTF8.self).hasPrefix("/dev/pts/"))
      var text = ""
      #expect(
        try eventually {
          var wanted = pollfd(fd: master.borrowed, events: Int16(POLLIN), revents: 0)
          if csys_poll(&wanted, 1, 100) <= 0 { return false }
          var bytes = [UInt8](repeating: 0, count: 1000)
          let raw = master.borrowed
          let got = try check(csys_read(raw, &bytes, bytes.count))
          text += String(decoding: bytes[..<got], as: UTF8.self)
          return text.contains(isExec ? "/dev/pts/" : "31 97")
        }, "\(text)")
      if !isExec { #expect(text.contains("console")) }
    }
  }

  /// covers LX-16: no socket, nobody there, nobody who takes the terminal in time
  @Test func consoleSocketsAreChecked() throws {
    try withBundle { bundle in
      try bundle.configure([("process.terminal", true)])
      let none = try bundle.runtime("create", "-b", bundle.path, "c")
      #expect(none.code == 1 && none.errorText.contains("without --console-socket"), "\(none)")
      let missing = try bundle.runtime("create", "-b", bundle.path, "--console-socket", "/no/socket", "c")
      #expect(missing.code == 1 && missing.errorText.contains("connect to the console socket /no/socket"), "\(missing)")
      let path = bundle.scratch + "/full"
      let listener = try listenUnix(path, type: CInt(SOCK_STREAM.rawValue), backlog: 0)
      let first = try connectUnix(path, type: CInt(SOCK_STREAM.rawValue))
      let late = try bundle.runtime(
        "--create-timeout", "200ms", "create", "-b", bundle.path, "--console-socket", path, "c")
      #expect(late.code == 1 && late.errorText.contains("\(path): Connection timed out"), "\(late)")
      #expect(first.borrowed >= 0 && listener.borrowed >= 0, "both are open until here")
      try bundle.configure()
      let useless = try bundle.runtime("create", "-b", bundle.path, "--console-socket", "/no/socket", "c")
      #expect(useless.errorText.contains("--console-socket is for a process with a terminal"), "\(useless)")
    }
  }
}
