import Glibc
import Problems
import StateStore
import Sys

extension Engine {
  /// resolv.conf, hosts, hostname, .containerenv and localtime of one start. Source: capability lines PD-131, LP-49.
  /// - Returns: host path and place in the container of each.
  func writeFiles(_ record: ContainerRecord, _ config: ContainerConfig) throws(Problem) -> [(
    source: String, destination: String
  )] {
    let bundle = paths.bundle(record.id)
    var files: [(source: String, destination: String)] = []
    func write(_ name: String, _ text: String, to destination: String) throws(Problem) {
      let path = "\(bundle)/\(name)"
      try doing("write \(path)") { () throws(Errno) in
        let file = try open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o644)
        try writeAll(file, text)
      }
      files.append((path, destination))
    }
    let hostname = config.hostname(id: record.id)
    if case .container(let other) = config.options.network {
      // Whoever has the network has its files.
      let shared = paths.bundle(try store().containers.lookup(other).id)
      for name in ["resolv.conf", "hosts", "hostname"] where exists("\(shared)/\(name)") {
        files.append(("\(shared)/\(name)", "/etc/\(name)"))
      }
    } else {
      let isHost = config.options.network == .host
      try write(
        "resolv.conf", Self.resolvConf(host: (try? readText("/etc/resolv.conf")) ?? "", sharesHost: isHost),
        to: "/etc/resolv.conf")
      let base = isHost ? (try? readText("/etc/hosts")) : nil
      try write(
        "hosts", Self.hosts(base: base, hostname: hostname, name: record.name, added: config.options.addHosts),
        to: "/etc/hosts")
      if config.options.uts == .private { try write("hostname", hostname + "\n", to: "/etc/hostname") }
    }
    try write("containerenv", Self.containerEnvironment(record, config), to: "/run/.containerenv")
    if let zone = config.options.timezone { files.append((try Timezone.file(of: zone), "/etc/localtime")) }
    return files
  }

  /// Name servers on loopback are of no use in another network namespace.
  static func resolvConf(host: String, sharesHost: Bool) -> String {
    if sharesHost { return host }
    let lines = host.split(separator: "\n").filter { line in
      let words = line.split(separator: " ")
      return !(words.first == "nameserver" && words.count > 1 && (words[1].hasPrefix("127.") || words[1] == "::1"))
    }
    return lines.map { $0 + "\n" }.joined()
  }

  /// - Parameter base: the host's file, where its network is shared.
  static func hosts(base: String?, hostname: String, name: String, added: [HostEntry]) -> String {
    var text = added.map { "\($0.address)\t\($0.name)\n" }.joined()
    if let base {
      text += base
    } else {
      let names = hostname == name ? name : "\(hostname) \(name)"
      text += "127.0.0.1\tlocalhost localhost.localdomain\n::1\tlocalhost ip6-localhost\n127.0.1.1\t\(names)\n"
    }
    return text
  }

  static func containerEnvironment(_ record: ContainerRecord, _ config: ContainerConfig) -> String {
    """
    engine="berth"
    name="\(record.name)"
    id="\(record.id)"
    image="\(config.imageTitle)"
    imageid="\(config.image?.id ?? "")"
    rootless=0

    """
  }
}
