import JSON
import Problems
import RuntimeSpec
import Testing

@testable import Runtime

struct SpecCheckTests {
  private static func message(_ text: String) throws -> String? {
    let spec = try Spec(json: try JSON.parse(text))
    do throws(Problem) {
      try SpecCheck(spec: spec).all()
      return nil
    } catch { return error.message }
  }
  private static func spec(process: String = "", linux: String = "", rest: String = "") -> String {
    """
    {"ociVersion":"1.0.2","root":{"path":"r"},"process":{"cwd":"/","args":["a"]\(process)},
    "linux":{"namespaces":[{"type":"mount"},{"type":"ipc"}]\(linux)}\(rest)}
    """
  }

  @Test func aPlainSpecificationIsFine() throws {
    #expect(try Self.message(Self.spec()) == nil)
    #expect(try Self.message(Self.spec(linux: #","sysctl":{"kernel.msgmax":"1","fs.mqueue.queues_max":"2"}"#)) == nil)
    #expect(try Self.message(DefaultSpec.spec(rootless: false).json.text()) == nil)
    #expect(try Self.message(DefaultSpec.spec(rootless: true).json.text()) == nil)
  }

  /// covers LX-12, LX-30, LX-31, LX-32, LX-33
  @Test(arguments: [
    (#"{"ociVersion":"2.0","root":{"path":"r"}}"#, "unsupported specification version \"2.0\""),
    (#"{"ociVersion":"1.0"}"#, "root.path is missing"),
    (spec(process: #","rlimits":[{"type":"RLIMIT_X","hard":1,"soft":1}]"#), "unknown resource limit \"RLIMIT_X\""),
    (
      spec(
        process: #","rlimits":[{"type":"RLIMIT_CPU","hard":1,"soft":1},{"type":"RLIMIT_CPU","hard":2,"soft":1}]"#),
      "duplicate resource limit RLIMIT_CPU"
    ),
    (spec(process: #","oomScoreAdj":1001"#), "oomScoreAdj 1001 is outside -1000 to 1000"),
    (spec(rest: #","hostname":"h""#), "hostname h needs a UTS namespace"),
    (spec(rest: #","domainname":"d""#), "domainname d needs a UTS namespace"),
    (
      spec(linux: #","sysctl":{"vm.swappiness":"1"}"#), "sysctl \"vm.swappiness\" is not in a separate kernel namespace"
    ),
    (
      spec(linux: #","sysctl":{"net.ipv4.ip_forward":"1"}"#),
      "sysctl \"net.ipv4.ip_forward\" needs a network namespace of the container's own"
    ),
    (
      spec(linux: #","sysctl":{"net...core":"1"}"#),
      "sysctl \"net...core\" needs a network namespace of the container's own"
    ),
    (spec(linux: #","rootfsPropagation":"loud""#), "unknown rootfsPropagation \"loud\""),
    (spec(linux: #","devices":[{"path":"/d","type":"x"}]"#), "device /d has the unknown type \"x\""),
    (
      spec(linux: #","uidMappings":[{"containerID":0,"hostID":0,"size":1}]"#),
      "uidMappings and gidMappings need a user namespace"
    ),
    (spec(linux: #","timeOffsets":{"boottime":{"secs":1}}"#), "timeOffsets need a time namespace"),
    (
      #"{"ociVersion":"1.0","root":{"path":"r"},"linux":{"namespaces":[{"type":"pid"},{"type":"pid"}]}}"#,
      "duplicate namespace \"pid\""
    ),
    (
      #"{"ociVersion":"1.0","root":{"path":"r"},"linux":{"namespaces":[{"type":"x"}]}}"#, "unknown namespace type \"x\""
    ),
    (
      #"{"ociVersion":"1.0","root":{"path":"r"},"linux":{"namespaces":[{"type":"user"}]}}"#,
      "a new user namespace needs uidMappings and gidMappings"
    ),
    (
      #"""
      {"ociVersion":"1.0","root":{"path":"r"},"linux":{"namespaces":[{"type":"user"}],
      "uidMappings":[{"containerID":0,"hostID":0,"size":1}]}}
      """#, "a new user namespace needs uidMappings and gidMappings"
    ), (spec(process: #","user":{"uid":4294967295}"#), "process.user: 4294967295 is no user or group ID"),
    (spec(linux: #","devices":[{"path":"/d","type":"b","minor":-2}]"#), "device /d has no number 0:-2"),
    (
      #"""
      {"ociVersion":"1.0","root":{"path":"r"},"domainname":"d","linux":{"namespaces":[{"type":"uts"}],
      "sysctl":{"kernel.domainname":"x"}}}
      """#, "sysctl \"kernel.domainname\" contradicts the field domainname"
    ),
    (
      #"{"ociVersion":"1.0","root":{"path":"r"},"process":{"cwd":"x","args":["a"]}}"#,
      "cwd must be an absolute path: \"x\""
    ),
    (#"{"ociVersion":"1.0","root":{"path":"r"},"process":{"cwd":"/"}}"#, "process.args must not be empty"),
  ]) func mistakesAreNamed(_ text: String, _ message: String) throws {
    #expect(try Self.message(text) == message)
  }
}
