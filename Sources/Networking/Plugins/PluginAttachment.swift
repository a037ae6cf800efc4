public import JSON
public import Problems
import Sys

/// What ties one container to a network of plugins: all that is needed to undo it, whatever becomes of the files.
/// Source: CNI specification 1.0.0, section 3.
public struct PluginAttachment: Hashable, Sendable {
  public var list: PluginList
  public let directories: PluginDirectories
  /// The container's ID.
  public let container: String
  /// In the container.
  public let interface: String
  /// Path of the network namespace.
  public let namespace: String
  /// CNI_ARGS: `KEY=VALUE` each.
  public var arguments: [String]
  /// What can be told at run time, by capability.
  public var known: JSON.Object
  /// What the plugins have said so far.
  public private(set) var result: JSON?
  /// Whether all of them have.
  public private(set) var isComplete = false

  public init(
    list: PluginList, directories: PluginDirectories, container: String, interface: String, namespace: String,
    arguments: [String], known: JSON.Object
  ) {
    self.list = list
    self.directories = directories
    self.container = container
    self.interface = interface
    self.namespace = namespace
    self.arguments = arguments
    self.known = known
  }

  /// Runs ADD of each plugin in turn.
  /// - Parameters:
  ///   - lock: see `PluginProgram.run`.
  ///   - save: keeps this value, before the first plugin runs and after each: what a killed command leaves is
  ///     undone with what is kept.
  package mutating func add(holding lock: CInt? = nil, _ save: (PluginAttachment) throws(Problem) -> Void)
    throws(Problem) -> PluginResult
  {
    let programs = try self.programs()
    if list.version > .v100 { list.version = try spokenByAll(programs) }
    try keep(save)
    for (plugin, program) in zip(list.plugins, programs) {
      let answer = try program.run(
        .add, input: list.input(of: plugin, known: known, previous: result), variables: variables(), held: lock)
      let json: JSON
      do throws(JSON.ParseError) { json = try JSON.parse(answer) } catch {
        throw Problem(code: .invalid, message: "\(program.title): its result", cause: error)
      }
      // Checked before anybody else has to read it.
      _ = try PluginResult(json, interface: interface, source: program.title)
      result = json
      try keep(save)
    }
    isComplete = true
    try keep(save)
    return try outcome()
  }
  private func keep(_ save: (PluginAttachment) throws(Problem) -> Void) throws(Problem) {
    guard PluginAttachment(text: text) == self else {
      throw Problem(
        code: .invalid, message: "CNI network \(list.name): its configuration or a plugin's result is nested too deeply"
      )
    }
    try save(self)
  }

  /// What the plugins made. - Throws: `.invalid` before `add`.
  public func outcome() throws(Problem) -> PluginResult {
    try PluginResult(result ?? .null, interface: interface, source: "CNI network \(list.name)")
  }

  /// Whether there is a CHECK that could say that all is as it was made.
  public var canBeChecked: Bool { isComplete && list.version.hasCheck && !list.disablesCheck }
  /// Runs CHECK of each plugin in turn. - Throws: what a plugin found wrong.
  public func check() throws(Problem) {
    for (plugin, program) in zip(list.plugins, try programs()) {
      _ = try program.run(
        .check, input: list.input(of: plugin, known: known, previous: result), variables: variables())
    }
  }

  /// Runs DEL of each plugin, the last one first; goes on after a failure.
  /// - Parameter namespaceIsThere: false where it has gone with the container: plugins are told so.
  /// - Throws: the first failure.
  package func delete(namespaceIsThere: Bool, holding lock: CInt? = nil) throws(Problem) {
    var first: Problem?
    for plugin in list.plugins.reversed() {
      do throws(Problem) {
        let program = try program(of: plugin)
        let previous = list.version.hasCheck ? result : nil
        _ = try program.run(
          .delete, input: list.input(of: plugin, known: known, previous: previous),
          variables: variables(namespaceIsThere: namespaceIsThere), held: lock)
      } catch { first = first ?? error }
    }
    if let first { throw first }
  }

  private func variables(namespaceIsThere: Bool = true) -> [String] {
    [
      "CNI_CONTAINERID=\(container)", "CNI_NETNS=\(namespaceIsThere ? namespace : "")", "CNI_IFNAME=\(interface)",
      "CNI_ARGS=\(arguments.joined(separator: ";"))", "CNI_PATH=\(directories.paths.joined(separator: ":"))",
    ]
  }
  private func programs() throws(Problem) -> [PluginProgram] {
    var result: [PluginProgram] = []
    for plugin in list.plugins { result.append(try program(of: plugin)) }
    return result
  }
  private func program(of plugin: PluginList.Plugin) throws(Problem) -> PluginProgram {
    PluginProgram(
      path: try directories.program(plugin.type, network: list.name),
      title: "CNI plugin \(plugin.type) of network \(list.name)")
  }

  /// The newest version, not newer than the configuration's, that all plugins say they speak.
  private func spokenByAll(_ programs: [PluginProgram]) throws(Problem) -> PluginVersion {
    var common = Set(PluginVersion.allCases.filter { $0 <= list.version })
    for program in programs {
      let answer = try program.run(
        .version, input: ["cniVersion": .string(list.version.rawValue)], variables: variables(namespaceIsThere: false))
      let spoken = (try? JSON.parse(answer))?["supportedVersions"]?.strings ?? []
      common.formIntersection(spoken.compactMap(PluginVersion.init(rawValue:)))
      guard !common.isEmpty else {
        throw Problem(
          code: .unsupported,
          message: "\(program.title) speaks no version that the network's other plugins and Berth speak",
          hint: "it says it speaks: \(spoken.prefix(16).joined(separator: ", ").prefix(256))")
      }
    }
    guard let best = common.max() else { throw Problem(code: .bug, message: "network \(list.name) has no plugin") }
    return best
  }
}

extension PluginAttachment {
  /// For the state database.
  public var text: String {
    let json: JSON = [
      "list": list.json, "directories": JSON(directories.paths), "container": .string(container),
      "interface": .string(interface), "namespace": .string(namespace), "arguments": JSON(arguments),
      "known": .object(known), "result": result ?? .null, "complete": JSON(isComplete),
    ]
    return json.text()
  }
  /// nil for what `text` did not write.
  public init?(text: String) {
    guard let json = try? JSON.parse(text), let described = json["list"],
      let list = try? PluginList(described, file: "in the state database"),
      let directories = json["directories"]?.strings, let container = json["container"]?.string,
      let interface = json["interface"]?.string, let namespace = json["namespace"]?.string,
      let arguments = json["arguments"]?.strings, let known = json["known"]?.object
    else { return nil }
    self.init(
      list: list, directories: PluginDirectories(directories), container: container, interface: interface,
      namespace: namespace, arguments: arguments, known: known)
    if let kept = json["result"], !kept.isNull { result = kept }
    isComplete = json["complete"]?.bool ?? false
  }
}
