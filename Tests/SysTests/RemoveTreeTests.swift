import CSys
import Glibc
import Sys
import Testing

private func withDirectory(_ body: (String) throws -> Void) throws {
  let path = "/tmp/berth-test-remove-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
  try makeDirectory(path)
  try body(path)
  #expect(!exists(path))
}

/// Deeper than `PATH_MAX` and than any limit of descriptors: a container can make such a tree.
@Test func removesDeepTrees() throws {
  try withDirectory { path in
    var directory = try open(path, O_RDONLY | O_DIRECTORY)
    for _ in 0..<1200 {
      try check(csys_mkdirat(directory.borrowed, "some-longer-name", 0o755))
      try check(csys_mkdirat(directory.borrowed, ".berth-removing-1", 0o755))
      directory = try open(at: directory, "some-longer-name", O_RDONLY | O_DIRECTORY)
    }
    try removeTree(path)
  }
}

@Test func removesNamesThatAreNoText() throws {
  try withDirectory { path in
    let directory = try open(path, O_RDONLY | O_DIRECTORY)
    let name: [CChar] = [-1, -2, 10, 0]
    try check(csys_mkdirat(directory.borrowed, name, 0o755))
    let inner = try check(csys_openat(directory.borrowed, name, O_RDONLY | O_DIRECTORY, 0))
    try check(csys_symlinkat("/etc", inner, name))
    _ = csys_close(inner)
    try removeTree(path)
    #expect(exists("/etc"))
  }
}

@Test func removingNothingIsFine() throws {
  try removeTree("/tmp/berth-test-that-is-not-there")
  try removeTree("/tmp/berth-test-that-is-not-there/either")
}
