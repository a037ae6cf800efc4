import CSys
import Glibc
import Sys
import TestKit
import Testing

/// Who a process is, for a user without privilege.
@Suite(.needs(.root), .needs(.installed), .serialized) struct RootlessIdentityTests {
  /// An image whose USER is `user` (1000), all files root's: it can be unpacked with one id.
  private func importImage(_ user: OrdinaryUser) throws {
    let rootfs = user.scratch + "/image"
    try makeBusyboxRootfs(rootfs)
    try TestKit.run(["tar", "-C", rootfs, "--owner", "0", "--group", "0", "-cf", user.scratch + "/image.tar", "."])
    let image = try user.berth(
      "import", "--change", "USER user", "--change", "ENV PATH=/bin", "--change", "EXPOSE 80",
      user.scratch + "/image.tar", "app")
    #expect(image.code == 0, "\(image)")
  }

  // covers OC-50: nothing installed has privilege, and newuidmap is needed for the first command alone
  @Test func noProgramHasPrivilege() throws {
    var programs = 0
    for directory in ["bin", "libexec/berth"] {
      for entry in try entries(ofPath: "\(Installed.prefix)/\(directory)") {
        let path = "\(Installed.prefix)/\(directory)/\(entry.name)"
        #expect(try status(path).st_mode & 0o6000 == 0, "\(path)")
        #expect(csys_lgetxattr(path, "security.capability", nil, 0) < 0, "\(path)")
        programs += 1
      }
    }
    #expect(programs > 5)
    try OrdinaryUser.with { user in
      try importImage(user)
      let said = try user.run([
        "setpriv", "--no-new-privs", Installed.berth, "run", "--rm", "-u", "0", "app", "sh", "-c",
        "id -u; cat /proc/self/uid_map",
      ])
      #expect(said.code == 0 && said.text.hasPrefix("0\n"), "\(said)")
      #expect(said.text.split(whereSeparator: \.isWhitespace).dropFirst().prefix(2) == ["0", "\(OrdinaryUser.uid)"])
      #expect(
        try user.without(OrdinaryUser.mappers, [Installed.berth, "run", "--rm", "-u", "0", "app", "true"]).code == 0)
    }
  }

  // covers LP-42: each namespace is the host's on request, with the container's ids as the caller's and mapped again
  @Test func namespacesOfTheHost() throws {
    try OrdinaryUser.with { user in
      try importImage(user)
      for name in ["ipc", "pid", "uts", "cgroupns", "network"] {
        for ids in ["host", "keep-id"] {
          let outcome = try user.berth("run", "--rm", "-u", "0", "--\(name)", "host", "--userns", ids, "app", "true")
          #expect(outcome.code == 0, "--\(name) host --userns \(ids): \(outcome)")
        }
      }
    }
  }

  // covers OC-52, OC-53: with one id, root whatever the image says; another user is refused with the fix
  @Test func withOneID() throws {
    try OrdinaryUser.with(subordinate: false) { user in
      try importImage(user)
      let root = try user.ok(
        "run", "--rm", "-u", "0", "app", "sh", "-c", "id -u; id -g; echo $HOME; cat /proc/self/uid_map")
      #expect(
        root.split(whereSeparator: \.isWhitespace).map(String.init) == [
          "0", "0", "/root", "0", "\(OrdinaryUser.uid)", "1",
        ])
      let kept = try user.berth("run", "--rm", "-u", "0", "--userns", "keep-id", "app", "true")
      #expect(kept.code == 125 && kept.errorText.contains("keep-id leaves no id for the image's files"), "\(kept)")
      #expect(kept.errorText.contains("--add-subuids"), "\(kept)")
      let other = try user.berth("run", "--rm", "app", "id")
      #expect(other.code == 125 && other.errorText.contains("user 1000 has no mapping"), "\(other)")
      #expect(other.errorText.contains("--add-subuids"), "\(other)")
      try user.ok("run", "-d", "--name", "r", "-u", "0", "app", "sleep", "100")
      let session = try user.berth("exec", "-u", "user", "r", "id")
      #expect(session.code == 125 && session.errorText.contains("user 1000 has no mapping"), "\(session)")
      #expect(try user.ok("exec", "r", "id", "-u") == "0")
    }
  }

  // covers OC-53
  @Test func theUserOfTheImage() throws {
    try OrdinaryUser.with { user in
      try importImage(user)
      #expect(try user.ok("run", "--rm", "app", "sh", "-c", "id -un; id -u; echo $HOME") == "user\n1000\n/tmp")
      for flags in [["-u", "nobodyhere"], ["-u", "user:nogroup"]] {
        let unknown = try user.run([Installed.berth, "run", "--rm"] + flags + ["app", "true"])
        #expect(unknown.code == 125, "\(unknown)")
        #expect(unknown.errorText.contains("is not in the container's /etc/"), "\(unknown)")
      }
      let far = try user.berth("run", "--rm", "-u", "70000", "app", "true")
      #expect(far.code == 125 && far.errorText.contains("user 70000 has no mapping"), "\(far)")
    }
  }

  // covers OC-60, LP-43: nothing but loopback, and what the image exposes is only told
  @Test func noNetwork() throws {
    try OrdinaryUser.with { user in
      try importImage(user)
      let links = try user.ok("run", "--rm", "-u", "0", "--network", "none", "app", "ip", "-o", "link")
      #expect(links.split(separator: "\n").count == 1 && links.contains("LOOPBACK,UP"), "\(links)")
      try user.ok("run", "-d", "--name", "n", "--network", "none", "app", "sleep", "100")
      #expect(try user.ok("port", "n").isEmpty)
      #expect(try user.ok("inspect", "--format", "{{.Config.ExposedPorts}}", "n").contains("80/tcp"))
    }
  }

  // covers PD-130: what holds where no flag says another
  @Test func theUserNamespaceOfTheEnvironment() throws {
    try OrdinaryUser.with { user in
      try user.importBusybox()
      func id(_ environment: [String], _ flags: String...) throws -> Outcome {
        try user.run([Installed.berth, "run", "--rm"] + flags + ["busybox", "id", "-u"], environment: environment)
      }
      #expect(try id(["PODMAN_USERNS=keep-id"]).trimmed == "\(OrdinaryUser.uid)")
      #expect(try id(["PODMAN_USERNS=nomap", "BERTH_USERNS=keep-id:uid=7"]).trimmed == "7")
      #expect(try id(["BERTH_USERNS=keep-id"], "--userns", "host").trimmed == "0")
      #expect(try id(["BERTH_USERNS=keep-id"], "--uidmap", "0:0:1").trimmed == "0")
      let wrong = try id(["PODMAN_USERNS=mine"])
      #expect(wrong.code == 125 && wrong.errorText.contains("PODMAN_USERNS=mine"), "\(wrong)")
    }
  }
}
