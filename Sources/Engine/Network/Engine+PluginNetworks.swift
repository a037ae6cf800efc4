import Digests
import Networking
import Problems
import StateStore
import Sys

/// Networks that CNI plugins make: described by files that are not ours; a row is there as long as containers belong
/// to them. Source: CNI specification 1.0.0; capability line PD-164.
extension Engine {
  var pluginConfigurations: PluginConfigurations {
    PluginConfigurations(
      directory: options.pluginConfigurationDirectory ?? PluginConfigurations.standardDirectory)
  }
  var pluginDirectories: PluginDirectories {
    options.pluginDirectories.isEmpty ? .standard : PluginDirectories(options.pluginDirectories)
  }

  /// What somebody chose has to be there, or no command begins.
  static func checkPluginPaths(_ options: EngineOptions) throws(Problem) {
    let chosen =
      [options.pluginConfigurationDirectory].compactMap { $0.map { ("--network-config-dir", $0) } }
      + options.pluginDirectories.map { ("--cni-plugin-dir", $0) }
    for (flag, path) in chosen {
      guard path.hasPrefix("/"), !path.contains(":"), isDirectory(path) else {
        throw Problem(
          code: .invalid, message: "\(flag) \"\(path)\" is not the absolute path of a directory",
          hint: "make it, or leave the option out: the usual directories need not be there")
      }
    }
  }

  /// All networks by name: ours, and those of plugins as their files are now.
  func allNetworks() throws(Problem) -> [NetworkConfiguration] {
    let own = try networks().filter { $0.driver != .cni }
    let names = Set(own.map(\.name))
    return (own + (try pluginNetworks().filter { !names.contains($0.name) })).sorted { $0.name < $1.name }
  }
  /// Those of plugins: in use, or described.
  func pluginNetworks() throws(Problem) -> [NetworkConfiguration] {
    var result: [NetworkConfiguration] = []
    for record in try store().networks.ofPlugins() { result.append(asDescribed(try NetworkConfiguration(record))) }
    let names = Set(result.map(\.name))
    return result + (try describedNetworks().filter { !names.contains($0.name) })
  }

  /// Any network but the default one. - Throws: `.notFound`; `.conflict` for a prefix of several IDs.
  func otherNetwork(_ name: String) throws(Problem) -> NetworkConfiguration {
    do throws(Problem) {
      return asDescribed(try NetworkConfiguration(try store().networks.lookup(name)))
    } catch {
      guard error.code == .notFound else { throw error }
      let found = try describedNetworks().filter { $0.name == name || $0.id.hasPrefix(name) }
      if let exact = found.first(where: { $0.name == name }) { return exact }
      guard found.count == 1 else { throw error }
      return found[0]
    }
  }

  /// What the directory describes; files that describe nothing are told once and passed over. Names that mean the
  /// default network are no file's: podman's package brings one that nobody asked for.
  private func describedNetworks() throws(Problem) -> [NetworkConfiguration] {
    guard isMachineRoot() else {
      if options.pluginConfigurationDirectory == nil { return [] }
      throw Problem(
        code: .unsupported, message: "--network-config-dir: CNI plugins change the host's network, which takes root",
        hint: "networks of `berth network create` need none")
    }
    let entries: [PluginConfigurations.Entry]
    let faults: [Problem]
    do throws(Problem) { (entries, faults) = try pluginConfigurations.read() } catch {
      // One that nobody chose keeps nobody from networks of ours.
      if options.pluginConfigurationDirectory != nil { throw error }
      (entries, faults) = ([], [error])
    }
    for fault in faults { warning?(fault) }
    return entries.filter { !Self.defaultNetworkNames.contains($0.list.name) }.map(Self.configuration)
  }
  private static func configuration(_ entry: PluginConfigurations.Entry) -> NetworkConfiguration {
    // Source: podman's rule, so that a network's ID is the same there.
    NetworkConfiguration(entry, id: Digest(of: Array(entry.list.name.utf8)).hex)
  }

  /// A network of plugins as its file is now; as it was where the file has gone.
  private func asDescribed(_ network: NetworkConfiguration) -> NetworkConfiguration {
    guard network.driver == .cni, let entry = try? described(network) else { return network }
    return Self.configuration(entry)
  }
  /// - Throws: `.notFound` where the file does not describe it any more.
  func described(_ network: NetworkConfiguration) throws(Problem) -> PluginConfigurations.Entry {
    let file = network.plugins?.file ?? ""
    let entry = try PluginConfigurations.entry(file)
    guard entry.list.name == network.name else {
      throw Problem(
        code: .notFound, message: "\(file) describes network \(entry.list.name), not \(network.name) any more",
        hint: "take containers off the network with: berth network disconnect \(network.name) CONTAINER")
    }
    return entry
  }
  /// Whether a network belongs to a file, not to us.
  func isDescribed(_ network: NetworkConfiguration) -> Bool {
    network.driver == .cni && (try? described(network)) != nil
  }
  func checkOwn(_ network: NetworkConfiguration) throws(Problem) {
    guard let file = network.plugins?.file, isDescribed(network) else { return }
    throw Problem(
      code: .unsupported, message: "network \(network.name) is described by \(file), a file that is not Berth's",
      hint: "edit it, or remove the network with: rm \(file)")
  }
  /// A network of ours does not take the name of one that a file describes.
  func checkNoFile(describes name: String?, _ others: [NetworkConfiguration]) throws(Problem) {
    guard let found = others.first(where: { $0.name == name }), let file = found.plugins?.file else { return }
    throw Problem(
      code: .conflict, message: "network name \(found.name) already used: \(file) describes it",
      hint: "choose another name")
  }
}
