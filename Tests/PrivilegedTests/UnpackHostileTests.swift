import CSys
import Glibc
import JSON
import Sys
import TestKit
import Testing

/// Layers that want out, or more than their share. covers PD-87, PD-96, LX-21
@Suite(.needs(.root), .needs(.installed))
struct UnpackHostileTests {
  private let outside = "../../secret/file"

  @Test(arguments: [
    "..", "../x", "a/../../x", "a/..", "../../../../../../../../tmp/berth-evil", "./../x", "/../x",
  ]) func dotDotIsRefused(_ name: String) throws {
    try withUnpackScratch { scratch in
      try scratch.refuses(TarBuilder.make { $0.file(name, "evil") }, "leads out")
      try scratch.refuses(TarBuilder.make { $0.directory(name) }, "leads out")
      try scratch.refuses(TarBuilder.make { $0.link(name, to: "x") }, "leads out")
      try scratch.refuses(
        TarBuilder.make {
          $0.pax([("path", name)]); $0.file("x")
        }, "leads out")
      try scratch.refuses(
        TarBuilder.make {
          $0.long(name); $0.file("x")
        }, "leads out")
      #expect(try entries(ofPath: scratch.layer).isEmpty)
    }
  }

  @Test func absoluteNamesStayInside() throws {
    try withUnpackScratch { scratch in
      try scratch.accepts(
        TarBuilder.make {
          $0.file("/etc/passwd", "inside")
          $0.file("\(scratch.path)/passwd", "inside")
          $0.link("/hard", to: "/etc/passwd", hard: true)
        })
      #expect(try scratch.text("etc/passwd") == "inside")
      #expect(try scratch.status("hard").st_nlink == 2)
      #expect(scratch.exists(String(scratch.path.dropFirst()) + "/passwd"))
    }
  }

  /// A symlink first, then an entry through it: what it points to is looked up inside the layer.
  @Test(arguments: ["../../secret", "/", "ABSOLUTE", "..", "/proc/self/cwd", "/proc/self/root", "/proc/1/root", "loop"])
  func symlinksLeadNowhereElse(_ target: String) throws {
    try withUnpackScratch { scratch in
      let target = target == "ABSOLUTE" ? scratch.path + "/secret" : target
      for data in [
        TarBuilder.make {
          $0.link("loop", to: target); $0.file("loop/file", "evil"); $0.file("loop/new", "evil")
        },
        TarBuilder.make {
          $0.link("loop", to: target); $0.directory("loop/directory"); $0.file("loop/directory/file", "evil")
        },
        TarBuilder.make {
          $0.link("loop", to: target); $0.file("loop/.wh.file")
        },
        TarBuilder.make {
          $0.link("loop", to: target); $0.file("loop/.wh..wh..opq")
        },
        TarBuilder.make {
          $0.link("loop", to: target); $0.link("hard", to: "loop/file", hard: true)
        },
        TarBuilder.make {
          $0.link("loop", to: target); $0.link("l2", to: "loop/loop"); $0.file("l2/file", "evil")
        },
      ] {
        try scratch.emptyLayer()
        _ = try scratch.unpack(data)  // refused or inside: the listing outside decides
        #expect(!(try readText(scratch.path + "/secret/file")).contains("evil"))
      }
    }
  }

  /// A symlink as the last part is replaced, never followed: neither for data nor for attributes.
  @Test func lastSymlinkIsReplaced() throws {
    try withUnpackScratch { scratch in
      try scratch.accepts(
        TarBuilder.make {
          $0.link("a", to: outside)
          $0.file("a", "new", mode: 0o4777, uid: 1, gid: 2)
          $0.link("d", to: "../../secret/directory")
          $0.directory("d", mode: 0o700)
          $0.file("d/x")
          $0.link("s", to: scratch.path + "/passwd")
          $0.pax([("SCHILY.xattr.user.a", "b")])
          $0.link("s", to: scratch.path + "/passwd")
        })
      #expect(try scratch.status("a").isRegular)
      #expect(try scratch.status("d").isDirectory)
      #expect(try scratch.status("s").isSymlink)
    }
  }

  @Test func directoriesGiveWayToSymlinks() throws {
    try withUnpackScratch { scratch in
      try scratch.accepts(
        TarBuilder.make {
          $0.directory("d")
          $0.directory("d/e")
          $0.file("d/e/f", "old")
          $0.link("d", to: "../../secret")
          $0.directory("real")
          $0.file("real/x")
        })
      #expect(try scratch.status("d").isSymlink)
      // The descriptor of what had the name before must not be used again: files go where the name leads now.
      try scratch.accepts(
        TarBuilder.make {
          $0.directory("one"); $0.directory("two")
          $0.link("s", to: "one"); $0.file("s/first"); $0.link("s", to: "two"); $0.file("s/second")
          $0.directory("q"); $0.file("q/a"); $0.link("q", to: "two"); $0.file("q/third")
        })
      for name in ["one/first", "two/second", "two/third"] {
        #expect(try scratch.status(name).isRegular, "\(name) is elsewhere")
      }
      _ = try scratch.unpack(
        TarBuilder.make {
          $0.directory("r"); $0.file("r/a"); $0.link("r", to: "../../secret"); $0.file("r/file", "evil")
        })
    }
  }

  @Test func hardLinksStayInside() throws {
    try withUnpackScratch { scratch in
      for target in [outside, "a/../../../secret/file", "..", "x/.."] {
        try scratch.refuses(TarBuilder.make { $0.link("h", to: target, hard: true) }, "leads out")
      }
      try scratch.refuses(TarBuilder.make { $0.link("h", to: scratch.path + "/secret/file", hard: true) }, "link to")
      try scratch.refuses(TarBuilder.make { $0.link("h", to: "/", hard: true) }, "own directory")
      try scratch.refuses(TarBuilder.make { $0.link("h", to: "missing", hard: true) }, "No such file")
      try scratch.refuses(
        TarBuilder.make {
          $0.directory("d"); $0.link("h", to: "d", hard: true)
        }, "link to")
      // A link to a symlink is that symlink; writing to it then replaces it.
      try scratch.emptyLayer()
      try scratch.accepts(
        TarBuilder.make {
          $0.link("s", to: outside)
          $0.link("h", to: "s", hard: true)
          $0.file("h", "new")
          $0.file("f", "one")
          $0.link("f", to: "f", hard: true)
          $0.link("./f", to: "/f", hard: true)
          $0.link("g", to: "f", hard: true)
          $0.link("f", to: "g", hard: true)
        })
      #expect(try scratch.text("h") == "new")
      #expect(try scratch.text("g") == "one")
      #expect(try scratch.status("f").st_nlink == 2)
    }
  }

  @Test func namesThatCannotBe() throws {
    try withUnpackScratch { scratch in
      try scratch.refuses(TarBuilder.make { $0.file("") }, "own directory")
      try scratch.refuses(
        TarBuilder.make {
          $0.file("./"); $0.file(".")
        }, "own directory")
      try scratch.refuses(TarBuilder.make { $0.link("/", to: "x") }, "own directory")
      try scratch.refuses(
        TarBuilder.make {
          $0.pax([("path", "a\u{0}b")]); $0.file("f")
        }, "NUL")
      try scratch.refuses(TarBuilder.make { $0.link("s", to: "") }, "nothing")
      try scratch.refuses(
        TarBuilder.make {
          $0.pax([("path", String(repeating: "n", count: 256))]); $0.file("f")
        }, "255")
      try scratch.refuses(
        TarBuilder.make {
          $0.pax([("path", String(repeating: "n/", count: 3000))]); $0.file("f")
        }, "4095")
      try scratch.refuses(
        TarBuilder.make {
          $0.pax([("path", String(repeating: "n/", count: 300))]); $0.file("f")
        }, "deeper")
      try scratch.refuses(
        TarBuilder.make {
          $0.file("f"); $0.file("f/x")
        }, "Not a directory")
      for name in [".wh.", ".wh..", ".wh...", "a/.wh...", ".wh.a/b"] {
        try scratch.refuses(TarBuilder.make { $0.file(name) }, "whiteout")
      }
    }
  }

  /// The tree may be as deep as names can say, and it can be removed again.
  @Test func deepTrees() throws {
    try withUnpackScratch { scratch in
      let deep = String(repeating: "d/", count: 250)
      try scratch.accepts(
        TarBuilder.make {
          $0.pax([("path", deep + "f")]); $0.file("f", "x")
        })
      // Deeper still, through a symlink.
      _ = try scratch.unpack(
        TarBuilder.make {
          $0.long(deep, type: "K")
          $0.link("s", to: "x")
          $0.pax([("path", "s/" + deep + "f")])
          $0.file("f", "x")
        })
      try removeTree(scratch.layer)
      try makeDirectory(scratch.layer)
    }
  }

  @Test func overlayAttributesAreRefused() throws {
    try withUnpackScratch { scratch in
      for name in [
        "trusted.overlay.redirect", "trusted.overlay.opaque", "user.overlay.redirect", "user.overlay.metacopy",
      ] {
        try scratch.refuses(
          TarBuilder.make {
            $0.pax([("SCHILY.xattr." + name, "/etc")]); $0.directory("d")
          }, "belongs to the overlay")
      }
      try scratch.accepts(
        TarBuilder.make {
          $0.pax([("SCHILY.xattr.security.selinux", "x"), ("SCHILY.xattr.trusted.x", "y")]); $0.file("f")
        })
    }
  }

  @Test func limits() throws {
    try withUnpackScratch { scratch in
      let large = TarBuilder.make { $0.file("f", String(repeating: "x", count: 1 << 20)) }
      try scratch.refuses(large, "limit", "--limit-bytes", "100000")
      try scratch.refuses(storedGzip(large), "limit", "--limit-bytes", "100000")
      let many = TarBuilder.make { for number in 0..<101 { $0.file("f\(number)") } }
      try scratch.refuses(many, "more than 100 entries", "--limit-entries", "100")
      try scratch.accepts(many, "--limit-entries", "101")
      // A file of holes larger than the limit, with almost no data.
      let holes = TarBuilder.make {
        $0.pax([("GNU.sparse.size", "1000000000000"), ("GNU.sparse.map", "0,0")])
        $0.file("f")
      }
      try scratch.refuses(holes, "limit", "--limit-bytes", "100000000")
    }
  }

  @Test func gzipBomb() throws {
    try withUnpackScratch { scratch in
      var builder = TarBuilder()
      var header = TarBuilder.Header("zeros")
      header.size = TarBuilder.octal(256 << 20, 12)
      builder.add(header)
      try replaceFile(scratch.layer + "/head", with: builder.bytes, durable: false)
      let bomb = try TestKit.run(["sh", "-c", "(cat \(scratch.layer)/head; head -c 268436480 /dev/zero) | gzip -9"])
        .output
      #expect(bomb.count < 1 << 20)
      try scratch.emptyLayer()
      let start = ContinuousClock.now
      try scratch.refuses(bomb, "limit", "--limit-bytes", "8388608")
      #expect(ContinuousClock.now - start < .seconds(10))
      #expect((try? scratch.status("zeros").st_blocks * 512) ?? 0 <= 9 << 20)
    }
  }

  @Test func brokenStreams() throws {
    try withUnpackScratch { scratch in
      let tar = TarBuilder.make { $0.file("f", String(repeating: "x", count: 5000)) }
      let good = storedGzip(tar)
      try scratch.refuses(good.dropLast(8) + [0, 0, 0, 0] + good.suffix(4), "checksum")
      try scratch.refuses(Array(good.dropLast(3)), "middle")
      try scratch.refuses(Array(good.prefix(3000)), "middle")
      try scratch.refuses(good + [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], "gzip")
      try scratch.refuses(Array(tar.prefix(3000)), "middle")
      try scratch.refuses(Array("<html>404</html>".utf8), "middle")
      let zstd = try TestKit.run(["zstd", "-q", "-c", "--check"], input: tar).output
      try scratch.accepts(zstd)
      try scratch.refuses(Array(zstd.dropLast(2)), "zstd")
      try scratch.refuses(zstd.dropLast(4) + [1, 2, 3, 4], "zstd")
    }
  }

  /// Archives with some bytes changed: whatever comes of them, it stays inside. (The listing outside decides.)
  @Test(arguments: 1...4) func mutations(_ seed: UInt64) throws {
    try withUnpackScratch { scratch in
      var random = Seeded(seed)
      let base = TarBuilder.make {
        $0.link("up", to: "../../secret")
        $0.directory("d/")
        $0.file("d/f", "x")
        $0.link("d/h", to: "d/f", hard: true)
        $0.pax([("path", "../p"), ("SCHILY.xattr.user.x", "y")])
        $0.file("y", "world")
        $0.file("up/file", "evil")
        $0.file("d/.wh.f")
      }
      for _ in 0..<60 {
        var bytes = base
        for _ in 0..<6 {
          let block = Int.random(in: 0..<(bytes.count / 512), using: &random) * 512
          bytes[block + Int.random(in: 0..<260, using: &random)] = UInt8.random(in: 0...127, using: &random)
          for place in 148..<156 { bytes[block + place] = 0x20 }
          let sum = bytes[block..<(block + 512)].reduce(0) { $0 + Int($1) }
          bytes.replaceSubrange((block + 148)..<(block + 155), with: TarBuilder.octal(sum, 7))
        }
        let outcome = try scratch.unpack(bytes)
        #expect([0, 1].contains(outcome.exitCode))
        #expect(!outcome.answer.isNull)
        try scratch.emptyLayer()
      }
    }
  }
}
