import Problems
import Testing

@testable import Engine

// covers OC-36: what mounts containers' roots, and how it is told
@Suite struct StorageTests {
  @Test func theProgramIsChosenByAnyOfItsNames() throws {
    for name in ["overlay.mount_program", ".mount_program", "mount_program"] {
      #expect(try StorageOptions(["\(name)=/bin/sh"]).mountProgram == "/bin/sh")
    }
    #expect(try StorageOptions([]).mountProgram == nil)
    #expect(try StorageOptions(["mount_program=/bin/sh", "mount_program="]).mountProgram == nil)
  }
  @Test(arguments: [
    ("mount_program", Problem.Code.invalid), ("mount_program=sh", .invalid), ("mount_program=/nowhere", .invalid),
    ("btrfs.mount_program=/bin/sh", .unsupported), ("overlay.mountopt=nodev", .unsupported), ("size=1", .unsupported),
  ]) func refused(_ option: String, _ code: Problem.Code) {
    #expect(#expect(throws: Problem.self) { try StorageOptions([option]) }?.code == code, "\(option)")
  }

  @Test func theCommandLineOfTheProgram() throws {
    var overlay = OverlayMount(
      layers: ["/l/low", "/l/hi,gh"], upper: "/u", work: "/w", isVolatile: false, target: "/t")
    #expect(
      try MountProgram.arguments(overlay) == ["-o", "lowerdir=/l/hi\\,gh:/l/low,upperdir=/u,workdir=/w", "/t"])
    overlay.isVolatile = true
    #expect(try MountProgram.arguments(overlay)[1].hasSuffix(",volatile"))
    overlay.layers.append("/a:b")
    #expect(#expect(throws: Problem.self) { try MountProgram.arguments(overlay) }?.code == .unsupported)
  }
}
