import JSON
import Sys
import TestKit
import Testing

/// policy.json at the doors through which images come. covers PD-12
@Suite(.needs(.root), .needs(.installed), .needs(.program("skopeo"))) struct ImagesPolicyTests {
  private func write(_ text: String, _ path: String) throws {
    try makeDirectories(parentPath(of: path))
    try replaceFile(path, with: Array(text.utf8), durable: false)
  }
  private func expectRefused(_ outcome: Outcome, _ words: String, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(outcome.code == 125 && outcome.errorText.contains(words), "\(outcome)", sourceLocation: sourceLocation)
    #expect(outcome.errorText.contains("hint: "), "\(outcome)", sourceLocation: sourceLocation)
  }

  @Test func pullAndRun() throws {
    try withEngine(sharingNetwork: true) { engine in
      let servers = RegistryServers(scratch: engine.scratch)
      try servers.withStrangeRegistry { host in
        let home = ["HOME": engine.scratch + "/home"]
        try write(
          """
          {"default": [{"type": "insecureAcceptAnything"}], "transports": {"docker": {
            "\(host)/plain/bad": [{"type": "reject"}], "\(host)/plain/signed": [{"type": "signedBy"}]}}}
          """, engine.scratch + "/home/.config/containers/policy.json")
        func pull(_ name: String) throws -> Outcome {
          try engine.berth("pull", "-q", "--tls-verify=false", "\(host)/plain/\(name):1", environment: home)
        }
        expectRefused(try pull("bad"), "\(host)/plain/bad:1 is rejected by \(engine.scratch)/home/.config")
        expectRefused(try pull("signed"), "(signedBy, ")
        let run = try engine.berth("run", "--rm", "--tls-verify=false", "\(host)/plain/bad:1", environment: home)
        expectRefused(run, "is rejected by")
        // nothing of it came in: not one layer was asked for
        #expect(try servers.requests().allSatisfy { $0["path"]?.string?.contains("/blobs/") == false })
        try engine.expectEmptyStore()

        #expect(try pull("good").code == 0)
        let all = engine.scratch + "/reject.json"
        try write("{\"default\": [{\"type\": \"reject\"}]}", all)
        for command in [["pull", "-q"], ["create", "--pull=always"]] {
          let outcome = try engine.berth(
            command + ["--tls-verify=false", "--signature-policy", all, "\(host)/plain/good:1"], environment: home)
          expectRefused(outcome, "rejected by \(all)")
        }
        // what is in the store already needs no leave
        #expect(try engine.berth("create", "--signature-policy", all, "\(host)/plain/good:1").code == 0)
      }
    }
  }

  @Test func loadAndImport() throws {
    try withScratch { scratch in
      let engine = TestEngine(scratch: scratch + "/engine")
      let servers = RegistryServers(scratch: scratch)
      let policy = scratch + "/policy.json"
      try makeDirectories(scratch + "/good")
      try servers.writeLayout()
      for target in [
        "docker-archive:\(scratch)/d.tar:x:1", "oci-archive:\(scratch)/o.tar", "oci-archive:\(scratch)/good/o.tar",
      ] {
        #expect(try run(["skopeo", "copy", "-q", "oci:\(scratch)/layout:test", target]).code == 0)
      }
      try run(["tar", "-C", scratch + "/good", "-cf", scratch + "/root.tar", "."])
      try write(
        """
        {"default": [{"type": "reject"}], "transports": {
          "docker-archive": {"": [{"type": "sigstoreSigned"}]},
          "oci-archive": {"\(scratch)/good": [{"type": "insecureAcceptAnything"}]}}}
        """, policy)
      func load(_ file: String) throws -> Outcome {
        try engine.berth("load", "-q", "--signature-policy", policy, "-i", "\(scratch)/\(file)")
      }
      expectRefused(try load("d.tar"), "(sigstoreSigned, docker-archive)")
      expectRefused(try load("o.tar"), "o.tar is rejected")
      expectRefused(try load("layout"), "layout is rejected")
      let imported = try engine.berth("import", "--signature-policy", policy, scratch + "/root.tar", "x")
      expectRefused(imported, "root.tar is rejected")
      try engine.expectEmptyStore()
      #expect(try load("good/o.tar").code == 0)

      try write("{\"default\": [{\"type\": \"typo\"}]}", policy)
      expectRefused(try load("good/o.tar"), "unknown requirement type \"typo\"")
      expectRefused(
        try engine.berth("load", "--signature-policy", scratch + "/absent", "-i", scratch + "/o.tar"),
        "no signature policy")
    }
  }
}
