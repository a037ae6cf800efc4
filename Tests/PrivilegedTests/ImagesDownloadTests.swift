import JSON
import Sys
import TestKit
import Testing

/// `berth import` of a web address. covers PD-93
@Suite(.needs(.root), .needs(.installed)) struct ImagesDownloadTests {
  @Test(arguments: ["root.tar", "root.tar.gz", "moved"]) func importsWhatAServerHas(_ file: String) throws {
    try withEngine(sharingNetwork: true) { engine in
      try RegistryServers(scratch: engine.scratch).withStrangeRegistry { host in
        let address = "http://\(host)/files/\(file)"
        let outcome = try engine.berth("import", "--change", "CMD [\"/layer1\"]", address, "localhost/fetched")
        #expect(outcome.code == 0 && outcome.trimmed.hasPrefix("sha256:"), "\(outcome)")
        #expect(outcome.errorText.contains("Downloading from \(address)"), "\(outcome)")
        let image = try #require(try JSON.parse(engine.ok("image", "inspect", "localhost/fetched")).array?.first)
        #expect(image["Comment"]?.string == "Imported from \(address)")
        #expect(image["Config"]?["Cmd"]?.strings == ["/layer1"])
        let layer = try #require(engine.layerNames.first)
        #expect(try readText("\(engine.root)/layers/\(layer)/diff/layer1") == "hello\n")
        #expect(try engine.berth("import", "-q", address, "localhost/again").errors.isEmpty)
      }
    }
  }

  @Test(
    arguments: [
      ("absent", "has no such file", "check the address"), ("private", "status 401", "curl -u USER"),
      ("failing", "status 500", "try again later"), ("short", "the file broke off at ", "try again"),
      ("html", "unpack http://", "import reads"), ("circle", "more than 5 redirects", "check the address"),
    ]) func whatGoesWrongIsSaidAndLeavesNothing(_ file: String, _ words: String, _ hint: String) throws
  {
    try withEngine(sharingNetwork: true) { engine in
      try RegistryServers(scratch: engine.scratch).withStrangeRegistry { host in
        let outcome = try engine.berth("import", "http://\(host)/files/\(file)", "localhost/fetched")
        #expect(
          outcome.code == 125 && outcome.errorText.contains("http://\(host)/files/\(file): "), "\(outcome)")
        #expect(outcome.errorText.contains(words), "\(outcome)")
        #expect(outcome.errorText.contains("hint: ") && outcome.errorText.contains(hint), "\(outcome)")
        try engine.expectEmptyStore()
      }
    }
  }

  @Test(arguments: [
    ("http://127.0.0.1:1/x.tar", "Connection refused"),
    ("http://nosuch.invalid/x.tar", "there is no host nosuch.invalid"),
    ("http://user:secret@127.0.0.1:1/x.tar", "is not http://HOST/PATH"), ("http://", "is not http://HOST/PATH"),
  ]) func addressesThatLeadNowhere(_ address: String, _ words: String) throws {
    try withEngine { engine in
      let outcome = try engine.berth("import", address)
      #expect(outcome.code == 125 && outcome.errorText.contains(words), "\(outcome)")
      #expect(outcome.errorText.contains("hint: "), "\(outcome)")
      try engine.expectEmptyStore()
    }
  }
}
