import CSys
import Glibc
import Networking
import Problems
import StateStore
import Sys

extension Engine {
  /// A container's networks with what it has there now: those on which it is no more or not yet are not among them.
  func joined(of id: String) throws(Problem) -> [Joined] {
    var result: [Joined] = []
    for (membership, network) in try store().networks.memberships(of: id) {
      guard let attachment = Attachment(status: membership.status) else { continue }
      result.append(
        Joined(
          network: try NetworkConfiguration(network).told(by: attachment),
          request: .init(network.name, json: membership.request), attachment: attachment))
    }
    return result
  }

  /// resolv.conf and hosts of a container with a network of its own or the host's, each where it is to have one.
  func nameFiles(_ record: ContainerRecord, _ config: ContainerConfig, _ joined: [Joined]) throws(Problem) -> [(
    name: String, text: String
  )] {
    let isHost = config.options.network == .host
    var names = NameFiles(
      options: config.options, hostname: config.hostname(id: record.id), name: record.name, joined: joined)
    names.isRootless = try isRootless()
    var files: [(name: String, text: String)] = []
    if config.options.dnsServers != ["none"] {
      var text = NameFiles.hostResolvConf(sharesHost: isHost)
      if !isHost || config.options.namesServers {
        text = names.resolvConf(host: text, service: Self.nameServers(joined))
      }
      files.append(("resolv.conf", text))
    }
    if !config.options.noHosts {
      // A host without the file gives nothing to begin with.
      files.append(("hosts", try names.hosts(base: isHost ? (try? readText("/etc/hosts")) : nil)))
    }
    return files
  }

  /// After a running container's networks have changed. What its processes wrote into the files stays there.
  /// - Parameter before: the networks that it had.
  func refreshNameFiles(_ record: ContainerRecord, _ config: ContainerConfig, before: [Joined]) throws(Problem) {
    let old = try nameFiles(record, config, before)
    for ((name, text), (_, previous)) in zip(try nameFiles(record, config, try joined(of: record.id)), old) {
      let path = "\(paths.bundle(record.id))/\(name)"
      guard text != previous, exists(path) else { continue }
      try doing("write \(path)") { () throws(Errno) in
        // The same file: it is mounted in the container.
        let file = try open(path, O_RDWR | O_NOFOLLOW)
        let current = String(decoding: try readAll(file, limit: NameFiles.fileBytesMax), as: UTF8.self)
        let merged = Array(NameFiles.merge(current, from: previous, to: text).utf8)
        try check(csys_pwrite(file.borrowed, merged, merged.count, 0))
        try check(csys_ftruncate(file.borrowed, merged.count))
      }
    }
  }
}

extension NameFiles {
  /// Bytes of a container's resolv.conf or hosts.
  static let fileBytesMax = 1 << 20

  /// Brings the lines that changed into a text that somebody else may have changed, too: new ones go first.
  static func merge(_ current: String, from old: String, to new: String) -> String {
    if current == old { return new }
    func lines(_ text: String) -> [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
    let (before, after) = (Set(lines(old)), Set(lines(new)))
    let added = lines(new).filter { !before.contains($0) }
    let kept = lines(current).filter { after.contains($0) || !before.contains($0) }
    return (added + kept).joined(separator: "\n")
  }
}
