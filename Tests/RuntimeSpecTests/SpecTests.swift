import JSON
import RuntimeSpec
import Testing

struct SpecTests {
  /// Every member of every type once: what is read is what is written.
  static let everything = """
    {"ociVersion":"1.2.0","root":{"path":"rootfs","readonly":true},
    "mounts":[{"destination":"/d","type":"bind","source":"s","options":["rbind","ro"],
    "uidMappings":[{"containerID":0,"hostID":1000,"size":1}],"gidMappings":[]}],
    "process":{"terminal":true,"consoleSize":{"height":24,"width":80},
    "user":{"uid":1,"gid":2,"umask":18,"additionalGids":[3,4]},"args":["a"],"env":["A=b"],"cwd":"/",
    "capabilities":{"bounding":["CAP_CHOWN"],"effective":[],"inheritable":[],"permitted":[],"ambient":[]},
    "rlimits":[{"type":"RLIMIT_NOFILE","hard":18446744073709551615,"soft":5}],"noNewPrivileges":true,
    "apparmorProfile":"p","oomScoreAdj":-5,"selinuxLabel":"l","scheduler":{"policy":"SCHED_FIFO","priority":1},
    "ioPriority":{"class":"IOPRIO_CLASS_BE","priority":4},"execCPUAffinity":{"initial":"0","final":"1"}},
    "hostname":"h","domainname":"d","hooks":{"prestart":[{"path":"/p","args":["p"],"env":["E=1"],"timeout":3}],
    "poststop":[]},"annotations":{"a":"1","b":"2"},
    "linux":{"uidMappings":[{"containerID":0,"hostID":0,"size":4294967295}],"gidMappings":[],"sysctl":{"x.y":"1"},
    "resources":{"devices":[{"allow":false,"access":"rwm"},{"allow":true,"type":"c","major":1,"minor":3}],
    "memory":{"limit":-1,"swap":10,"swappiness":0,"disableOOMKiller":false},
    "cpu":{"shares":2,"quota":-1,"period":100000,"cpus":"0-1","idle":1},"pids":{"limit":0},
    "blockIO":{"weight":10,"weightDevice":[{"major":8,"minor":0,"weight":5}],
    "throttleReadBpsDevice":[{"major":8,"minor":0,"rate":600}]},
    "hugepageLimits":[{"pageSize":"2MB","limit":9}],
    "network":{"classID":1,"priorities":[{"name":"eth0","priority":5}]},"rdma":{"m":{"hcaHandles":3}},
    "unified":{"memory.high":"1"}},"cgroupsPath":"/c","namespaces":[{"type":"pid"},{"type":"network","path":"/n"}],
    "devices":[{"type":"c","path":"/dev/x","major":1,"minor":2,"fileMode":438,"uid":0,"gid":0}],
    "netDevices":{"eth0":{"name":"e"}},"seccomp":{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,
    "architectures":["SCMP_ARCH_X86"],"flags":[],"syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW",
    "args":[{"index":0,"value":1,"valueTwo":2,"op":"SCMP_CMP_MASKED_EQ"}]}]},"rootfsPropagation":"slave",
    "maskedPaths":["/m"],"readonlyPaths":["/r"],"mountLabel":"m","personality":{"domain":"LINUX32"},
    "timeOffsets":{"monotonic":{"secs":-1,"nanosecs":2}}}}
    """

  @Test func everyMemberSurvives() throws {
    let json = try JSON.parse(Self.everything)
    #expect(try Spec(json: json).json == json)
  }

  @Test func absentIsNotZero() throws {
    let spec = try Spec(json: JSON.parse(#"{"ociVersion":"1.0.2","process":{"cwd":"/"},"linux":{"resources":{}}}"#))
    #expect(spec.process?.user == nil && spec.linux?.resources?.memory == nil && spec.mounts == nil)
    #expect(spec.json.text() == #"{"ociVersion":"1.0.2","process":{"cwd":"/"},"linux":{"resources":{}}}"#)
  }

  @Test func nullIsAbsentAndUnknownMembersAreIgnored() throws {
    let spec = try Spec(json: JSON.parse(#"{"ociVersion":"1.0.2","mounts":null,"windows":{"x":1}}"#))
    #expect(spec == Spec(ociVersion: "1.0.2"))
  }

  @Test(arguments: [
    (#"[]"#, "expected an object"),
    (#"{}"#, "ociVersion: missing"),
    (#"{"ociVersion":1}"#, "ociVersion: expected a string"),
    (#"{"ociVersion":"1","process":{}}"#, "process.cwd: missing"),
    (#"{"ociVersion":"1","mounts":[{"destination":"/"},{"source":"x"}]}"#, "mounts[1].destination: missing"),
    (#"{"ociVersion":"1","linux":{"namespaces":[{"type":3}]}}"#, "linux.namespaces[0].type: expected a string"),
    (
      #"{"ociVersion":"1","process":{"cwd":"/","user":{"uid":-1}}}"#,
      "process.user.uid: expected an integer from 0 to 4294967295"
    ),
    (#"{"ociVersion":"1","annotations":{"a":1}}"#, "annotations: expected an object of strings"),
  ])
  func errorsNameThePlace(_ text: String, _ message: String) throws {
    let json = try JSON.parse(text)
    let error = #expect(throws: SpecError.self) { try Spec(json: json) }
    #expect(error?.description == message)
  }

  @Test func stateAsHooksReadIt() throws {
    var state = State(ociVersion: "1.2.0", id: "x", status: .running, bundle: "/b")
    state.pid = 7
    state.annotations = ["b": "2", "a": "1"]
    let text =
      #"{"ociVersion":"1.2.0","id":"x","status":"running","pid":7,"bundle":"/b","annotations":{"a":"1","b":"2"}}"#
    #expect(state.json.text() == text)
    #expect(try State(json: JSON.parse(text)) == state)
  }
}
