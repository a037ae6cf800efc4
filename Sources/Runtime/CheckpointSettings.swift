import CSys
import Glibc
import Problems
import RuntimeSpec
import Sys

/// What the flags of `checkpoint` and `restore` say.
struct CheckpointSettings {
  var imagePath = "checkpoint"
  /// Where CRIU's log goes; nil is the image directory.
  var workPath: String?
  /// A checkpoint made before, relative to the image directory: only what has changed since is dumped.
  var parentPath: String?
  var leavesRunning = false
  var isPreDump = false
  var establishedConnections = false
  var skipsInFlight = false
  var linkRemap = false
  var externalUnixSockets = false
  var shellJob = false
  var fileLocks = false
  var deduplicates = false
  var cgroupMode = CriuCgroupMode.standard
  var pageServer: (address: String, port: Int32)?
  /// Memory stays behind: at a dump CRIU serves it to who asks, at a restore `criu lazy-pages` fetches what is touched.
  var lazyPages = false
  /// Gets a zero byte once CRIU serves the pages; -1 tells nobody.
  var statusDescriptor: CInt = -1
  var securityProfile: String?
  var securityMountContext: String?
  /// `--criu`: the program; nil searches PATH.
  var program: String?

  private static let common = [
    "image-path=", "work-path=", "tcp-established", "ext-unix-sk", "shell-job", "file-locks", "manage-cgroups-mode=",
    "empty-ns=", "auto-dedup", "lazy-pages",
  ]
  static let checkpointGrammar =
    common + [
      "parent-path=", "leave-running", "pre-dump", "tcp-skip-in-flight", "link-remap", "page-server=", "status-fd=",
    ]
  static let restoreGrammar =
    common + [
      "bundle|b=", "detach|d", "pid-file=", "console-socket=", "no-pivot", "no-subreaper", "lsm-profile=",
      "lsm-mount-context=",
    ]

  init(_ flags: Flags, program: String?) throws(Problem) {
    if flags.has("no-pivot") {
      throw Problem(
        code: .unsupported, message: "--no-pivot: CRIU itself changes the root, by pivot_root",
        hint: "leave it out")
    }
    self.program = program
    if let path = flags["image-path"], !path.isEmpty { imagePath = path }
    workPath = flags["work-path"].flatMap { $0.isEmpty ? nil : $0 }
    leavesRunning = flags.has("leave-running")
    isPreDump = flags.has("pre-dump")
    establishedConnections = flags.has("tcp-established")
    skipsInFlight = flags.has("tcp-skip-in-flight")
    linkRemap = flags.has("link-remap")
    externalUnixSockets = flags.has("ext-unix-sk")
    shellJob = flags.has("shell-job")
    fileLocks = flags.has("file-locks")
    deduplicates = flags.has("auto-dedup")
    lazyPages = flags.has("lazy-pages")
    securityProfile = flags["lsm-profile"]
    securityMountContext = flags["lsm-mount-context"]
    try readCgroupMode(flags["manage-cgroups-mode"])
    try readParent(flags["parent-path"])
    try readPageServer(flags["page-server"])
    try readStatusDescriptor(try flags.integer("status-fd"))
    for kind in flags.all("empty-ns") where kind != "network" {
      throw Problem(code: .unsupported, message: "--empty-ns: namespace \"\(kind)\" is not supported, only network is")
    }
  }

  private mutating func readCgroupMode(_ name: String?) throws(Problem) {
    guard let name, !name.isEmpty else { return }
    guard let mode = CriuCgroupMode(name: name) else {
      throw Problem(
        code: .invalid, message: "--manage-cgroups-mode is soft, full, strict or ignore, not \"\(name)\"")
    }
    cgroupMode = mode
  }

  private mutating func readParent(_ path: String?) throws(Problem) {
    guard let path, !path.isEmpty else { return }
    if path.hasPrefix("/") {
      throw Problem(code: .invalid, message: "--parent-path must be relative to --image-path, not \"\(path)\"")
    }
    parentPath = path
  }

  private mutating func readStatusDescriptor(_ number: CInt?) throws(Problem) {
    guard let number else { return }
    guard lazyPages else {
      throw Problem(code: .invalid, message: "--status-fd tells that pages are served: it needs --lazy-pages")
    }
    let mode = csys_fcntl(number, F_GETFL, 0)
    guard mode >= 0, [O_WRONLY, O_RDWR].contains(mode & O_ACCMODE) else {
      throw Problem(code: .invalid, message: "--status-fd: \(number) is no descriptor that can be written")
    }
    _ = csys_fcntl(number, F_SETFD, Int(FD_CLOEXEC))  // who waits for its end must not wait for CRIU's
    statusDescriptor = number
  }

  private mutating func readPageServer(_ text: String?) throws(Problem) {
    guard let text else { return }
    guard let colon = text.lastIndex(of: ":"), let port = Int32(text[text.index(after: colon)...]), port > 0,
      colon != text.startIndex
    else { throw Problem(code: .invalid, message: "--page-server is ADDRESS:PORT, not \"\(text)\"") }
    pageServer = (String(text[..<colon]), port)
  }
}
