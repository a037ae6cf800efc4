import Glibc
import Sys
import TestKit
import Testing

/// What an ordinary user hears on a machine where something is missing: the command that adds it.
@Suite(.needs(.root), .needs(.installed), .serialized) struct RootlessFirstRunTests {
  private func expect(_ outcome: Outcome, hints text: String, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(outcome.code == 125 && outcome.errorText.contains(text), "\(outcome)", sourceLocation: sourceLocation)
  }

  // covers LP-03: usermod, as it can be typed
  @Test func subordinateIDs() throws {
    try OrdinaryUser.with { user in
      try user.write("subgid", "somebody:3000000:65536\n")
      let groups = try user.berth("ps")
      #expect(groups.code == 0 && groups.errorText.contains("no subordinate group ids"), "\(groups)")
      #expect(
        groups.errorText.contains(": usermod --add-subgids 3065536-3131071 berthuser, then: berth system migrate"))
      let none = try user.berth("run", "--rm", "--userns", "nomap", "hello")
      expect(none, hints: "usermod --add-subuids 3065536-3131071 --add-subgids 3065536-3131071 berthuser")
      let other = try user.berth("run", "--rm", "--subuidname", "stranger", "hello")
      expect(other, hints: "--add-subgids 3065536-3131071 stranger")
    }
  }

  // covers LP-02: the tools that write the maps have lost their privilege, or may not use it
  @Test func toolsWithoutPrivilege() throws {
    try OrdinaryUser.with { user in
      let copy = "cp $(command -v newuidmap) \(user.scratch)/tool && chmod 755 \(user.scratch)/tool"
      let bare = try user.prepared("\(copy) && mount --bind \(user.scratch)/tool $(command -v newuidmap)", ["ps"])
      expect(bare, hints: "chown root /usr/bin/newuidmap && chmod u+s /usr/bin/newuidmap")
      expect(try user.run(["setpriv", "--no-new-privs", Installed.berth, "ps"]), hints: "no_new_privs")
    }
  }

  // covers LP-03: the administrator's switch
  @Test func namespacesAreSwitchedOff() throws {
    try OrdinaryUser.with { user in
      let machine = """
        unshare -U sleep 60 & holder=$!
        while [ "$(readlink /proc/$holder/ns/user)" = "$(readlink /proc/self/ns/user)" ]; do sleep 0.05; done
        for map in uid_map gid_map; do echo '0 0 4294967295' >/proc/$holder/$map || exit 99; done
        nsenter -t $holder -U -S 0 -G 0 unshare -m sh -c \
          'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"' sh "$@"
        code=$?; kill $holder; exit $code
        """
      let outcome = try TestKit.run(["bash", "-c", machine, "bash"] + user.words([Installed.berth, "ps"]))
      expect(outcome, hints: "sysctl -w user.max_user_namespaces=15000")
    }
  }

  // covers PD-142: no device for the networks of users
  @Test(arguments: ["pasta", "slirp4netns", "bridge"]) func noTunnels(_ network: String) throws {
    try OrdinaryUser.with { user in
      let run = ["run", "--rm", "--network", network, "hello"]
      let absent = try user.prepared("umount /dev/net/tun; mount -t tmpfs none /dev/net", run)
      expect(absent, hints: "open /dev/net/tun: No such file or directory")
      expect(absent, hints: "the administrator can allow it: modprobe tun")
      try user.ok("system", "migrate")
      try TestKit.run(["chmod", "600", user.scratch + "/tun"])
      expect(try user.run([Installed.berth] + run), hints: "the administrator can allow it: chmod 666 /dev/net/tun")
      #expect(try user.ok("run", "--rm", "--network", "none", "hello").contains("Hello"))
    }
  }
  // covers PD-142, G.11
  @Test(arguments: ["pasta", "slirp4netns"]) func noNetworkProgram(_ program: String) throws {
    try OrdinaryUser.with { user in
      let network = program == "pasta" ? "pasta" : "bridge"
      let outcome = try user.without([program], [Installed.berth, "run", "--rm", "--network", network, "hello"])
      expect(outcome, hints: "\(program) is not installed")
      expect(outcome, hints: "install the package \(program == "pasta" ? "passt" : "slirp4netns")")
    }
  }

  // covers PD-03, LP-01: no session gave the user a directory
  @Test func noRuntimeDirectory() throws {
    try OrdinaryUser.with { user in
      let directory = "/tmp/berth-run-\(OrdinaryUser.uid)"
      let none = ["XDG_RUNTIME_DIR=", "XDG_DATA_HOME=\(user.home)/other"]
      defer { _ = try? TestKit.run(["rm", "-rf", directory]) }
      #expect(try user.berth("info", "--format", "{{.store.runRoot}}", environment: none).trimmed == directory)
      #expect(try user.berth("run", "--rm", "--network", "none", "hello", environment: none).code == 0)
      #expect(try user.berth("system", "migrate", environment: none).code == 0)
      try TestKit.run(["chmod", "777", directory])
      expect(try user.berth("ps", environment: none), hints: "remove it (rm -r \(directory)), or set XDG_RUNTIME_DIR")
      try TestKit.run(["chown", "0", directory])
      let foreign = try user.berth("ps", environment: none)
      expect(foreign, hints: "hint: set XDG_RUNTIME_DIR to a directory of your own")
      let noHome = try user.prepared("umount /etc/passwd", ["ps"], environment: ["HOME="])
      expect(noHome, hints: "HOME is not set: set it, or name a directory with --root")
    }
  }
}
