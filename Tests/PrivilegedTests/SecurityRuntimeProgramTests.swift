import CSys
import Glibc
import JSON
import Sys
import TestKit
import Testing

/// What of the host a container could reach through the runtime itself: its program, its descriptors, its directory.
@Suite(.needs(.root), .needs(.installed), .serialized) struct SecurityRuntimeProgramTests {
  /// CVE-2019-5736: a process of the container holds the runtime's program open through /proc, waits until nobody runs
  /// it, and writes to it.
  @Test func theRuntimesProgramCannotBeWritten() throws {
    try withHostileBundle { bundle in
      // A copy: were it written, the other tests would not run the product any more.
      let program = bundle.scratch + "/berth-runtime"
      try TestKit.run(["cp", Installed.runtime, program])
      let before = try TestKit.run(["sha256sum", program]).trimmed
      func runtime(_ words: String...) throws {
        let outcome = try TestKit.run([program, "--root", bundle.runtimeRoot] + words)
        #expect(outcome.code == 0, "\(outcome)")
      }
      try makeDirectories(bundle.rootfs + "/b")
      // The runtime's program, started inside, waits for its configuration: long enough to be opened.
      try check(csys_mknodat(AT_FDCWD, bundle.rootfs + "/b/config.json", S_IFIFO | 0o600, 0))
      try bundle.write(["/bin/sleep", "1000"])
      try runtime("create", "--bundle", bundle.bundle, bundle.id)
      try runtime("start", bundle.id)
      try runtime("exec", "--detach", bundle.id, "/proc/self/exe", "run", "--bundle", "/b", "x")
      // It keeps the program open, ends the process, and writes once nothing executes the program any more.
      let attack = """
        i=0; pid=
        while [ -z "$pid" ] && [ $i -lt 50 ]; do
          for p in /proc/[0-9]*; do
            case "$(readlink $p/exe)" in */busybox|'') ;; *) pid=${p#/proc/} ;; esac
          done
          i=$((i+1)); [ -n "$pid" ] || usleep 100000
        done
        [ -n "$pid" ] || { echo none >/result; exit; }
        exec 3</proc/$pid/exe || { echo closed >/result; exit; }
        kill -9 $pid; i=0
        while [ $i -lt 30 ]; do
          (echo evil >/proc/self/fd/3) 2>/why && { echo written >/result; exit; }
          case "$(cat /why)" in *busy*) usleep 100000 ;; *) break ;; esac
          i=$((i+1))
        done
        cp /why /result
        """
      try runtime("exec", "--detach", bundle.id, "/bin/sh", "-c", attack)
      let result = bundle.rootfs + "/result"
      #expect(eventually(10) { (try? readText(result))?.isEmpty == false })
      #expect(try readText(result).contains("Read-only file system"))
      #expect(try TestKit.run(["sha256sum", program]).trimmed == before)
    }
  }

  /// CVE-2024-21626: a working directory that is a descriptor of the host, inherited or opened by the runtime.
  @Test func theWorkingDirectoryCannotBeADescriptorOfTheHost() throws {
    try withHostileBundle { bundle in
      try replaceFile(bundle.scratch + "/secret", with: Array("host secret".utf8), durable: false)
      let script = "cat ../../../../../../../../..\(bundle.scratch)/secret; cat .\(bundle.scratch)/secret; true"
      for number in Array(3...12) + [200] {
        try bundle.write(["/bin/sh", "-c", script], cwd: "/proc/self/fd/\(number)")
        for leak in ["", "exec 9</; exec 200</; "] {  // what the runtime opens itself, and what its caller leaves open
          let outcome = try bundle.leaking(leak, "run", "--bundle", bundle.bundle, bundle.id)
          #expect(!outcome.text.contains("host secret"), "descriptor \(number)")
          _ = try bundle.runtime("delete", "--force", bundle.id)
        }
      }
    }
  }

  @Test func execsWorkingDirectoryCannotBeADescriptorOfTheHost() throws {
    try withHostileBundle { bundle in
      try replaceFile(bundle.scratch + "/secret", with: Array("host secret".utf8), durable: false)
      try bundle.write(["/bin/sleep", "1000"])
      #expect(try bundle.runtime("create", "--bundle", bundle.bundle, bundle.id).code == 0)
      #expect(try bundle.runtime("start", bundle.id).code == 0)
      let script = "cat ../../../../../../../../..\(bundle.scratch)/secret; cat .\(bundle.scratch)/secret; true"
      for number in Array(3...12) + [200] {
        for leak in ["", "exec 9</; exec 200</; "] {
          let outcome = try bundle.leaking(
            leak, "exec", "--cwd", "/proc/self/fd/\(number)", bundle.id, "/bin/sh", "-c", "'\(script)'")
          #expect(!outcome.text.contains("host secret"), "descriptor \(number)")
        }
      }
    }
  }

  @Test func noDescriptorOfTheHostIsInherited() throws {
    try withHostileBundle { bundle in
      // A careless caller leaks a directory of the host into the runtime.
      try bundle.write(["/bin/sh", "-c", "ls /proc/self/fd"])
      let outcome = try bundle.leaking("exec 9</; exec 200</etc; ", "run", "-b", bundle.bundle, bundle.id)
      // 3 is ls's own.
      #expect(Set(outcome.text.split(whereSeparator: \.isWhitespace)).isSubset(of: ["0", "1", "2", "3"]), "\(outcome)")
      #expect(outcome.code == 0, "\(outcome)")
    }
  }

  /// Between create and start: /proc/1/fd of the waiting process is open to all who share its PID namespace.
  @Test func aWaitingContainerHoldsNothingOfTheHost() throws {
    try withHostileBundle { bundle in
      try bundle.write(["/bin/true"])
      let create =
        "exec 9</; exec \(Installed.runtime) --root \(bundle.runtimeRoot) create -b \(bundle.bundle) "
        + "--pid-file \(bundle.scratch)/pid \(bundle.id) </dev/null >/dev/null 2>&1"
      #expect(try TestKit.run(["/bin/bash", "-c", create]).code == 0)
      let directory = "/proc/\(try readText(bundle.scratch + "/pid").trimmed)/fd"
      let open = try entries(ofPath: directory).map { try readLink("\(directory)/\($0.name)") }
      let foreign = open.filter { $0 != "/dev/null" && !$0.hasPrefix("socket:") && !$0.hasPrefix("pipe:") }
      #expect(foreign.isEmpty, "\(foreign)")
    }
  }
}
