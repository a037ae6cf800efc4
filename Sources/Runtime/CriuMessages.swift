import RuntimeSpec

/// What CRIU is asked to do. Field numbers: criu, images/rpc.proto.
enum CriuTask: UInt64 {
  case dump = 1, restore = 2, preDump = 4
}

/// How CRIU treats cgroups. Source: criu(8), `--manage-cgroups`.
enum CriuCgroupMode: UInt64 {
  case ignore = 0, soft = 3, full = 4, strict = 5, standard = 6

  init?(name: String) {
    switch name {
    case "ignore": self = .ignore
    case "soft": self = .soft
    case "full": self = .full
    case "strict": self = .strict
    default: return nil
    }
  }
}

/// One request; the first message to `criu swrk`.
struct CriuRequest {
  var task: CriuTask
  var settings: CheckpointSettings
  /// Descriptors of this process.
  var imageDirectory: CInt = -1, workDirectory: CInt = -1
  var pid: Int32?
  var root = ""
  var logFile = ""
  var freezerPath: String?
  var configurationFile: String?
  /// Mounts and namespaces that stay outside: "mnt[/data]:/data", "net[4026531840]:extRootNetNS".
  var externals: [String] = []
  /// Descriptors of the CRIU process that take the place of what was outside at the dump.
  var inherited: [(key: String, descriptor: Int32)] = []
  var joined: [(kind: String, path: String)] = []
  var cgroupRoots: [(controllers: String, path: String)] = []

  var bytes: [UInt8] {
    var message = ProtobufWriter()
    message.put(1, task.rawValue)
    message.put(2) { options(&$0) }
    return message.bytes
  }

  private enum Level { static let debug: Int32 = 4 }

  private func options(_ message: inout ProtobufWriter) {
    message.put(1, imageDirectory)
    if let pid { message.put(2, pid) }
    flags(&message)
    message.put(9, Level.debug)
    message.put(10, logFile)
    if let server = settings.pageServer {
      message.put(11) {
        $0.put(1, server.address)
        $0.put(2, server.port)
      }
    }
    message.put(12, true)  // notices, so that hooks and the terminal get their turn
    message.put(13, root)
    if let parent = settings.parentPath { message.put(14, parent) }
    if workDirectory >= 0 { message.put(17, workDirectory) }
    message.put(24, true)
    for entry in cgroupRoots {
      message.put(25) {
        $0.put(1, entry.controllers)
        $0.put(2, entry.path)
      }
    }
    for entry in inherited {
      message.put(27) {
        $0.put(1, entry.key)
        $0.put(2, entry.descriptor)
      }
    }
    message.put(34, settings.cgroupMode.rawValue)
    for external in externals { message.put(37, external) }
    // Network devices are the engine's: the namespace comes back empty and hooks fill it.
    message.put(38, NamespaceKind.network.cloneFlag ?? 0)
    for entry in joined {
      message.put(39) {
        $0.put(1, entry.kind)
        $0.put(2, entry.path)
      }
    }
    if let freezerPath { message.put(44, freezerPath) }
    if let configurationFile { message.put(51, configurationFile) }
    if let profile = settings.securityProfile { message.put(53, profile) }
    if let context = settings.securityMountContext { message.put(63, context) }
  }

  private func flags(_ message: inout ProtobufWriter) {
    message.put(3, settings.leavesRunning)
    message.put(4, settings.externalUnixSockets)
    message.put(5, settings.establishedConnections)
    if task == .restore { message.put(6, true) }  // any path to a device will do
    message.put(7, settings.shellJob)
    message.put(8, settings.fileLocks)
    message.put(15, task == .preDump || settings.parentPath != nil)  // memory is tracked between the dumps
    message.put(16, settings.deduplicates)
    message.put(18, settings.linkRemap)
    if task == .restore { message.put(26, true) }  // the container becomes our child, not CRIU's
    message.put(46, settings.skipsInFlight)
    message.put(48, settings.lazyPages)
    message.put(50, true)  // the terminal's master was outside: it comes back with a notice
  }

  /// The answer to a notice: go on.
  static let proceed: [UInt8] = {
    var message = ProtobufWriter()
    message.put(1, CriuResponse.notice)
    message.put(3, true)
    return message.bytes
  }()
}

/// One answer of CRIU, or a notice in between.
struct CriuResponse {
  static let notice: UInt64 = 6

  var type: UInt64 = 0
  var isSuccess = false
  /// The restored init, on a restore.
  var pid: Int32?
  /// A notice's name and the process it is about.
  var script: String?
  var errno: Int32 = 0
  var message: String?

  /// CRIU could not even answer.
  init(failure: String) { message = failure }

  init?(bytes: [UInt8]) {
    var reader = ProtobufReader(bytes[...])
    do throws(ProtobufReader.Malformed) {
      while let (field, value) = try reader.next() {
        switch field {
        case 1: type = value.number ?? 0
        case 2: isSuccess = value.bool ?? false
        case 4: pid = try Self.field(1, of: value.message)?.int32
        case 5:
          script = try Self.field(1, of: value.message)?.text
          pid = try Self.field(2, of: value.message)?.int32
        case 7: errno = value.int32 ?? 0
        case 9: message = value.text
        default: break
        }
      }
    } catch { return nil }
  }
  private static func field(
    _ wanted: UInt64, of message: ArraySlice<UInt8>?
  ) throws(ProtobufReader.Malformed) -> ProtobufReader.Value? {
    guard let message else { return nil }
    var reader = ProtobufReader(message)
    while let (field, value) = try reader.next() {
      if field == wanted { return value }
    }
    return nil
  }
}
