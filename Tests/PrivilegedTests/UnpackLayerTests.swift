import CSys
import Glibc
import JSON
import Sys
import TestKit
import Testing

/// What good layers become. covers PD-87, PD-93, LP-14, LP-18
@Suite(.needs(.root), .needs(.installed))
struct UnpackLayerTests {
  private func attribute(_ path: String, _ name: String) -> String? {
    var value = [UInt8](repeating: 0, count: 256)
    let count = csys_lgetxattr(path, name, &value, value.count)
    return count < 0 ? nil : String(decoding: value[..<count], as: UTF8.self)
  }
  private func isWhiteout(_ status: stat) -> Bool { status.st_mode & S_IFMT == S_IFCHR && status.st_rdev == 0 }

  @Test func attributesAreRestored() throws {
    try withUnpackScratch { scratch in
      try scratch.accepts(
        TarBuilder.make {
          $0.directory("./", mode: 0o750)
          $0.directory("setgid", mode: 0o2755)
          $0.file("setgid/f", "x", mode: 0o640, uid: 1000, gid: 1001)
          $0.directory("closed", mode: 0o000)
          $0.file("closed/f", "x", mode: 0o000)
          $0.file("su", "x", mode: 0o4755, uid: 7)
          $0.file("sg", "x", mode: 0o2755, gid: 8)
          $0.pax([("mtime", "-5.5"), ("SCHILY.xattr.user.note", "hi")])
          $0.file("old", "x")
          // cap_net_raw+ep, VFS_CAP_REVISION_2
          $0.pax(
            raw: TarBuilder.record(
              "SCHILY.xattr.security.capability", [1, 0, 0, 2, 0, 0x20] + [UInt8](repeating: 0, count: 14)))
          $0.file("ping", "x", mode: 0o755, uid: 3)
          $0.pax([("SCHILY.xattr.user.d", "dir")])
          $0.directory("d")
        })
      #expect(try scratch.status("").st_mode & 0o7777 == 0o750)
      #expect(try scratch.status("setgid").st_mode & 0o7777 == 0o2755)
      let file = try scratch.status("setgid/f")
      #expect((file.st_uid, file.st_gid, file.st_mode & 0o7777) == (1000, 1001, 0o640))
      #expect(try scratch.status("closed").st_mode & 0o7777 == 0)
      #expect(try scratch.status("closed/f").st_mode & 0o7777 == 0)
      #expect(try scratch.status("su").st_mode & 0o7777 == 0o4755)
      #expect(try scratch.status("sg").st_mode & 0o7777 == 0o2755)
      let old = try scratch.status("old")
      #expect((old.st_mtim.tv_sec, old.st_mtim.tv_nsec) == (-6, 500_000_000))
      #expect(try scratch.status("setgid").st_mtim.tv_sec == 1_000_000_000)
      #expect(attribute(scratch.layer + "/old", "user.note") == "hi")
      #expect(attribute(scratch.layer + "/d", "user.d") == "dir")
      #expect(attribute(scratch.layer + "/ping", "security.capability") != nil)
    }
  }

  @Test func whiteouts() throws {
    try withUnpackScratch { scratch in
      try scratch.accepts(
        TarBuilder.make {
          $0.file("d/.wh.gone")
          $0.directory("opaque")
          $0.file("opaque/.wh..wh..opq")
          $0.file("opaque/new", "x")
          $0.file("implied/.wh..wh..opq")
          $0.file(".wh..wh.plnk/1.2")
          $0.file("both", "x")  // hidden below, but here
          $0.file(".wh.both")
          $0.directory("dir")
          $0.file("dir/x")
          $0.file(".wh.dir")
          $0.file(".wh.again")
          $0.file("again", "x")
          $0.file(".wh.dir2")
          $0.directory("dir2")
        })
      #expect(isWhiteout(try scratch.status("d/gone")))
      #expect(attribute(scratch.layer + "/opaque", "user.overlay.opaque") == "y")
      #expect(attribute(scratch.layer + "/implied", "user.overlay.opaque") == "y")
      #expect(scratch.exists("opaque/new"))
      #expect(!scratch.exists(".wh..wh.plnk"))
      #expect(try scratch.text("both") == "x")
      #expect(attribute(scratch.layer + "/dir", "user.overlay.opaque") == "y")
      #expect(scratch.exists("dir/x"))
      #expect(try scratch.text("again") == "x")
      #expect(attribute(scratch.layer + "/dir2", "user.overlay.opaque") == "y")
    }
  }

  @Test func devicesAndHoles() throws {
    try withUnpackScratch { scratch in
      try scratch.accepts(
        TarBuilder.make {
          $0.device("null", major: 1, minor: 3)
          $0.device("disk", type: "4", major: 259, minor: 70000)
          $0.add(.init("fifo", type: "6"))
          $0.pax([("GNU.sparse.size", "10000000"), ("GNU.sparse.map", "5000000,5")])
          $0.file("holes", "hello")
        })
      #expect(try scratch.status("null").st_rdev == makedev(1, 3))
      #expect(try scratch.status("disk").st_rdev == makedev(259, 70000))
      #expect(try scratch.status("fifo").st_mode & S_IFMT == S_IFIFO)
      let holes = try scratch.status("holes")
      #expect(holes.st_size == 10_000_000)
      #expect(holes.st_blocks * 512 < 1 << 20)
      #expect(try readFile(scratch.layer + "/holes")[5_000_000..<5_000_005].elementsEqual("hello".utf8))
    }
  }
  private func makedev(_ major: UInt64, _ minor: UInt64) -> UInt64 { major << 8 | minor & 0xff | (minor & ~0xff) << 12 }

  /// A full disk is not the layer's fault, and says so.
  @Test func fullDisk() throws {
    try withUnpackScratch { scratch in
      try check(csys_mount("tmpfs", scratch.layer, "tmpfs", 0, "size=1m"))
      defer { _ = csys_umount2(scratch.layer, 0) }
      let outcome = try scratch.unpack(TarBuilder.make { $0.file("f", String(repeating: "x", count: 3 << 20)) })
      #expect(outcome.exitCode == 1)
      #expect(outcome.code == "unavailable")
      #expect(outcome.error == "entry \"f\": write: No space left on device")
    }
  }

  /// Names that are no UTF-8 are names all the same, and can be removed.
  @Test func namesAreBytes() throws {
    try withUnpackScratch { scratch in
      var header = TarBuilder.Header("")
      header.name = [0x64, 0x2f, 0xff, 0xfe]
      try scratch.accepts(
        TarBuilder.make {
          $0.add(header); $0.file("d/new\nline")
        })
      #expect(try entries(ofPath: scratch.layer + "/d").count == 2)
      try scratch.emptyLayer()
    }
  }

  /// A tree that GNU tar packs in four formats comes out as GNU tar and bsdtar unpack it.
  @Test(.needs(.program("bsdtar")), arguments: ["gnu", "pax", "ustar", "posix-sparse", "gzip", "zstd"])
  func sameAsOtherTars(_ format: String) throws {
    try withUnpackScratch { scratch in
      try scratch.emptyLayer()
      let tree = scratch.layer + "/tree"
      try makeTree(tree)
      let tar = scratch.layer + "/tree.tar"
      let how =
        switch format {
        case "gnu": ["--format=gnu", "-S"]
        case "ustar": ["--format=ustar"]
        case "posix-sparse": ["--format=posix", "-S", "--xattrs", "--xattrs-include=*"]
        case "gzip": ["--format=posix", "--xattrs", "--xattrs-include=*", "-z"]
        case "zstd": ["--format=posix", "--xattrs", "--xattrs-include=*", "--zstd"]
        default: ["--format=posix", "--xattrs", "--xattrs-include=*"]
        }
      let packed = try TestKit.run(["tar", "--numeric-owner", "-C", tree, "-cf", tar] + how + ["."])
      #expect(packed.code == 0, "\(packed)")
      let bytes = try readFile(tar)
      let bsd = scratch.layer + "/bsd"
      try makeDirectory(bsd)
      let unpacked = try TestKit.run(["bsdtar", "-C", bsd, "-xpf", tar, "--numeric-owner"])
      #expect(unpacked.code == 0, "\(unpacked)")
      let expected = try describe(bsd)
      let original = try describe(tree)
      let digest = try TestKit.run(["sha256sum"], input: bytes).text.prefix(64)
      try scratch.emptyLayer()
      let outcome = try scratch.unpack(bytes)
      #expect(outcome.exitCode == 0, "\(outcome.error)")
      #expect(outcome.answer["compressedDigest"]?.string == "sha256:\(digest)")
      let found = try describe(scratch.layer)
      #expect(found == expected)
      if format != "ustar" && format != "gnu" { #expect(attribute(scratch.layer + "/a/f", "user.note") == "hi") }
      // GNU and ustar have whole seconds and no attributes.
      if format != "ustar" && format != "gnu" { #expect(found == original) }
    }
  }

  private func makeTree(_ tree: String) throws {
    let script = """
      mkdir -p "$1/a/b/c" "$1/sticky" "$1/empty" && cd "$1" && umask 0 &&
      echo hello >a/f && ln a/f a/b/hard && ln -s ../f a/b/soft && ln -s /etc/passwd abs && ln -s missing dangling &&
      mkfifo fifo && mknod null c 1 3 && mknod loop b 7 1 && truncate -s 3000000 holes &&
      printf data | dd of=holes bs=1 seek=1000000 conv=notrunc 2>/dev/null && head -c 700000 /dev/urandom >random &&
      mkdir -p deep/\(String(repeating: "long-name-of-a-directory/", count: 8)) &&
      echo x >deep/\(String(repeating: "long-name-of-a-directory/", count: 8))file &&
      chown -h 1000:1001 a/f abs a/b && chmod 4755 random && chmod 2750 a/b && chmod 1777 sticky &&
      printf x >'with space' && printf x >'ünï' && touch -d '1970-01-02 UTC' a/b/c && touch -h -d '2001-02-03 04:05:06 UTC' abs
      """
    let made = try TestKit.run(["sh", "-c", script, "sh", tree])
    #expect(made.code == 0, "\(made)")
    try check(csys_lsetxattr(tree + "/a/f", "user.note", "hi", 2, 0))
  }

  /// One line for each name: type, mode, owner, size, links, seconds, target, device, sum.
  private func describe(_ path: String) throws -> [String] {
    let script = """
      cd "$1" && find . ! -path . -printf '%P|%y|%m|%U:%G|%n|%l|%T@|' -exec sh -c '
        if [ -f "$1" ] && [ ! -L "$1" ]; then stat -c %s "$1"; sha256sum <"$1"
        elif [ -L "$1" ]; then echo; else stat -c %t:%T "$1"; fi' sh {} ';' | sed 's/\\.[0-9]*|/|/'
      """
    let outcome = try TestKit.run(["sh", "-c", script, "sh", path])
    var lines: [String] = []
    for line in outcome.lines {
      if line.contains("|") { lines.append(line) } else { lines[lines.count - 1] += " " + line }
    }
    // The number of links of a directory is the file system's business.
    return lines.map { line in
      var fields = line.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
      if fields[1] == "d" { fields[4] = "" }
      return fields.joined(separator: "|")
    }.sorted()
  }
}
