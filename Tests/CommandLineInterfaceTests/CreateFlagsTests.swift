import Engine
import JSON
import Problems
import Testing

@testable import CommandLineInterface

private func options(_ arguments: [String]) throws -> ContainerOptions {
  guard case .command(let run) = try FlagReader.read(ContainerRun.self, arguments[...], path: "berth run") else {
    throw Problem(code: .invalid, message: "help")
  }
  let context = Context(
    engineOptions: EngineOptions(root: "/r", runroot: "/rr"), output: StandardOutput(),
    arguments: ["berth", "run"] + arguments)
  return try run.group.options(run.given, context)
}

/// covers LP-19, LP-20, LP-21, LP-23
@Suite struct CreateFlagsTests {
  @Test func everythingAtOnce() throws {
    let made = try options([
      "-dit", "--rm", "--name", "web", "-h", "box", "--entrypoint", "/bin/sh", "-eA=1", "--env", "B", "--env-file",
      "/e",
      "-u", "1:2", "-w", "/w", "--label", "x=y", "-l", "z", "--read-only", "--privileged", "--cap-add",
      "NET_ADMIN,SYS_TIME",
      "--cap-drop=ALL", "--security-opt", "no-new-privileges", "--memory", "64m", "--memory-swap", "-1", "--cpus",
      "1.5",
      "--cpu-shares", "512", "--cpuset-cpus", "0-1", "--pids-limit", "-1", "--ulimit", "nofile=10:20", "--sysctl",
      "net.x=1", "--shm-size", "1m", "--init", "--pid", "host", "--ipc=private", "--uts", "host", "--cgroupns",
      "private", "--time", "private",
      "--network", "none", "--group-add", "a,b", "--tz", "local", "--umask", "077", "--add-host", "h:1.2.3.4",
      "--stop-signal",
      "INT", "--stop-timeout", "3", "--cidfile", "/c", "--pidfile", "/p", "--log-driver", "json-file", "--log-opt",
      "max-size=1m", "--pull=never", "--platform", "linux/arm64", "--runtime", "crun", "-v", "/a:/b:ro", "--tmpfs",
      "/t",
      "--mount", "type=tmpfs,destination=/m", "--device", "/dev/null", "--tls-verify=false", "img", "cmd", "-x",
    ])
    #expect(made.source == .image("img"))
    #expect(made.command == ["cmd", "-x"])
    #expect(
      made.interactive && made.terminal && made.removeWhenDone && made.readOnly && made.privileged && made.initProcess)
    #expect(made.name == "web" && made.hostname == "box" && made.entrypoint == ["/bin/sh"])
    #expect(made.environment == ["A=1", "B"] && made.environmentFiles == ["/e"])
    #expect(made.user == "1:2" && made.workingDirectory == "/w" && made.labels == ["x": "y", "z": ""])
    #expect(made.capAdd == ["NET_ADMIN", "SYS_TIME"] && made.capDrop == ["ALL"])
    #expect(made.memoryBytes == 64 << 20 && made.memorySwapBytes == -1 && made.nanoCPUs == 1_500_000_000)
    #expect(made.cpuShares == 512 && made.cpusetCPUs == "0-1" && made.pidsLimit == -1 && made.shmSizeBytes == 1 << 20)
    #expect(made.ulimits == [Ulimit(name: "nofile", soft: 10, hard: 20)])
    #expect(made.pid == .host && made.ipc == .private && made.uts == .host && made.cgroupNamespace == .private)
    #expect(made.time == .private)
    #expect(made.network == .none && made.groupAdd == ["a", "b"] && made.timezone == "local" && made.umask == "077")
    #expect(made.stopSignal == 2 && made.stopTimeoutSeconds == 3 && made.cidFile == "/c" && made.pidFile == "/p")
    #expect(made.logDriver == .jsonFile && made.logOptions.first?.value == "1m")
    #expect(made.pull == .never && made.platform == "linux/arm64" && made.runtime == "crun")
    #expect(made.mounts.count == 3 && made.mounts[0].readOnly && made.devices.count == 1)
    #expect(made.pullOptions.tlsVerify == false)
    #expect(made.createCommand.prefix(2) == ["berth", "run"])
  }

  @Test func rootfsIsADirectory() throws {
    #expect(try options(["--rootfs", "/x", "sh"]).source == .rootfs("/x"))
    #expect(try options(["--rootfs=true", "/x"]).command == [])
    #expect(try options(["--entrypoint", "[\"a\",\"b\"]", "i"]).entrypoint == ["a", "b"])
    #expect(try options(["--arch", "arm64", "i"]).platform == "linux/arm64")
  }

  @Test(arguments: [
    (["--memory", "lots", "i"], ["--memory", "lots"]),
    (["--memory-swappiness", "101", "i"], ["--memory-swappiness", "101", "-1 to 100"]),
    (["--pids-limit", "x", "i"], ["--pids-limit", "x", "whole number"]),
    (["--pull", "often", "i"], ["--pull", "often", "always, missing, never, newer"]),
    (["--log-driver", "journald", "i"], ["--log-driver", "journald"]),
    (["--network", "slirp4netns:port_handler=rootlesskit", "i"], ["--network", "port_handler", "not supported"]),
    (["--network", "pasta:--netns,/x", "i"], ["--network", "--netns", "set by berth"]),
    (["-p", "80:80:80:80", "i"], ["--publish", "80:80:80:80"]),
    (["--restart", "always", "i"], ["not supported yet", "--restart"]),
    (["--userns", "sometimes", "i"], ["--userns", "sometimes", "keep-id"]),
    (["-v", "a:b:c:d", "i"], ["a:b:c:d"]),
    (["--ulimit", "nofile", "i"], ["--ulimit", "nofile"]),
    (["--stop-signal", "NOPE", "i"], ["--stop-signal", "NOPE"]),
    (["--platform", "linux/arm64", "--arch", "arm64", "i"], ["--platform", "--arch"]),
    (["--add-host", "x", "i"], ["--add-host", "x"]),
  ]) func refusals(_ arguments: [String], _ texts: [String]) {
    let problem = #expect(throws: Problem.self) { _ = try options(arguments) }
    for text in texts { #expect(problem?.description.contains(text) == true, "\(problem?.description ?? "")") }
    #expect(problem?.exitStatus == 125)
  }
}
