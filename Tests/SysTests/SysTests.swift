import CSys
import Glibc
import Sys
import TestKit
import Testing

@Suite struct SysTests {
  @Test func nothingLeadsOutOfADirectory() throws {
    try withScratch { scratch in
      try makeDirectories("\(scratch)/root/inner")
      try replaceFile("\(scratch)/secret", with: [1], durable: false)
      try check(csys_symlinkat("../secret", AT_FDCWD, "\(scratch)/root/up"))
      try check(csys_symlinkat("/etc/passwd", AT_FDCWD, "\(scratch)/root/absolute"))
      try check(csys_symlinkat("/proc/self/root", AT_FDCWD, "\(scratch)/root/magic"))
      let root = try open("\(scratch)/root", O_RDONLY | O_DIRECTORY)
      for path in ["../secret", "inner/../../secret", "up", "absolute", "/etc/passwd"] {
        #expect(throws: Errno.crossDevice) { _ = try openBeneath(root, path, O_RDONLY) }
        #expect(throws: Errno.notFound) { _ = try openInRoot(root, path, O_RDONLY) }
      }
      #expect(throws: Errno.self) { _ = try openInRoot(root, "magic/etc/passwd", O_RDONLY) }
    }
  }

  @Test func removeTreeNeverFollowsALink() throws {
    try withScratch { scratch in
      try makeDirectories("\(scratch)/kept")
      try replaceFile("\(scratch)/kept/file", with: [1], durable: false)
      try makeDirectories("\(scratch)/tree/deep/deeper")
      try check(csys_symlinkat("\(scratch)/kept", AT_FDCWD, "\(scratch)/tree/deep/link"))
      try removeTree("\(scratch)/tree")
      #expect(!exists("\(scratch)/tree"))
      #expect(exists("\(scratch)/kept/file"))
      try removeTree("\(scratch)/not-there")
    }
  }

  @Test func aProgramGetsOnlyItsDescriptors() throws {
    let extra = try open("/dev/null", O_RDONLY)
    _ = csys_fcntl(extra.borrowed, F_SETFD, 0)  // even one that would be inherited
    let output = try temporaryFile()
    var spawn = Spawn("/bin/ls", ["/proc/self/fd"], environment: [])
    spawn.descriptors = [-1, output.borrowed, -1]
    let child = try spawn.start()
    #expect(try child.wait() == .exited(code: 0))
    #expect(String(decoding: try rewound(output), as: UTF8.self) == "0\n1\n2\n3\n")  // 3 is ls's own directory
  }

  /// A holder is there as long as its value, and its namespace as long as a descriptor; one that fails leaves nobody.
  @Test func namespacesAreHeld() throws {
    let holder = try NamespaceHolder(new: UInt64(CSYS_CLONE_NEWUSER))
    let pid = holder.pid
    try IDMapFile.setgroups.write("deny", of: pid)
    try IDMapFile.uids.write("7 \(geteuid()) 1", of: pid)
    #expect(throws: Errno.notPermitted) { try IDMapFile.uids.write("7 \(geteuid()) 1", of: pid) }
    let namespace = try holder.open("user")
    _ = consume holder
    #expect(csys_kill(pid, 0) == -ESRCH)
    let joined = try NamespaceHolder(entering: namespace)
    let words = try readText("/proc/\(joined.pid)/uid_map").split(separator: " ").map(String.init)
    #expect(words.first == "7")
    let file = try open("/dev/null", O_RDONLY)
    #expect(throws: Errno.invalid) { _ = try NamespaceHolder(entering: file) }
  }

  @Test func aMissingProgramIsAnErrorAtOnce() {
    #expect(throws: Errno.notFound) { _ = try Spawn("/no/such/program", [], environment: []).start() }
    #expect(throws: Errno.accessDenied) { _ = try Spawn("/etc/passwd", [], environment: []).start() }
  }

  @Test(
    arguments: [
      ("TERM", 15), ("sigterm", 15), ("9", 9), ("SIGRTMIN+3", 37), ("rtmax-1", 63), ("0", nil), ("65", nil),
      ("SIGX", nil), ("", nil),
    ] as [(String, CInt?)])
  func signalsByNameAndNumber(_ text: String, _ number: CInt?) { #expect(SignalName.number(of: text) == number) }

  @Test func everySignalNumberHasANameThatLeadsBack() {
    for number in CInt(1)...64 where number != 32 && number != 33 {
      #expect(SignalName.number(of: SignalName.name(of: number)) == number)
    }
  }

  @Test func aLockHasOneOwner() throws {
    try withScratch { scratch in
      let held = try FileLock("\(scratch)/lock")
      #expect(throws: Errno.wouldBlock) { _ = try FileLock("\(scratch)/lock", waiting: false) }
      _ = consume held
      _ = try FileLock("\(scratch)/lock", waiting: false)
    }
  }

  @Test func descriptorsTravel() throws {
    let pair = try SocketPair.make(type: SOCK_SEQPACKET.rawValueAsCInt)
    let file = try temporaryFile()
    try writeAll(file, "payload")
    try send(pair.first, [1, 2], descriptors: [file.borrowed])
    let received = try receive(pair.second, bytesMax: 16, descriptorsMax: 2)
    #expect(received.bytes == [1, 2] && received.descriptors.count == 1)
    let copy = OwnedFD(adopting: received.descriptors[0])
    #expect(try rewound(copy) == Array("payload".utf8))
  }

  @Test func longSocketPathsWork() throws {
    try withScratch { scratch in
      let directory = scratch + "/" + String(repeating: "d", count: 120)
      try makeDirectories(directory)
      let listener = try listenUnix("\(directory)/socket", type: SOCK_STREAM.rawValueAsCInt)
      _ = try connectUnix("\(directory)/socket", type: SOCK_STREAM.rawValueAsCInt)
      _ = try accept(listener)
    }
  }

  @Test func readingStopsAtItsLimit() throws {
    let file = try temporaryFile()
    try writeAll(file, [UInt8](repeating: 1, count: 100_000))
    lseek(file.borrowed, 0, SEEK_SET)
    #expect(throws: Errno(rawValue: EFBIG)) { _ = try readAll(file, limit: 99_999) }
    lseek(file.borrowed, 0, SEEK_SET)
    #expect(try readAll(file, limit: 100_000).count == 100_000)
  }
}

extension __socket_type {
  var rawValueAsCInt: CInt { CInt(bitPattern: rawValue) }
}
