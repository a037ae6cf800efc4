import CSys
import Glibc
import JSON
import Problems
import RegistryProtocol
import Sys
import Testing

@Suite struct CredentialSourceTests {
  private func withDirectory(_ body: (String) throws -> Void) throws {
    let path = "/tmp/berth-auth-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    try makeDirectories(path, mode: 0o700)
    defer { try? removeTree(path) }
    try body(path)
  }
  private func source(_ environment: [String], authFile: String? = nil, mustExist: Bool = false) -> CredentialSource {
    CredentialSource(authFile: authFile, environment: environment, mustExist: mustExist)
  }

  @Test func pathsInTheirOrder() throws {
    let usual = source(["XDG_RUNTIME_DIR=/run/user/7", "HOME=/home/u"])
    #expect(
      usual.readPaths == [
        "/run/user/7/containers/auth.json", "/home/u/.config/containers/auth.json", "/home/u/.docker/config.json",
      ])
    #expect(usual.writePath == usual.readPaths[0])
    let root = CredentialSource(authFile: nil, environment: ["DOCKER_CONFIG=/d"], mustExist: false, userID: 0)
    #expect(root.readPaths == ["/run/containers/0/auth.json", "/d/config.json"])
    #expect(source(["REGISTRY_AUTH_FILE=/a"]).readPaths == ["/a"])
    #expect(source(["REGISTRY_AUTH_FILE=/a"], authFile: "/b").readPaths == ["/b"])
  }

  @Test func aNamedFileMustExist() {
    let source = source([], authFile: "/nonexistent/auth.json", mustExist: true)
    let problem = #expect(throws: Problem.self) { try source.find(registry: "r.io", repository: "r.io/x") }
    #expect(problem?.code == .notFound)
  }

  @Test func storesFindsAndForgets() throws {
    try withDirectory { directory in
      let source = source(["XDG_RUNTIME_DIR=\(directory)/run"])
      #expect(try source.find(registry: "r.io", repository: "r.io/x") == nil)
      try source.store(Credentials(user: "u", password: "p"), for: "r.io")
      try source.store(Credentials(user: "n", password: "q"), for: "r.io/ns")
      #expect(try source.find(registry: "r.io", repository: "r.io/x")?.user == "u")
      #expect(try source.find(registry: "r.io", repository: "r.io/ns/x")?.user == "n")
      let file = try status(source.writePath)
      #expect(file.st_mode & 0o777 == 0o600)
      #expect(try entries(ofPath: "\(directory)/run/containers").map(\.name) == ["auth.json"])
      #expect(try source.remove("r.io"))
      #expect(try !source.remove("r.io"))
      #expect(try source.find(registry: "r.io", repository: "r.io/ns/x")?.user == "n")
      try source.removeAll()
      #expect(try source.find(registry: "r.io", repository: "r.io/ns/x") == nil)
    }
  }

  @Test func aLinkedFileStaysALink() throws {
    try withDirectory { directory in
      try makeDirectory("\(directory)/kept")
      try replaceFile("\(directory)/kept/real.json", with: Array("{}".utf8), durable: false)
      try check(csys_symlinkat("kept/real.json", AT_FDCWD, "\(directory)/auth.json"))
      let source = source([], authFile: "\(directory)/auth.json")
      try source.store(Credentials(user: "u", password: "p"), for: "r.io")
      #expect(try readLink("\(directory)/auth.json") == "kept/real.json")
      #expect(try source.find(registry: "r.io", repository: "r.io/x")?.user == "u")
    }
  }

  @Test func aBrokenFileIsNamedAndNotReplaced() throws {
    try withDirectory { directory in
      let path = "\(directory)/auth.json"
      try replaceFile(path, with: Array("{\"auths\":".utf8), durable: false)
      let source = source([], authFile: path)
      let problem = #expect(throws: Problem.self) { try source.find(registry: "r", repository: "r/x") }
      #expect(problem?.sentence.contains(path) == true)
      #expect(throws: Problem.self) { try source.store(Credentials(user: "u", password: "p"), for: "r") }
      #expect(try readText(path) == "{\"auths\":")
    }
  }

  /// A helper that keeps one file per key, as docker-credential-helpers do.
  private static let helper = """
    #!/bin/sh
    d=$(dirname "$0")/kept; mkdir -p "$d"
    case $1 in
      store) cat > "$d/entry" ;;
      get) [ -f "$d/entry" ] || { echo credentials not found in native keychain; exit 1; }; cat "$d/entry" ;;
      erase) rm "$d/entry" ;;
    esac
    """

  @Test func helpersKeepThePassword() throws {
    try withDirectory { directory in
      try replaceFile("\(directory)/docker-credential-test", with: Array(Self.helper.utf8), mode: 0o755, durable: false)
      try replaceFile("\(directory)/auth.json", with: Array(#"{"credHelpers":{"r.io":"test"}}"#.utf8), durable: false)
      let source = source(["PATH=\(directory):/usr/bin:/bin"], authFile: "\(directory)/auth.json")
      #expect(try source.find(registry: "r.io", repository: "r.io/x") == nil)
      #expect(try source.store(Credentials(user: "u", password: "top"), for: "r.io") == "credential helper test")
      #expect(try !readText("\(directory)/auth.json").contains(Base64.encode("u:top".utf8)))
      #expect(try source.find(registry: "r.io", repository: "r.io/x") == Credentials(user: "u", password: "top"))
      #expect(try source.remove("r.io"))
      #expect(try source.find(registry: "r.io", repository: "r.io/x") == nil)
    }
  }

  @Test(arguments: ["missing", "../evil", "a/b", ""]) func helpersAreWordsOnPath(_ name: String) throws {
    let helper = CredentialHelper(name: name, environment: ["PATH=/nonexistent"])
    #expect(throws: Problem.self) { try helper.get("r.io") }
  }
}

@Suite struct RegistryConnectionTests {
  @Test func aMissingProgramIsNamed() {
    let options = RegistryOptions(program: "/nonexistent/berth-registry", environment: [])
    let problem = #expect(throws: Problem.self) { _ = try RegistryConnection(options) }
    #expect(problem?.code == .notFound)
    #expect(problem?.sentence.contains("/nonexistent/berth-registry") == true)
  }

  @Test(arguments: [("/bin/false", "exit status 1"), ("/bin/true", "exit status 0")])
  func aProgramThatEndsIsAnError(_ program: String, _ how: String) throws {
    let connection = try RegistryConnection(RegistryOptions(program: program, environment: []))
    let problem = #expect(throws: Problem.self) { while try connection.nextEvent() != nil {} }
    #expect(problem?.code == .unavailable)
    #expect(problem?.message.contains(how) == true)
  }

  @Test func waitingHasATimeoutAndTheProgramEndsWithItsConnection() throws {
    let script = "/tmp/berth-silent-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    try replaceFile(script, with: Array("#!/bin/sh\nexec sleep 600 3<&3\n".utf8), mode: 0o755, durable: false)
    defer { try? unlink(script) }
    var connection: RegistryConnection? = try RegistryConnection(RegistryOptions(program: script, environment: []))
    #expect(try connection?.nextEvent(timeout: .milliseconds(20)) == nil)
    connection = nil  // ends and reaps it: this returns at once
  }
}
