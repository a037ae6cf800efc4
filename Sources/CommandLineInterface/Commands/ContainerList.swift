import Engine
import Glibc
import JSON
import Networking
import Problems

/// `berth ps`, `berth container ls`.
struct ContainerList: Command {
  var query = ListQuery()
  var format: String?
  var truncates = true
  var headings = true
  var quiet = false
  var sort = SortKey.created
  var namespaces = false
  var watchSeconds: Int?
  var given: [String] = []
  init() {}

  enum SortKey: String, CaseIterable {
    case command, created, id, image, names, runningfor, size, status
  }

  static var about: About { About("ls", "List containers", aliases: ["list", "ps"]) }
  static var flags: [Flag<Self>] {
    [
      .toggle("all", "a", "Stopped ones, too") { $0.query.all = $1 },
      .value(
        "filter", "f", "key=value",
        "Only those that match: id, name, label, status, ancestor, volume, exited, before, since, until"
      ) {
        $0.query.filters.append(try ListFilter(flag: $1))
      },
      .value("format", "template", "json, a Go template, or 'table' and a Go template") { $0.format = $1 },
      .value("last", "n", "count", "Only the newest, running or not; -1 is all") {
        let count = try number($1, "--last", -1...Int.max)
        $0.query.last = count < 0 ? nil : count
      },
      .toggle("latest", "l", "Only the newest, running or not") { $0.query.last = $1 ? 1 : nil },
      .toggle("no-trunc", "Show IDs and commands in full") { $0.truncates = !$1 },
      .toggle("noheading", "Leave out the headings") { $0.headings = !$1 },
      .toggle("quiet", "q", "Only IDs") { $0.quiet = $1 },
      .toggle("ns", "Show the namespaces of their processes") { $0.namespaces = $1 },
      .toggle("size", "s", "Show sizes") { $0.query.sizes = $1 },
      .toggle("external", "Those of other programs in this store, too; there never are any") { _, _ in },
      .toggle("sync", "Ask the kernel how they are; Berth always does") { _, _ in },
      .value("watch", "w", "seconds", "Show the list again and again, until interrupted") {
        $0.watchSeconds = try number($1, "--watch", 1...Int(Int32.max))
      },
      .pending("pod", "p", value: false),
      .value("sort", "key", "Order: \(sortNames.joined(separator: ", "))", completion: .words(sortNames)) {
        guard let key = SortKey(rawValue: $1) else { throw choice("--sort", $1, sortNames) }
        $0.sort = key
      },
    ]
  }
  private static var sortNames: [String] { SortKey.allCases.map(\.rawValue) }

  func run(_ context: Context) throws(Problem) -> Int32 {
    if namespaces, query.sizes {
      throw Problem(code: .invalid, message: "--ns and --size exclude each other", hint: "See 'berth ps --help'")
    }
    let engine = try context.engine()
    try show(engine, context)
    guard let watchSeconds else { return 0 }
    while !context.output.failed {
      context.output.flush()
      sleep(UInt32(watchSeconds))
      if context.output.isTerminal { context.output.write("\u{1B}[H\u{1B}[J") }
      try show(engine, context)
    }
    return 0
  }

  private func show(_ engine: Engine, _ context: Context) throws(Problem) {
    let containers = sorted(try engine.list(query))
    if quiet {
      for container in containers { context.output.line(shortened(container.id)) }
      return
    }
    let list = namespaces ? namespaceListing(containers) : listing(containers, now: HumanText.now())
    context.output.write(try list.text(format: format, headings: headings))
  }

  func shortened(_ id: String) -> String { truncates ? String(id.prefix(12)) : id }

  private func sorted(_ containers: [ContainerSummary]) -> [ContainerSummary] {
    switch sort {
    case .created, .runningfor: containers
    case .command: containers.sorted { $0.command.joined(separator: " ") < $1.command.joined(separator: " ") }
    case .id: containers.sorted { $0.id < $1.id }
    case .image: containers.sorted { $0.image < $1.image }
    case .names: containers.sorted { $0.name < $1.name }
    case .size: containers.sorted { ($0.sizes?.rootfsBytes ?? 0) < ($1.sizes?.rootfsBytes ?? 0) }
    case .status: containers.sorted { $0.state.rawValue < $1.state.rawValue }
    }
  }

  /// The rows as a table, templates and JSON show them. Source: podman ps 4.3, its headings and its JSON.
  func listing(_ containers: [ContainerSummary], now: Int64) -> Listing {
    var columns: [Listing.Column] = [
      .init("ID", "CONTAINER ID"), .init("Image", "IMAGE"), .init("Command", "COMMAND"), .init("RunningFor", "CREATED"),
      .init("Status", "STATUS"), .init("Ports", "PORTS"), .init("Names", "NAMES"),
    ]
    let size = Listing.Column("Size", "SIZE")
    if query.sizes { columns.append(size) }
    let named = RowFormat(format)
    return Listing(
      columns: columns,
      otherHeaders: [
        size, .init("CreatedAt", "CREATED AT"), .init("CreatedHuman", "CREATED"), .init("Created", "CREATED"),
        .init("ImageID", "IMAGE ID"), .init("ExitCode", "EXIT CODE"), .init("StartedAt", "STARTED AT"),
        .init("ExitedAt", "EXITED AT"), .init("AutoRemove", "AUTO REMOVE"),
      ],
      rows: named == .json ? [] : containers.map { row(of: $0, now: now, whole: named != .table(nil)) },
      document: named == .json ? .array(containers.map { $0.document(now: now) }) : .null)
  }

  /// - Parameter whole: all the fields, for a template; else those of the table.
  private func row(of container: ContainerSummary, now: Int64, whole: Bool) -> JSON {
    let command = container.command.joined(separator: " ")
    let age = HumanText.age(of: container.created, now: now)
    var row = JSON.Object([
      ("ID", .string(shortened(container.id))),
      ("Image", .string(container.image)),
      ("Command", .string(truncates ? HumanText.cut(command, to: 17) : command)),
      ("RunningFor", .string(age)),
      ("Status", .string(container.status(now: now))),
      ("Ports", .string(PortText.text(container.ports))),
      ("Names", .string(container.name)),
      ("Size", .string(container.sizes?.text ?? "")),
    ])
    if !whole { return .object(row) }
    row["CreatedHuman"] = .string(age)
    row["Created"] = .string(HumanText.goTime(container.created))
    row["CreatedAt"] = .string(HumanText.goTime(container.created))
    row["ImageID"] = .string(shortened(container.imageID))
    row["State"] = .string(container.stateWord)
    row["Pid"] = JSON(container.pid)
    row["ExitCode"] = JSON(container.exitCode)
    row["Exited"] = JSON(container.state == .exited || container.state == .stopped)
    row["StartedAt"] = JSON(container.startedAt / 1_000_000_000)
    row["ExitedAt"] = JSON(container.finishedAt / 1_000_000_000)
    row["Labels"] = container.labelsJSON
    row["Mounts"] = JSON(container.mounts)
    row["AutoRemove"] = JSON(container.autoRemove)
    row["Networks"] = .string(container.networks.joined(separator: ","))
    putNamespaces(of: container, into: &row)
    // Berth has no pods.
    for name in ["Pod", "PodName"] { row[name] = "" }
    row["IsInfra"] = false
    return .object(row)
  }
}

/// `berth ps`.
struct ContainerListShort: Renamed {
  var original = ContainerList()
  init() {}
  static var about: About { About("ps", "List containers") }
}

extension ContainerSizes {
  fileprivate var text: String { "\(HumanText.size(writableBytes)) (virtual \(HumanText.size(rootfsBytes)))" }
}

extension ContainerSummary {
  /// "Up 2 minutes ago", "Exited (0) 3 seconds ago", "Created". Source: podman ps 4.3.
  fileprivate func status(now: Int64) -> String {
    switch state {
    case .running: "Up " + HumanText.age(of: startedAt, now: now)
    case .paused: "Paused"
    case .exited, .stopped: "Exited (\(exitCode)) " + HumanText.age(of: finishedAt, now: now)
    case .configured: "Created"
    case .created: "Initialized"
    case .stopping: "Stopping"
    case .removing: "Removing"
    case .unknown: "Unknown"
    }
  }

  /// podman's words, as `inspect` has them.
  fileprivate var stateWord: String {
    switch state {
    case .configured: "created"
    case .created: "initialized"
    case .running, .paused, .stopping, .stopped, .exited, .removing, .unknown: state.rawValue
    }
  }

  fileprivate var labelsJSON: JSON {
    .object(JSON.Object(labels.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
  }

  fileprivate static func document(of run: (first: PublishedPort, count: UInt16)) -> JSON {
    let port = run.first
    return [
      "host_ip": .string(port.shownHost?.description ?? ""), "container_port": JSON(port.containerPort),
      "host_port": JSON(port.hostPort), "range": JSON(run.count), "protocol": .string(port.transport.rawValue),
    ]
  }

  /// One element of `ps --format json`.
  fileprivate func document(now: Int64) -> JSON {
    let size: JSON = sizes.map { ["rootFsSize": JSON($0.rootfsBytes), "rwSize": JSON($0.writableBytes)] } ?? .null
    return [
      "AutoRemove": JSON(autoRemove),
      "Command": JSON(command),
      "CreatedAt": .string(HumanText.age(of: created, now: now)),
      "Exited": JSON(state == .exited || state == .stopped),
      "ExitedAt": JSON(finishedAt / 1_000_000_000),
      "ExitCode": JSON(exitCode),
      "Id": .string(id),
      "Image": .string(image),
      "ImageID": .string(imageID),
      "IsInfra": false,
      "Labels": labels.isEmpty ? .null : labelsJSON,
      "Mounts": JSON(mounts),
      "Names": [.string(name)],
      "Namespaces": [:],
      "Networks": JSON(networks),
      "Pid": JSON(pid),
      "Pod": "",
      "PodName": "",
      "Ports": ports.isEmpty ? .null : .array(PortText.runs(ports).map(Self.document(of:))),
      "Size": size,
      "StartedAt": JSON(startedAt / 1_000_000_000),
      "State": .string(stateWord),
      "Status": .string(status(now: now)),
      "Created": JSON(created / 1_000_000_000),
    ]
  }
}
