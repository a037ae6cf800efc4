import JSON
import Sys
import TestKit
import Testing

/// What containers are given: users, files, volumes, limits, security.
@Suite(.needs(.root), .needs(.installed), .serialized) struct ContainersSettingsTests {
  // covers PD-120, PD-123, PD-128, LP-53, G.8, G.9
  @Test func people() throws {
    try withEngine { engine in
      try engine.importBusybox()
      func run(_ arguments: String...) throws -> String {
        try engine.ok2(["run", "--rm"] + arguments)
      }
      #expect(try run("-u", "user", "busybox", "id", "-G") == "1000 2000")
      #expect(
        try run("-u", "7:8", "--group-add", "extra", "busybox", "sh", "-c", "id -u; id -g; id -G") == "7\n8\n8 2000")
      #expect(
        try run("-u", "user", "-w", "/made/here", "busybox", "sh", "-c", "pwd; stat -c %u .") == "/made/here\n1000")
      #expect(try run("--umask", "077", "busybox", "sh", "-c", "umask") == "0077")
      #expect(try engine.berth("run", "--rm", "-u", "nobody-here", "busybox", "true").errorText.contains("nobody-here"))
      #expect(try engine.berth("run", "--rm", "-w", "/etc/passwd", "busybox", "true").code == 125)
      #expect(
        try engine.berth("run", "--rm", "busybox", "env", environment: ["SECRET": "x"]).text.contains("SECRET") == false
      )
      #expect(
        try engine.berth("run", "--rm", "-e", "SECRET", "busybox", "env", environment: ["SECRET": "x"]).text.contains(
          "SECRET=x"))
    }
  }

  // covers PD-131, LP-49, PD-122
  @Test func generatedFiles() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let text = try engine.ok(
        "run", "--rm", "--name", "f", "--hostname", "host.example", "--add-host", "db:10.9.8.7", "busybox", "sh", "-c",
        "hostname; cat /etc/hosts /etc/hostname /run/.containerenv")
      for part in ["host.example", "10.9.8.7\tdb", "engine=\"berth\"", "name=\"f\""] {
        #expect(text.contains(part), "\(part)")
      }
      let own = engine.scratch + "/hosts"
      try replaceFile(own, with: Array("mine\n".utf8), durable: false)
      #expect(try engine.ok("run", "--rm", "-v", "\(own):/etc/hosts:ro", "busybox", "cat", "/etc/hosts") == "mine")
      #expect(
        try engine.berth("run", "--rm", "--tz", "Nowhere/City", "busybox", "true").errorText.contains(
          "unknown time zone"))
    }
  }

  // covers PD-107, PD-110, PD-112, PD-113, PD-114, LP-51
  @Test func volumes() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let rootfs = engine.scratch + "/with-data"
      try makeBusyboxRootfs(rootfs)
      try makeDirectories(rootfs + "/data")
      try replaceFile(rootfs + "/data/file", with: Array("image\n".utf8), durable: false)
      try TestKit.run(["chown", "-R", "1000:2000", rootfs + "/data"])
      try TestKit.run(["tar", "-C", rootfs, "-cf", engine.scratch + "/data.tar", "."])
      try engine.ok("import", "--change", "VOLUME /data", engine.scratch + "/data.tar", "localhost/data")
      #expect(
        try engine.ok(
          "run", "--rm", "-v", "named:/data", "data", "sh", "-c",
          "cat /data/file; stat -c %u:%g /data /data/file; echo more >/data/new") == "image\n1000:2000\n1000:2000")
      #expect(
        try engine.ok(
          "run", "--rm", "-v", "named:/elsewhere:ro", "busybox", "sh", "-c",
          "cat /elsewhere/new; touch /elsewhere/x 2>/dev/null || echo read-only") == "more\nread-only")
      #expect(try engine.ok("volume", "ls", "-q") == "named", "anonymous ones went with --rm")
      try engine.ok("create", "--name", "user", "-v", "named:/d", "data", "true")
      #expect(try engine.ok("volume", "ls", "-q").split(separator: "\n").count == 2)
      #expect(try engine.berth("volume", "rm", "named").errorText.contains("being used"))
      try engine.ok("rm", "-v", "user")
      #expect(try engine.ok("volume", "ls", "-q") == "named")
      try engine.ok("volume", "rm", "named")
      try engine.ok("run", "--rm", "-u", "user", "-v", "fresh:/fresh", "busybox", "touch", "/fresh/mine")
      #expect(try engine.berth("volume", "create", "fresh").code == 125)
      try engine.ok("volume", "rm", "fresh")
      #expect((try? entries(ofPath: engine.root + "/volumes"))?.isEmpty ?? true)
    }
  }

  // covers LP-50, LP-52, PD-127, PD-39
  @Test func mounts() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let source = engine.scratch + "/source"
      try makeDirectories(source)
      try engine.ok("run", "--rm", "-v", "\(source):/s", "busybox", "sh", "-c", "echo x >/s/f")
      #expect(try readText(source + "/f") == "x\n")
      #expect(
        try engine.berth(
          "run", "--rm", "--mount", "type=bind,source=\(source),destination=/s,ro", "busybox", "touch", "/s/g"
        ).code == 1)
      #expect(
        try engine.ok(
          "run", "--rm", "--tmpfs", "/t:size=64k", "busybox", "sh", "-c", "df -k /t | tail -1 | awk '{print $2}'")
          == "64")
      #expect(
        try engine.ok(
          "run", "--rm", "--shm-size", "1m", "busybox", "sh", "-c", "df -k /dev/shm | tail -1 | awk '{print $2}'")
          == "1024")
      #expect(
        try engine.ok(
          "run", "--rm", "--read-only", "busybox", "sh", "-c",
          "touch /x 2>/dev/null || echo no; touch /tmp/x && echo yes") == "no\nyes")
      #expect(
        try engine.berth("run", "--rm", "-v", "/nonexistent:/x", "busybox", "true").errorText.contains("/nonexistent"))
      let rootfs = engine.scratch + "/rootfs"
      try makeBusyboxRootfs(rootfs)
      try engine.ok("run", "--rm", "--rootfs", rootfs, "sh", "-c", "echo in place >/written")
      #expect(try readText(rootfs + "/written") == "in place\n")
    }
  }

  // covers PD-161, LP-45, LP-48
  @Test func limitsAndSecurity() throws {
    try withEngine { engine in
      try engine.importBusybox()
      func run(_ arguments: String...) throws -> String { try engine.ok2(["run", "--rm"] + arguments) }
      #expect(try run("--ulimit", "nofile=64:128", "busybox", "sh", "-c", "ulimit -n; ulimit -Hn") == "64\n128")
      #expect(
        try run("--sysctl", "net.ipv4.ip_default_ttl=99", "busybox", "cat", "/proc/sys/net/ipv4/ip_default_ttl") == "99"
      )
      #expect(try run("busybox", "grep", "CapEff", "/proc/self/status").hasSuffix("00000000800405fb"))
      #expect(
        try run("--cap-drop", "all", "--cap-add", "kill", "busybox", "grep", "CapEff", "/proc/self/status").hasSuffix(
          "0000000000000020"))
      #expect(try run("busybox", "grep", "Seccomp:", "/proc/self/status").hasSuffix("2"))
      #expect(
        try run("--security-opt", "seccomp=unconfined", "busybox", "grep", "Seccomp:", "/proc/self/status").hasSuffix(
          "0"))
      #expect(
        try run("--security-opt", "no-new-privileges", "busybox", "grep", "NoNewPrivs", "/proc/self/status").hasSuffix(
          "1"))
      #expect(
        try run(
          "busybox", "sh", "-c", "cat /proc/keys | wc -c; echo x 2>/dev/null >/proc/sysrq-trigger || echo refused")
          == "0\nrefused")
      #expect(
        try run(
          "--device", "/dev/zero:/dev/other:r", "busybox", "sh", "-c",
          "head -c 3 /dev/other | wc -c; [ -c /dev/other ] && echo device") == "3\ndevice")
      #expect(
        try engine.berth(
          "run", "--rm", "-m", "24m", "busybox", "sh", "-c", "a=x; while :; do a=$a$a; done", seconds: 60
        ).code == 137)
      #expect(
        try engine.berth(
          "run", "--rm", "--pids-limit", "5", "busybox", "sh", "-c", "for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait"
        ).code != 0)
    }
  }

  // covers PD-62, LP-31, LP-32, PD-95, PD-52, G.18
  @Test func listing() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("run", "-d", "--name", "one", "--label", "k=v", "busybox", "sleep", "1000")
      try engine.ok("create", "--name", "two", "--label", "k=w", "busybox")
      #expect(
        try engine.berth(
          "run", "--name", "three", "busybox", "sh", "-c", "dd if=/dev/zero of=/big bs=1k count=100 2>/dev/null; exit 3"
        ).code == 3)
      func names(_ filters: String...) throws -> [String] {
        try engine.ok2(["ps", "-a", "--format", "{{.Names}}"] + filters.flatMap { ["--filter", $0] }).split(
          separator: "\n"
        ).map(String.init).sorted()
      }
      #expect(try engine.ok("ps", "--format", "{{.Names}}") == "one")
      #expect(try names() == ["one", "three", "two"])
      #expect(try names("label=k") == ["one", "two"] && names("label=k=w") == ["two"])
      #expect(try names("status=exited") == ["three"] && names("status=running", "status=created") == ["one", "two"])
      #expect(
        try names("exited=3") == ["three"] && names("name=^t") == ["three", "two"]
          && names("since=one") == ["three", "two"])
      #expect(try names("ancestor=busybox", "before=two") == ["one"])
      #expect(try engine.berth("ps", "--filter", "nosuch=1").code == 125)
      #expect(try engine.berth("ps", "--filter", "status=nosuch").code == 125)
      #expect(try engine.ok("inspect", "-s", "-f", "{{.SizeRw}}", "three") == "102400")
      try engine.ok("container", "prune", "-f")
      #expect(try names() == ["one"])
    }
  }
}

extension TestEngine {
  /// As `ok`, with a list.
  func ok2(_ arguments: [String]) throws -> String {
    let outcome = try berth(arguments)
    #expect(outcome.code == 0, "\(outcome)")
    return outcome.trimmed
  }
}
