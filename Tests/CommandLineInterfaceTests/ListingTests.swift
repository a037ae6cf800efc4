import JSON
import Problems
import Testing

@testable import CommandLineInterface
@testable import Engine
@testable import ImageStore

private let second: Int64 = 1_000_000_000
private let now: Int64 = 1_795_236_600 * second

private func container(_ id: Character, _ name: String, _ state: ContainerState) -> ContainerSummary {
  ContainerSummary(
    id: String(repeating: id, count: 64), name: name, image: "docker.io/library/busybox:latest",
    imageID: String(repeating: "f", count: 64), command: ["sleep", "1000", "and", "more", "arguments"],
    created: now - 120 * second, state: state, exitCode: state == .exited ? 3 : 0, pid: state == .running ? 42 : 0,
    startedAt: now - 60 * second, finishedAt: state == .exited ? now - 5 * second : 0, labels: ["a": "b"],
    mounts: ["/data"], autoRemove: false, sizes: ContainerSizes(writableBytes: 0, rootfsBytes: 1_980_000))
}
private let two = [container("1", "web", .running), container("2", "batch", .exited)]

/// covers LP-31, LP-33, PD-62
@Suite struct ListingTests {
  private func text(_ configure: (inout ContainerList) -> Void) throws -> String {
    var list = ContainerList()
    configure(&list)
    return try list.listing(two, now: now).text(format: list.format, headings: list.headings)
  }

  /// The form of podman 4.3's `ps -a`.
  @Test func table() throws {
    #expect(
      try text { _ in } == """
        CONTAINER ID  IMAGE                             COMMAND               CREATED        STATUS                    PORTS       NAMES
        111111111111  docker.io/library/busybox:latest  sleep 1000 and mo...  2 minutes ago  Up About a minute ago                 web
        222222222222  docker.io/library/busybox:latest  sleep 1000 and mo...  2 minutes ago  Exited (3) 5 seconds ago              batch

        """)
    let full = try text {
      $0.truncates = false
      $0.headings = false
      $0.query.sizes = true
    }
    #expect(full.hasPrefix(String(repeating: "1", count: 64) + "  docker.io"))
    #expect(full.contains("sleep 1000 and more arguments") && full.contains("0B (virtual 1.98MB)\n"))
  }

  @Test(arguments: [
    ("{{.Names}}", "web\nbatch\n"),
    ("{{.ID}}\\t{{.State}}", "111111111111\trunning\n222222222222\texited\n"),
    ("table {{.ID}}\\t{{.Names}}", "CONTAINER ID  NAMES\n111111111111  web\n222222222222  batch\n"),
    ("table {{.ID}} {{.Pid}}", "CONTAINER ID  PID\n111111111111  42\n222222222222  0\n"),
    ("{{.Labels}} {{.Label \"a\"}} {{.Mounts}} {{.ExitCode}}", "map[a:b] b [/data] 0\nmap[a:b] b [/data] 3\n"),
    ("{{json .Names}}", "\"web\"\n\"batch\"\n"),
    ("{{upper .Names}}{{\"\\t\"}}x", "WEB\tx\nBATCH\tx\n"),
  ]) func formats(_ format: String, _ wanted: String) throws {
    #expect(try text { $0.format = format } == wanted)
  }

  @Test func json() throws {
    let document = try JSON.parse(try text { $0.format = "json" })
    #expect(document.array?.count == 2)
    let first = document.array?[0]
    #expect(first?["Id"]?.string?.count == 64 && first?["Names"] == ["web"] && first?["Pid"] == 42)
    #expect(first?["Command"]?.array?.count == 5 && first?["Labels"]?["a"] == "b" && first?["State"] == "running")
  }

  @Test func wrongFormatsSayWhere() {
    let problem = #expect(throws: Problem.self) { _ = try text { $0.format = "{{.Nope}}" } }
    #expect(problem?.description.contains("--format: at character 3: no field 'Nope': it has ID, Image") == true)
    #expect(problem?.exitStatus == 125)
    #expect(throws: Problem.self) { _ = try text { $0.format = "{{.Names" } }
  }

  @Test func images() throws {
    let image = ImageSummary(
      id: String(repeating: "a", count: 64), repository: "localhost/bb", tag: "latest", digest: "sha256:c5",
      created: now - 3 * 3600 * second, size: 1_987_655, names: ["localhost/bb:latest"], repoDigests: [], labels: [:],
      architecture: "amd64", os: "linux", containers: 0, isDangling: false)
    var list = ImageList()
    #expect(
      try list.listing([image], now: now).text(format: nil, headings: true) == """
        REPOSITORY    TAG         IMAGE ID      CREATED      SIZE
        localhost/bb  latest      aaaaaaaaaaaa  3 hours ago  1.99 MB

        """)
    list.digests = true
    #expect(try list.listing([image], now: now).text(format: nil, headings: false).contains("sha256:c5   aaaaaaaaaaaa"))
    #expect(
      try list.listing([image], now: now).text(format: "{{.Repository}}:{{.Tag}} {{.Size}}", headings: true)
        == "localhost/bb:latest 1.99 MB\n")
  }

  @Test func anEmptyListHasHeadings() throws {
    var list = ContainerList()
    list.format = "json"
    #expect(try list.listing([], now: now).text(format: "json", headings: true) == "[]\n")
    list.format = nil
    let listing = list.listing([], now: now)
    #expect(
      try listing.text(format: nil, headings: true)
        == "CONTAINER ID  IMAGE       COMMAND     CREATED     STATUS      PORTS       NAMES\n")
    #expect(try listing.text(format: "{{.ID}}", headings: true) == "")
  }
}

@Suite struct HumanTextTests {
  @Test(
    arguments: [
      (0, "Less than a second"), (1, "1 second"), (59, "59 seconds"), (60, "About a minute"), (119, "About a minute"),
      (120, "2 minutes"), (3599, "59 minutes"), (3600, "About an hour"), (5400, "2 hours"), (86400, "24 hours"),
      (2 * 86400, "2 days"), (15 * 86400, "2 weeks"), (70 * 86400, "2 months"), (800 * 86400, "2 years"),
    ] as [(Int64, String)]) func durations(_ seconds: Int64, _ text: String)
  {
    #expect(HumanText.duration(seconds: seconds) == text)
  }

  @Test(
    arguments: [
      (0, "0B"), (999, "999B"), (1000, "1kB"), (1234, "1.23kB"), (12_345, "12.3kB"), (123_456, "123kB"),
      (999_999, "1MB"),
      (1_980_000, "1.98MB"), (2_000_000_000, "2GB"), (5_368_709_120, "5.37GB"),
    ] as [(Int64, String)]) func sizes(_ bytes: Int64, _ text: String)
  { #expect(HumanText.size(bytes) == text) }

  @Test func times() {
    #expect(HumanText.goTime(1_795_236_531_733_220_033) == "2026-11-21 04:48:51.733220033 +0000 UTC")
    #expect(HumanText.rfc3339(1_795_236_531_500_000_000) == "2026-11-21T04:48:51.5Z")
    #expect(HumanText.rfc3339(0) == "1970-01-01T00:00:00Z")
  }

  @Test func outline() {
    let document: JSON = ["host": ["arch": "amd64", "cpus": 2, "list": ["a", "b"], "none": []], "version": "0.1"]
    #expect(
      Outline.text(of: document)
        == "host:\n  arch: amd64\n  cpus: 2\n  list:\n  - a\n  - b\n  none: []\nversion: \"0.1\"\n")
  }

  @Test func bars() {
    let digest = "sha256:0123456789abcdef"
    func bar(_ bytes: Int64, columns: Int) -> String {
      PullProgress.bar(digest, .fetching(bytes: bytes, total: 100), columns: columns)
    }
    #expect(bar(50, columns: 43) == "Layer 0123456789ab [=====>    ] 50B / 100B")
    #expect(bar(100, columns: 39) == "Layer 0123456789ab [=====] 100B / 100B")
    #expect(bar(200, columns: 39) == "Layer 0123456789ab [=====] 200B / 100B", "more than was said")
    #expect(bar(50, columns: 35) == "Layer 0123456789ab 50B / 100B", "no room for a bar")
    #expect(PullProgress.bar(digest, .exists) == "Layer 0123456789ab is there already")
    for columns in 1...120 {
      for state in [.fetching(bytes: 1 << 30, total: 3 << 30), .done(total: 1 << 30), .exists, .waiting]
        as [ImageProgress.LayerState]
      {
        #expect(PullProgress.bar(digest, state, columns: columns).count < columns, "no line may wrap")
      }
    }
  }
}
