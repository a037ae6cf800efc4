import Glibc
import JSON
import Sys
import TestKit
import Testing

/// Many at once, and killed at any moment: nothing is left that the next command does not clean.
@Suite(.serialized, .needs(.root), .needs(.installed), .needs(.program("nft"))) struct NetworkFaultTests {
  private func expectNothingLeft(_ engine: TestEngine) throws {
    #expect(try engine.elements(of: "any4") == "", "a port is left")
    #expect(try eventually(10) { try engine.veths().isEmpty }, "an interface is left")
    // All addresses can be had again: none is leased to a container that is gone.
    let containers = try engine.ok("network", "inspect", "-f", "{{len .containers}}", "berth")
    #expect(containers == "0")
  }

  @Test func manyAtOnce() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let script = """
        for n in $(seq 9000 9049); do
          "$0" run -d --name c$n -p $n:80 localhost/busybox sleep 1000 >/dev/null || echo failed $n &
        done; wait
        """
      let started = try TestKit.run(
        engine.beside(["sh", "-c", script, Installed.berth]), environment: engine.environment, seconds: 300)
      #expect(started.text == "" && started.code == 0, "\(started)")
      let addresses = try engine.ok("ps", "-q").split(separator: "\n").map {
        try engine.ok("inspect", "-f", "{{.NetworkSettings.IPAddress}}", String($0))
      }
      #expect(addresses.count == 50 && Set(addresses).count == 50, "each has an address of its own")
      #expect(try JSON.parse(try engine.elements(of: "any4")).array?.count == 50)
      try engine.ok("rm", "-f", "-a", "-t", "0")
      try expectNothingLeft(engine)
    }
  }

  /// `run` and `rm` are killed at a random point; the next command cleans up.
  @Test func killedCommandsLeaveNothing() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("run", "--rm", "localhost/busybox", "true")
      var generator = SystemRandomNumberGenerator()
      for number in 0..<24 {
        let isRun = number % 3 < 2
        if !isRun { try engine.ok("run", "-d", "--name", "k", "-p", "9000:80", "busybox", "sleep", "1000") }
        let child = try engine.startBerth(
          isRun
            ? ["run", "-d", "--name", "k", "-p", "9000:80", "busybox", "sleep", "1000"] : ["rm", "-f", "-t", "0", "k"])
        usleep(UInt32.random(in: 0..<80_000, using: &generator))
        try? child.signal(SIGKILL)  // it may have ended already
        _ = try child.wait()
        try engine.ok("rm", "-f", "--ignore", "-t", "0", "k")
        try expectNothingLeft(engine)
        // The port can be had again at once, and the address pool is whole.
        try engine.ok("run", "--rm", "-p", "9000:80", "busybox", "true")
      }
    }
  }

  /// A bridge that a killed command left half made is finished by the next.
  @Test func aHalfMadeBridgeIsFinished() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("network", "ls", "-q")
      try engine.host("ip", "link", "add", "berth0", "type", "bridge")
      try engine.web("web", "-p", "8080:80")
      #expect(try engine.host("curl", "-sS", "-m", "3", "http://127.0.0.1:8080/").trimmed == "web")
      #expect(try engine.host("ip", "-br", "addr", "show", "berth0").text.contains("10.89.0.1/24"))
    }
  }

  /// A foreign interface of the same name is not taken for the bridge.
  @Test func aForeignInterfaceIsNotTouched() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("network", "create", "--interface-name", "mine", "n")
      try engine.host("ip", "link", "add", "mine", "type", "veth", "peer", "name", "theirs")
      let outcome = try engine.berth("run", "--rm", "--network", "n", "busybox", "true")
      #expect(outcome.code == 125 && outcome.errorText.contains("mine"), "\(outcome)")
    }
  }
}
