import DNSRecords
import NameService
import Problems
import Testing

@Suite struct SettingsTests {
  @Test(arguments: [
    ("nameserver 1.1.1.1\nnameserver\t2001:db8::1\n", "", ["1.1.1.1", "2001:db8::1"]),
    ("# nameserver 9.9.9.9\nsearch a b\nnameserver none\n", "", ["127.0.0.1"]),
    ("nameserver 127.0.0.53\noptions edns0\n", "nameserver 192.0.2.1\n", ["192.0.2.1"]),
    ("nameserver 127.0.0.53\n", "", ["127.0.0.53"]),
    ("nameserver 127.0.0.53\nnameserver 8.8.8.8\n", "nameserver 192.0.2.1\n", ["127.0.0.53", "8.8.8.8"]),
    ("", "", ["127.0.0.1"]), ("nameserver 1.1.1.1", "", ["1.1.1.1"]),
    ("nameserver fe80::1%eth0\r\n", "", ["127.0.0.1"]),
  ]) func theHostsServers(_ text: String, _ resolved: String, _ servers: [String]) {
    let found = Upstreams.servers(in: Array(text.utf8)) { Array(resolved.utf8) }
    #expect(found.map(\.description) == servers)
  }

  @Test func theCommandLine() throws {
    let options = try #require(try NameServiceOptions(["--directory=/d", "--port", "5353", "--pid-file", "/p"]))
    #expect((options.directory, options.port, options.pidFile, options.isForeground) == ("/d", 5353, "/p", false))
    #expect(try NameServiceOptions(["--directory", "/d", "--foreground"])?.isForeground == true)
    #expect(try NameServiceOptions(["--directory", "/d", "--help"]) == nil)
  }
  @Test(arguments: [
    ([], "--directory needs an absolute path"), (["--directory", "d"], "--directory needs an absolute path"),
    (["--directory"], "--directory needs a value"), (["--port=", "1"], "--port needs a value"),
    (["--port", "65536"], "--port 65536 is no port"), (["--port", "0"], "--port 0 is no port"),
    (["-v"], "unknown argument -v"), (["x"], "unknown argument x"),
  ]) func wrongArgumentsAreNamed(_ arguments: [String], _ message: String) {
    let problem = #expect(throws: Problem.self) { try NameServiceOptions(arguments) }
    #expect(problem?.message == message)
    #expect(problem?.code == .invalid)
  }

  @Test(arguments: ["", ".", "a..b", ".a", "a.", String(repeating: "a", count: 64)]) func whatIsNoName(_ text: String) {
    #expect(DomainName.wire(text) == nil)
  }
}
