import Problems
import Testing

@testable import Engine

// covers LP-23, BX-10, BX-11
@Suite struct EnvironmentTests {
  @Test func laterValuesWinInPlace() throws {
    var list = EnvironmentList(["PATH=/bin", "A=image"])
    try list.apply(
      ["A=user", "B=x=y", "HOSTVAR", "MISSING", "PRE*"], host: ["HOSTVAR=h", "PREFIX=1", "OTHER=2"], flag: "--env")
    #expect(list.entries == ["PATH=/bin", "A=user", "B=x=y", "HOSTVAR=h", "PREFIX=1"])
    list.setDefault("A", "default")
    #expect(list["A"] == "user" && list["NONE"] == nil)
  }
  @Test(arguments: ["", "=x"]) func badWords(_ word: String) {
    #expect(
      problem { () throws(Problem) in
        var list = EnvironmentList()
        try list.apply([word], host: [], flag: "--env")
      }?.code == .invalid)
  }
  @Test func files() throws {
    let text = "# comment\n\n  A=1\nB= spaces stay \nNAME\r\nQ=\"q\"\n"
    #expect(try EnvironmentList.words(ofFile: text, path: "f") == ["A=1", "B= spaces stay ", "NAME", "Q=\"q\""])
    let bad = problem { () throws(Problem) in _ = try EnvironmentList.words(ofFile: "A=1\nBAD NAME=2\n", path: "f") }
    #expect(bad?.message.contains("line 2") == true)
  }
}

// covers PD-120, LP-38
@Suite struct AccountTests {
  let accounts = Accounts(
    passwd:
      "root:x:0:0:root:/root:/bin/sh\n# note\nbroken\nweb:x:33:33:Web:/var/www:/bin/false\n0day:x:77:78::/d:\nnogecos:x:5:5\n",
    group: "root:x:0:\nweb:x:33:\nadm:x:4:web,root\nextra:x:2000:web\n:x:9:\n")

  @Test func people() throws {
    #expect(
      try accounts.resolve(user: "", groupAdd: [])
        == ProcessIdentity(uid: 0, gid: 0, groups: [4], home: "/root", name: "root"))
    #expect(try accounts.resolve(user: "web", groupAdd: []).groups == [4, 2000])
    #expect(try accounts.resolve(user: "33", groupAdd: []).home == "/var/www")
    #expect(try accounts.resolve(user: "1234", groupAdd: []) == ProcessIdentity(uid: 1234, gid: 0))
    #expect(try accounts.resolve(user: "0day", groupAdd: []).uid == 77)
    let explicit = try accounts.resolve(user: "web:adm", groupAdd: ["extra", "3000", "extra"])
    #expect(explicit.gid == 4 && explicit.groups == [2000, 3000])
    #expect(try accounts.resolve(user: "1:2", groupAdd: []) == ProcessIdentity(uid: 1, gid: 2))
  }
  @Test(arguments: ["nobody", "web:nosuch", "-1", "2147483648", "web:4294967296", "web:"]) func strangers(
    _ user: String
  ) {
    #expect(problem { () throws(Problem) in _ = try accounts.resolve(user: user, groupAdd: []) }?.code == .invalid)
  }
  @Test func emptyFilesKnowRootOnly() throws {
    let empty = Accounts(passwd: "", group: "")
    #expect(try empty.resolve(user: "", groupAdd: []) == ProcessIdentity())
    #expect(problem { () throws(Problem) in _ = try empty.resolve(user: "root", groupAdd: []) }?.code == .invalid)
  }
}

@Suite struct TimestampTests {
  @Test(
    arguments: [
      ("1970-01-01T00:00:00Z", 0), ("2026-11-21T04:00:00.123456789Z", 1_795_233_600_123_456_789),
      ("2026-11-21T06:00:00+02:00", 1_795_233_600_000_000_000),
      ("2024-02-29", 1_709_164_800_000_000_000), ("1969-12-31T23:59:59Z", -1_000_000_000),
    ] as [(String, Int64)])
  func parse(_ text: String, _ nanoseconds: Int64) { #expect(Timestamp.parse(text) == nanoseconds) }
  @Test func roundTrip() {
    for value in [1, 1_795_233_600_123_456_789, 951_782_400_000_000_000, 4_102_444_799_999_999_999] as [Int64] {
      #expect(Timestamp.parse(Timestamp.text(value)) == value)
    }
  }
  @Test(arguments: ["", "2026", "2026-13-01", "2026-11-21T25:00:00Z", "2026-11-21Tx", "2026-11-21T04:00:00+2"])
  func nonsense(_ text: String) {
    #expect(Timestamp.parse(text) == nil)
  }
  @Test func whatUsersSay() throws {
    #expect(try Timestamp.parse(user: "10m", now: 1_000_000_000_000, flag: "--since") == 400_000_000_000)
    #expect(try Timestamp.parse(user: "5", now: 0, flag: "--since") == 5_000_000_000)
    #expect(Timestamp.duration("1h30m") == 5_400_000_000_000)
    #expect(
      problem { () throws(Problem) in _ = try Timestamp.parse(user: "soon", now: 0, flag: "--since") }?.code == .invalid
    )
  }
}
