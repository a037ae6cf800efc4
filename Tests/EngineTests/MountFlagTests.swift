import Problems
import Testing

@testable import Engine

// covers LP-50, LP-51, LP-52, PD-114
@Suite struct MountFlagTests {
  @Test func volumes() throws {
    #expect(try ContainerMount(volumeFlag: "/data") == ContainerMount(.volume(name: nil), destination: "/data"))
    #expect(try ContainerMount(volumeFlag: "db:/data/") == ContainerMount(.volume(name: "db"), destination: "/data"))
    var bind = ContainerMount(.bind(source: "/src"), destination: "/dst")
    #expect(try ContainerMount(volumeFlag: "/src:/dst") == bind)
    bind.readOnly = true
    bind.options = ["rslave"]
    #expect(try ContainerMount(volumeFlag: "/src:/dst:ro,rslave") == bind)
    #expect(try ContainerMount(volumeFlag: "db:/d:nocopy,U").noCopy)
    #expect(try ContainerMount(volumeFlag: "db:/d:z,U").chown)
  }
  @Test func relativeSourcesCountFromHere() throws {
    guard case .bind(let source) = try ContainerMount(volumeFlag: "./x/../y:/dst").kind else {
      Issue.record("not a bind")
      return
    }
    #expect(source.hasPrefix("/") && source.hasSuffix("/y") && !source.contains(".."))
  }
  @Test(arguments: [
    "", ":", "a:", ":/b", "/a:b", "/a:/", "/a:/b:ro,rw", "/a:/b:ro,ro", "/a:/b:nonsense", "/a:/b:ro:x", "bad/name:/b",
    "/a:/b:shared,private",
    "/a:/b:size=1m", "-x:/b",
  ])
  func badVolumes(_ text: String) {
    #expect(problem { () throws(Problem) in _ = try ContainerMount(volumeFlag: text) }?.code == .invalid)
  }

  @Test func mounts() throws {
    var bind = ContainerMount(.bind(source: "/s"), destination: "/d")
    bind.readOnly = true
    bind.options = ["rshared"]
    #expect(
      try ContainerMount(mountFlag: "type=bind,source=/s,destination=/d,readonly,bind-propagation=rshared") == bind)
    #expect(try ContainerMount(mountFlag: "type=bind,src=/s,dst=/d,ro=true,bind-propagation=rshared") == bind)
    #expect(
      try ContainerMount(mountFlag: "type=volume,source=db,target=/d")
        == ContainerMount(.volume(name: "db"), destination: "/d"))
    #expect(try ContainerMount(mountFlag: "destination=/d").kind == .volume(name: nil))
    let tmpfs = try ContainerMount(mountFlag: "type=tmpfs,destination=/d,tmpfs-size=64k,tmpfs-mode=700")
    #expect(tmpfs.kind == .tmpfs && tmpfs.options.contains("size=65536") && tmpfs.options.contains("mode=700"))
    #expect(try ContainerMount(mountFlag: "type=bind,\"source=/a,b\",destination=/d").kind == .bind(source: "/a,b"))
  }
  @Test(arguments: [
    "", "type=bind,source=/s", "type=bind,destination=/d", "type=tmpfs,source=/s,destination=/d",
    "type=bind,source=/s,destination=d",
    "type=bind,source=/s,destination=/d,ro=maybe", "type=bind,source=/s,destination=/d,nosuch=1",
    "type=volume,source=a/b,destination=/d", "\"",
  ])
  func badMounts(_ text: String) {
    #expect(problem { () throws(Problem) in _ = try ContainerMount(mountFlag: text) }?.code == .invalid)
  }
  @Test func otherTypesAreRefusedByName() {
    #expect(
      problem { () throws(Problem) in _ = try ContainerMount(mountFlag: "type=image,source=x,destination=/d") }?.code
        == .unsupported)
  }

  @Test func temporary() throws {
    #expect(try ContainerMount(tmpfsFlag: "/t").options == ContainerMount.tmpfsDefaults)
    let mount = try ContainerMount(tmpfsFlag: "/t:size=1m,exec,ro")
    #expect(mount.readOnly && mount.options == ["nosuid", "nodev", "size=1m", "exec"])
    #expect(problem { () throws(Problem) in _ = try ContainerMount(tmpfsFlag: "t") }?.code == .invalid)
  }
}
