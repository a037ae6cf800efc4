import CSys
import Glibc
import Sys
import TestKit
import Testing

/// What the kernel says about a worker that waits for its first byte.
@Suite(.needs(.root), .needs(.installed))
struct UnpackConfinementTests {
  private func field(_ status: String, _ name: String) -> String? {
    status.split(separator: "\n").first { $0.hasPrefix(name + ":") }?.dropFirst(name.utf8.count + 1).trimmed
  }

  @Test func workerIsShutIn() throws {
    try withUnpackScratch { scratch in
      let pipe = try Pipe.make()
      let directory = try open(scratch.layer, O_RDONLY | O_DIRECTORY)
      let answer = try temporaryFile()
      let secret = try open(scratch.path + "/secret/file", O_RDONLY)
      let number = try check(csys_fcntl(secret.borrowed, F_DUPFD, 50))  // one that the engine forgot to close
      defer { _ = csys_close(number) }
      var spawn = Spawn(Installed.unpack, [], environment: [])
      spawn.descriptors = [pipe.reader.borrowed, -1, 2, directory.borrowed, answer.borrowed, secret.borrowed]
      let child = try spawn.start()
      let proc = "/proc/\(child.pid)"
      let waits = try eventually { field(try readText(proc + "/status"), "Seccomp") == "2" }
      #expect(waits, "no filter")

      let status = try readText(proc + "/status")
      // CHOWN, DAC_OVERRIDE, FOWNER, FSETID, MKNOD, SETFCAP
      for set in ["CapEff", "CapPrm", "CapBnd"] {
        let bits = field(status, set).flatMap { UInt64($0, radix: 16) }
        #expect(bits.map { $0 & ~0x8800_001b } == 0, "\(set): \(field(status, set) ?? "")")
      }
      for set in ["CapInh", "CapAmb"] { #expect(field(status, set) == "0000000000000000") }
      #expect(field(status, "NoNewPrivs") == "1")
      #expect(try readLink(proc + "/root") == scratch.layer)
      #expect(try readLink(proc + "/cwd") == scratch.layer)
      let descriptors = try entries(ofPath: proc + "/fd").compactMap { Int($0.name) }.sorted()
      #expect(descriptors == [0, 1, 2, 3, 4])
      for thread in try entries(ofPath: proc + "/task") {
        let status = try readText("\(proc)/task/\(thread.name)/status")
        #expect(field(status, "Seccomp") == "2")
        #expect(field(status, "CapEff").flatMap { UInt64($0, radix: 16) }.map { $0 & ~0x8800_001b } == 0)
      }

      // It still works from there.
      try writeAll(pipe.writer, TarBuilder.make { $0.file("f", "hello") })
      close(pipe)
      #expect(try child.wait().shellCode == 0)
      #expect(try scratch.text("f") == "hello")
    }
  }
  private func close(_ pipe: consuming Pipe) {}

  @Test func withoutDirectoryItSaysSo() throws {
    let outcome = try TestKit.run([Installed.unpack])
    #expect(outcome.code == 1)
  }

  @Test func wrongArguments() throws {
    try withUnpackScratch { scratch in
      try scratch.refuses([], "unknown argument", "--evil")
      try scratch.refuses([], "--compression needs", "--compression", "lz4")
    }
  }
}
