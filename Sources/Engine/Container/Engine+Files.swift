import CSys
import Glibc
import Problems
import StateStore
import Sys

extension Engine {
  /// resolv.conf, hosts, hostname, .containerenv and localtime of one start. Source: capability lines PD-131, LP-49.
  /// - Returns: host path and place in the container of each.
  func writeFiles(
    _ record: ContainerRecord, _ config: ContainerConfig, _ joined: [Joined], _ accounts: AccountFiles
  ) throws(Problem) -> [(source: String, destination: String)] {
    let bundle = paths.bundle(record.id)
    let owner = config.rootOwner
    var files: [(source: String, destination: String)] = []
    func write(_ name: String, _ text: String, to destination: String) throws(Problem) {
      let path = "\(bundle)/\(name)"
      try doing("write \(path)") { () throws(Errno) in
        let file = try open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o644)
        try writeAll(file, text)
        if config.maps != nil {
          try check(csys_fchownat(file.borrowed, "", owner.uid, owner.gid, CInt(CSYS_AT_EMPTY_PATH)))
        }
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
      for (name, text) in try nameFiles(record, config, joined) { try write(name, text, to: "/etc/\(name)") }
      if [.private, .host].contains(config.options.uts), !config.options.noHostname {
        try write("hostname", hostname + "\n", to: "/etc/hostname")
      }
    }
    try write("containerenv", try containerEnvironment(record, config), to: "/run/.containerenv")
    if accounts.hasNewUser { try write("passwd", accounts.passwd, to: "/etc/passwd") }
    if accounts.hasNewGroup { try write("group", accounts.group, to: "/etc/group") }
    if let zone = config.options.timezone { files.append((try Timezone.file(of: zone), "/etc/localtime")) }
    return files
  }

  private func containerEnvironment(_ record: ContainerRecord, _ config: ContainerConfig) throws(Problem) -> String {
    """
    engine="berth"
    name="\(record.name)"
    id="\(record.id)"
    image="\(config.imageTitle)"
    imageid="\(config.image?.id ?? "")"
    rootless=\(try isRootless() ? 1 : 0)

    """
  }
}
