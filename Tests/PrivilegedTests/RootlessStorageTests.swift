import Glibc
import Sys
import TestKit
import Testing

/// An ordinary user's containers on fuse-overlayfs, where the kernel keeps overlays for root.
@Suite(.needs(.root), .needs(.installed), .needs(.program("fuse-overlayfs")), .needs(.program("umoci")), .serialized)
struct RootlessStorageTests {
  private static let program = "/usr/bin/fuse-overlayfs"
  private static let chosen = ["--storage-opt", "overlay.mount_program=\(program)"]
  private static let root = "grep ' / ' /proc/mounts | cut -d ' ' -f 3"

  /// An image whose upper layers take files away: /gone, /opaque/low, /both/deleted.
  private func loadImage(_ user: OrdinaryUser) throws {
    try makeBusyboxRootfs(user.scratch + "/rootfs")
    let script = """
      cd "$0"; mkdir -p rootfs/gone rootfs/opaque rootfs/both new; umask 022
      touch rootfs/gone/x rootfs/opaque/low rootfs/both/deleted rootfs/both/kept new/high
      chown 1000:2000 rootfs/both/kept
      image="--image layout:fuse"; umoci init --layout layout; umoci new $image
      umoci insert $image rootfs /; umoci insert $image --opaque new /opaque
      umoci insert $image --whiteout /gone; umoci insert $image --whiteout /both/deleted
      umoci config $image --config.env PATH=/bin; chmod -R a+rX layout
      """
    let made = try TestKit.run(["bash", "-ec", script, user.scratch])
    #expect(made.code == 0, "\(made)")
    try user.ok("load", "-i", user.scratch + "/layout")
  }
  private func servers(_ user: OrdinaryUser) -> [Int32] {
    processes(mentioning: user.scratch).filter {
      (try? readText("/proc/\($0)/comm", limit: 64)) == "fuse-overlayfs\n"
    }
  }
  private func killServer(_ user: OrdinaryUser) throws {
    let servers = servers(user)
    #expect(servers.count == 1)
    for pid in servers { kill(pid, SIGKILL) }
    #expect(eventually(10) { self.servers(user).isEmpty })
  }
  /// As on a kernel that refuses: every way to mount an overlay fails. The program's own mount does not.
  private func refused(_ arguments: String...) -> [String] {
    let faults = ["fsopen", "mount"].flatMap { ["-e", "inject=\($0):error=EPERM"] }
    return ["strace", "-o", "/dev/null", "-e", "trace=fsopen,mount"] + faults + [Installed.berth] + arguments
  }

  // covers OC-36, G.24: what the layers hide is hidden, whoever mounts them
  @Test func layersLookTheSame() throws {
    try OrdinaryUser.with { user in
      try loadImage(user)
      let script = "find /gone /opaque /both 2>/dev/null | sort; stat -c %u:%g /both/kept; \(Self.root)"
      let expected = ["/both", "/both/kept", "/opaque", "/opaque/high", "1000:2000"]
      for (options, kind) in [([], "overlay"), (Self.chosen, "fuse.fuse-overlayfs")] {
        let outcome = try user.run(
          [Installed.berth] + options + ["run", "--rm", "--network", "none", "fuse", "sh", "-c", script])
        #expect(outcome.lines == expected + [kind], "\(outcome)")
        let mapped = try user.run(
          [Installed.berth] + options + ["run", "--rm", "--network", "none", "--userns", "keep-id", "-u", "0", "fuse"]
            + ["sh", "-c", "touch /both/kept; \(script)"])
        #expect(mapped.lines == expected + [kind], "\(mapped)")
      }
    }
  }

  // covers OC-36: a writable layer stays with what has written it, the program ends with the mount, and its death hurts
  // one run of one container
  @Test func theProgramAndItsMount() throws {
    try OrdinaryUser.with { user in
      try loadImage(user)
      let script = """
        [ -e /both/mine ] || { rm -r /both /opaque/high; mkdir /both; echo x >/both/mine; }
        exec sleep 1000
        """
      let create = ["run", "-d", "--name", "w", "--network", "none", "fuse", "sh", "-c", script]
      #expect(try user.run([Installed.berth] + Self.chosen + create).code == 0)
      #expect(try eventually(10) { try user.berth("exec", "w", "cat", "/both/mine").text == "x\n" })
      for pid in servers(user) {
        let open = try entries(ofPath: "/proc/\(pid)/fd").map { try readLink("/proc/\(pid)/fd/\($0.name)") }
        let foreign = open.filter { file in
          !["/dev/null", "/dev/fuse"].contains(file) && !file.hasPrefix("pipe:") && !file.contains("/layers/")
            && !file.contains("/containers/") && !file.hasSuffix("/skeleton")
        }
        #expect(foreign == [], "descriptors of the command that started it")
      }
      try user.ok("stop", "-t", "0", "w")
      #expect(eventually(10) { servers(user).isEmpty })
      try user.ok("start", "w")  // without the option: the kernel would show what was deleted
      let shown = try user.ok("exec", "w", "sh", "-c", "find /both /opaque | sort; \(Self.root)")
      #expect(shown.split(separator: "\n") == ["/both", "/both/mine", "/opaque", "fuse.fuse-overlayfs"])
      try killServer(user)
      let dead = try user.berth("exec", "w", "true")
      #expect(dead.code == 125 && dead.errorText.contains("Transport endpoint is not connected"), "\(dead)")
      #expect(dead.errorText.contains("berth restart"), "\(dead)")
      try user.ok("restart", "-t", "0", "w")
      #expect(try user.ok("exec", "w", "cat", "/both/mine") == "x")
      try killServer(user)
      try user.ok("rm", "-f", "-t", "0", "w")
    }
  }

  // covers OC-36, PD-16
  @Test(.needs(.program("strace"))) func whereTheKernelRefuses() throws {
    try OrdinaryUser.with { user in
      try loadImage(user)
      let run = refused("run", "--rm", "--network", "none", "fuse", "sh", "-c", Self.root)
      #expect(try user.run(run).trimmed == "fuse.fuse-overlayfs")
      let format = "{{(index .store.graphOptions \"overlay.mount_program\").Executable}}"
      #expect(try user.run(refused("info", "--format", format)).trimmed == Self.program)
      #expect(try user.ok("info", "--format", "{{json .store.graphOptions}}") == "{}")

      try TestKit.run(["chmod", "600", user.scratch + "/fuse"])
      let closed = try user.run(run)
      #expect(closed.code == 125 && closed.errorText.contains("chmod 666 /dev/fuse"), "\(closed)")
      try user.ok("system", "migrate")
      let missing = try user.without(["fuse-overlayfs"], run)
      #expect(missing.code == 125 && missing.errorText.contains("Operation not permitted"), "\(missing)")
      #expect(missing.errorText.contains("install the package fuse-overlayfs"), "\(missing)")
      #expect(try user.ok("ps", "-a", "-q") == "")
    }
  }

  // covers OC-36: killed in the middle of a mount
  @Test(.needs(.program("strace")), arguments: ["memfd_create", "wait4", "renameat2"])
  func killedWhileItMounts(_ call: String) throws {
    try OrdinaryUser.with { user in
      try loadImage(user)
      try user.ok("run", "--rm", "--network", "none", "fuse", "true")
      let kill = ["strace", "-o", "/dev/null", "-e", "trace=\(call)", "-e", "inject=\(call):signal=KILL:when=1"]
      let killed = try user.run(
        kill + [Installed.berth] + Self.chosen + ["run", "--name", "k", "--network", "none", "fuse", "true"])
      #expect(killed.code != 0, "\(killed)")
      try user.ok("ps", "-a")
      #expect(eventually(10) { servers(user).isEmpty })
      let again = ["run", "--rm", "--name", "k", "--network", "none", "fuse", "sh", "-c", Self.root]
      try user.ok("rm", "-f", "--ignore", "k")
      #expect(try user.run([Installed.berth] + again).trimmed == "overlay")
    }
  }

  // covers OC-36, G.24
  @Test func whatIsNoProgramIsRefused() throws {
    try OrdinaryUser.with { user in
      func refusal(_ value: String, _ arguments: String..., contains text: String) throws {
        let outcome = try user.run([Installed.berth, "--storage-opt", value] + arguments)
        #expect(outcome.code == 125 && outcome.errorText.contains(text), "\(outcome)")
      }
      try refusal("overlay.mount_program=fuse-overlayfs", "ps", contains: "not the absolute path of a program")
      try refusal("overlay.mount_program=/nowhere/x", "ps", contains: "/nowhere/x")
      try refusal("overlay.size=10g", "ps", contains: "overlay.size is not supported")
      try refusal("overlay.mount_program=/bin/true", "run", "--rm", "hello", contains: "by /bin/true")
      let words = try user.berth("run", "--rm", "hello", environment: ["BERTH_STORAGE_OPTS=\(Self.chosen[1])"])
      #expect(words.code == 0 && words.text.contains("fuse.fuse-overlayfs"), "\(words)")
    }
  }
}
