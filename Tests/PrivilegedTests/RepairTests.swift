import CSys
import Glibc
import Sys
import TestKit
import Testing

/// What a command could not clean up is told by the next one, once, and stops nothing.
@Suite(.needs(.root), .needs(.installed)) struct RepairTests {
  /// Something is mounted where files have to go: no removal gets past it.
  private func withMount<R>(on path: String, _ body: () throws -> R) throws -> R {
    try makeDirectories(path)
    try check(csys_mount("tmpfs", path, "tmpfs", 0, nil))
    defer { _ = csys_umount2(path, CInt(MNT_DETACH)) }
    return try body()
  }
  private func warnings(_ outcome: Outcome) -> Int {
    outcome.errorText.split(separator: "\n").count { $0.hasPrefix("warning: ") }
  }

  @Test func aContainerThatCannotGo() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let id = try engine.ok("create", "--name", "web", "localhost/busybox", "true")
      try withMount(on: "\(engine.root)/containers/\(id)/upper/busy") {
        let removal = try engine.berth("rm", "web")
        #expect(removal.code != 0 && removal.errorText.contains("Device or resource busy"), "\(removal)")
        let list = try engine.berth("ps", "-a", "--format", "{{.Names}}")
        #expect(list.code == 0 && list.trimmed == "web", "\(list)")
        #expect(warnings(list) == 1, "\(list)")
        #expect(list.errorText.contains("interrupted removal of container web: remove \(engine.root)"), "\(list)")
        #expect(list.errorText.contains("hint: the next command tries again"), "\(list)")
        #expect(try engine.berth("run", "--rm", "localhost/busybox", "echo", "hi").trimmed == "hi", "others go on")
      }
      let list = try engine.berth("ps", "-a", "--format", "{{.Names}}")
      #expect(list.trimmed == "" && list.errors.isEmpty, "repaired: \(list)")
    }
  }

  @Test func anImageThatCannotGo() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let layer = try #require(engine.layerNames.first)
      try withMount(on: "\(engine.root)/layers/\(layer)/diff/busy") {
        #expect(try engine.berth("rmi", "localhost/busybox").code != 0)
        let list = try engine.berth("images", "-q")
        #expect(list.code == 0 && list.output.isEmpty && warnings(list) == 1, "\(list)")
        #expect(list.errorText.contains(layer), "\(list)")
        #expect(try engine.berth("run", "--rm", "hello").code == 0, "others go on")
      }
      #expect(try engine.berth("images", "-q", "localhost/busybox").errors.isEmpty)
      #expect(!engine.layerNames.contains(layer), "repaired")
    }
  }
}
