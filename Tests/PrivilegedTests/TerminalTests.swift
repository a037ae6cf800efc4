import Glibc
import Sys
import TestKit
import Testing

/// What a person sees: progress bars and the password prompt, on a terminal.
@Suite(.needs(.root), .needs(.installed)) struct TerminalTests {
  private func withTerminal<R>(
    _ engine: TestEngine, _ arguments: [String], rows: UInt16 = 24, columns: UInt16 = 80,
    _ body: (Terminal) throws -> R
  ) throws -> R {
    let own = ["HOME": engine.scratch, "XDG_RUNTIME_DIR": engine.scratch + "/user", "REGISTRY_AUTH_FILE": ""]
    let terminal = try Terminal.start(
      [Installed.berth] + arguments, rows: rows, columns: columns, environment: engine.environment.merging(own) { $1 })
    return try body(terminal)
  }

  /// One bar per layer, drawn in place: on every size of screen each line stands there once.
  @Test(arguments: [(24, 80), (24, 40), (24, 25), (3, 80)] as [(UInt16, UInt16)])
  func barsAreDrawnInPlace(_ rows: UInt16, _ columns: UInt16) throws {
    try withEngine(sharingNetwork: true) { engine in
      try RegistryServers(scratch: engine.scratch).withStrangeRegistry { host in
        let command = ["pull", "--tls-verify=false", "\(host)/slow/x:1"]
        try withTerminal(engine, command, rows: rows, columns: columns) { terminal in
          let status = try terminal.end()
          #expect(status == .exited(code: 0))
          #expect(terminal.shown.contains(" [=") == (columns > 39), "\(terminal.shown.debugDescription)")
          // a screen as high as everything that ever stood on it, so that nothing scrolls away
          let screen = Terminal.screen(of: terminal.shown, rows: 60, columns: Int(columns)).joined(separator: "\n")
          let layers = screen.split(separator: "\n").filter { $0.hasPrefix("Layer ") }
          #expect(layers.count == min(2, Int(rows) - 1) && Set(layers).count == layers.count, "\(screen)")
          #expect(screen.contains("Writing image"), "\(screen)")
        }
      }
    }
  }

  @Test func barsFollowTheWindowsSize() throws {
    try withEngine(sharingNetwork: true) { engine in
      try RegistryServers(scratch: engine.scratch).withStrangeRegistry { host in
        try withTerminal(engine, ["pull", "--tls-verify=false", "\(host)/slow/x:1"], columns: 100) { terminal in
          try terminal.wait(for: " / 1.5MB")
          try terminal.resize(rows: 24, columns: 40)
          let before = terminal.shown.utf8.count
          let status = try terminal.end()
          #expect(status == .exited(code: 0))
          // the first picture after it may have been under way
          let after = terminal.shown.utf8.dropFirst(before + 400)
          let lines = String(decoding: Array(after), as: UTF8.self).split(separator: "\r\n").dropFirst()
          #expect(lines.filter { $0.contains("[=") }.allSatisfy { $0.drop { $0 != "L" }.count < 40 }, "\(lines)")
        }
      }
    }
  }

  /// Elsewhere: plain lines, and none with --quiet.
  @Test func noBarsWithoutATerminal() throws {
    try withEngine(sharingNetwork: true) { engine in
      try RegistryServers(scratch: engine.scratch).withStrangeRegistry { host in
        let plain = try engine.berth("pull", "--tls-verify=false", "\(host)/slow/x:1")
        #expect(plain.code == 0 && !plain.errorText.contains("\u{1b}") && !plain.errorText.contains("["), "\(plain)")
        #expect(plain.errorText.split(separator: "\n").filter { $0.contains(" done: 1.5MB") }.count == 2, "\(plain)")
        try engine.ok("rmi", "-a")
        try withTerminal(engine, ["pull", "-q", "--tls-verify=false", "\(host)/slow/x:1"]) { terminal in
          let status = try terminal.end()
          #expect(status == .exited(code: 0))
          #expect(terminal.shown.trimmed == plain.trimmed, "only the ID: \(terminal.shown.debugDescription)")
        }
      }
    }
  }

  /// The password is asked for and not shown; the registry's answer follows on a line of its own.
  @Test func thePasswordIsNotShown() throws {
    try withEngine(sharingNetwork: true) { engine in
      try RegistryServers(scratch: engine.scratch).withDockerRegistry(password: true) { host in
        for (password, code) in [("wrong", 125), ("secret", 0)] as [(String, CInt)] {
          try withTerminal(engine, ["login", "--tls-verify=false", host]) { terminal in
            try terminal.wait(for: "Username: ")
            #expect(terminal.echoes)
            try terminal.type("user\n")
            try terminal.wait(for: "Password: ")
            #expect(!terminal.echoes)
            try terminal.type(password + "\n")
            #expect(try terminal.end() == .exited(code: code), "\(terminal.shown)")
            #expect(terminal.echoes, "as it was")
            #expect(!terminal.shown.contains(password), "\(terminal.shown)")
            let last =
              code == 0 ? "Password: \r\nLogin Succeeded!\r\n" : "Password: \r\nerror: registry \(host) refused"
            #expect(terminal.shown.contains(last), "\(terminal.shown.debugDescription)")
          }
        }
      }
    }
  }

  /// ctrl-c and ctrl-d at the prompt: the terminal is as it was, and nothing is stored.
  @Test(arguments: [("\u{3}", Sys.ExitStatus.killed(signal: SIGINT)), ("\u{4}", .exited(code: 125))])
  func givingUpGivesTheTerminalBack(_ key: String, _ status: Sys.ExitStatus) throws {
    try withEngine(sharingNetwork: true) { engine in
      try withTerminal(engine, ["login", "-u", "user", "127.0.0.1:1"]) { terminal in
        try terminal.wait(for: "Password: ")
        try terminal.type(key)
        #expect(try terminal.end() == status, "\(terminal.shown.debugDescription)")
        #expect(terminal.echoes)
        if case .exited = status { #expect(terminal.shown.contains("a password for 127.0.0.1:1 is missing")) }
      }
    }
  }

  // covers PD-67, PD-68, PD-69: what is typed arrives (without --interactive, too), sizes follow, keys detach
  @Test func aTerminalIsAttachedAndDetached() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("run", "-dt", "--name", "t", "busybox", "sh")
      for (flags, keys) in [([], "\u{10}\u{11}"), (["--detach-keys", "ctrl-x"], "\u{18}")] as [([String], String)] {
        try withTerminal(engine, ["attach"] + flags + ["t"], rows: 33, columns: 99) { terminal in
          try terminal.wait(for: "# ")
          #expect(!terminal.echoes, "the container's terminal echoes, not this one")
          try terminal.type("stty size\r")
          try terminal.wait(for: "33 99")
          try terminal.resize(rows: 20, columns: 70)
          try terminal.type("sleep 0.3; stty size\r")
          try terminal.wait(for: "20 70")
          try terminal.type(keys)
          #expect(try terminal.end() == .exited(code: 0), "\(terminal.shown.debugDescription)")
          #expect(terminal.echoes)
        }
        #expect(try engine.ok("inspect", "-f", "{{.State.Running}}", "t") == "true")
      }
      try withTerminal(engine, ["exec", "-it", "t", "sh"]) { terminal in
        try terminal.wait(for: "# ")
        try terminal.type("exit 5\r")
        #expect(try terminal.end() == .exited(code: 5), "\(terminal.shown.debugDescription)")
      }
      try engine.ok("stop", "-t", "0", "t")
      try withTerminal(engine, ["start", "-ai", "t"]) { terminal in
        try terminal.wait(for: "# ")
        try terminal.type("exit 6\r")
        #expect(try terminal.end() == .exited(code: 6), "\(terminal.shown.debugDescription)")
      }
    }
  }
}
