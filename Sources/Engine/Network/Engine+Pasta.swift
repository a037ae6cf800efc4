import CSys
import Glibc
import Networking
import Problems
import StateStore
import Sys

/// pasta(1): gives a network namespace a way out through sockets of an ordinary user. Source: capability line PD-142.
enum Pasta {
  /// Where containers ask for names when the host's servers are on its loopback.
  static let nameServer = "169.254.1.1"

  /// What a user may add, each with the reason for its refusal where it is ours to set.
  static func check(_ options: [String]) throws(Problem) {
    let ours = ["--netns", "--userns", "--netns-only", "-P", "--pid", "-f", "--foreground", "-F", "--fd", "--runas"]
    for option in options where ours.contains(String(option.prefix { $0 != "=" })) {
      throw Problem(code: .invalid, message: "--network pasta: \(option) is set by berth")
    }
  }

  /// The command line, without the program.
  /// - Parameter interface: of the host's default routes. pasta reads one packet of the kernel's answer, and finds no
  ///   route for IPv6 on a host with a hundred interfaces.
  static func arguments(
    _ ports: [PublishedPort], options: [String], interface: String? = nil, namespace: String, pidFile: String
  ) -> [String] {
    var words = ["--config-net", "--quiet", "--pid", pidFile]
    let isChosen = options.contains { $0 == "-i" || $0.hasPrefix("--interface") }
    if let interface, !isChosen { words += ["--interface", interface] }
    for (transport, flag, back) in [(Transport.tcp, "-t", "-T"), (.udp, "-u", "-U")] {
      let specified = ports.filter { $0.transport == transport }.map(forwarding)
      // One each: an address holds for all ports that follow in its list.
      if !options.contains(flag) { words += (specified.isEmpty ? ["none"] : specified).flatMap { [flag, $0] } }
      if !options.contains(back) { words += [back, "none"] }
    }
    if !options.contains("--map-gw") { words.append("--no-map-gw") }
    if !options.contains("--dns-forward") { words += ["--dns-forward", nameServer] }
    return words + options.filter { $0 != "--map-gw" } + ["--netns", namespace]
  }
  /// "127.0.0.1/8080:80"; pasta takes no 0.0.0.0 and no ::, all addresses are those of both families.
  private static func forwarding(_ port: PublishedPort) -> String {
    let address = port.specificHost.map { "\($0)/" } ?? ""
    return "\(address)\(port.hostPort):\(port.containerPort)"
  }
}

extension Paths {
  /// The container's network namespace, bound for pasta, which may not look into /proc of its processes. Below a
  /// login's directory it lies where the AppArmor profile that comes with passt lets pasta look (abstractions/pasta).
  func networkNamespace(_ id: String) -> String {
    let parts = runroot.split(separator: "/")
    guard parts.count > 3, parts[0] == "run", parts[1] == "user" else { return "\(bundle(id))/netns" }
    return "/run/user/\(parts[2])/netns/berth-\(id)"
  }
  /// Not in the run directory: that profile lets pasta write below the home directory and /tmp alone.
  func pastaPidFile(_ id: String) -> String { "\(container(id))/pasta.pid" }
}

extension Engine {
  /// Ports of a container that a forwarder will take (pasta, slirp4netns): taken in the database; the forwarder itself
  /// finds other programs.
  func takeForwardedPorts(_ record: ContainerRecord, _ config: ContainerConfig) throws(Problem) -> [PublishedPort] {
    let wanted = try config.portsToPublish()
    if let port = wanted.first(where: { $0.transport == .sctp }) {
      throw Problem(
        code: .unsupported,
        message: "--publish \(port.containerPort)/sctp: --network \(config.options.network.text) forwards tcp and udp")
    }
    if wanted.isEmpty { return [] }
    guard case .pasta = config.options.network else {
      return try take(wanted, to: [IPAddress(.v4, 0)], owner: record.id, nil)
    }
    let sixth = wanted.filter { $0.hostAddress?.family == .v6 }
    return try take(wanted.filter { !sixth.contains($0) }, to: [IPAddress(.v4, 0)], owner: record.id, nil)
      + take(sixth, to: [IPAddress(.v6, 0)], owner: record.id, nil)
  }

  /// Starts pasta for a container that was created, and waits until its network is there.
  func startPasta(_ record: ContainerRecord, options: [String], _ ports: [PublishedPort]) throws(Problem) {
    try waitForPorts(ports)
    let target = paths.networkNamespace(record.id)
    let namespace = try networkNamespace(of: record)
    try doing("make \(target)") { () throws(Errno) in
      try makeDirectories(parentPath(of: target), mode: 0o700)
      _ = try open(target, O_WRONLY | O_CREAT | O_NOFOLLOW, mode: 0o600)
    }
    try namespace.bind(onto: target)
    let program = try Self.networkProgram("pasta", package: "passt", instead: "--network none or host")
    var host = try hostNetwork()
    let words = Pasta.arguments(
      ports, options: options, interface: try host.sharedDefaultInterface(), namespace: target,
      pidFile: paths.pastaPidFile(record.id))
    let outcome = try doing("run \(program)") { () throws(Errno) in
      let pipe = try Pipe.make()
      var spawn = Spawn(program, words, environment: [])
      spawn.descriptors = [-1, pipe.writer.borrowed, pipe.writer.borrowed]
      let child = try spawn.start()
      let status = try child.wait()  // it goes on in the background once the network is there
      try pipe.reader.setNonBlocking()
      let said = (try? readSome(pipe.reader)) ?? []
      return (status: status, words: String(decoding: said, as: UTF8.self))
    }
    guard outcome.status != .exited(code: 0) else { return }
    // Of a wrong option its whole usage follows. Where there is no system log it says so, too.
    let reason = outcome.words.split(separator: "\n").first { !$0.contains("syslog") }
    let failed = "pasta could not set up the network"
    if let fault = NeededDevice.tun.fault(failed) { throw fault }
    throw Problem(
      code: .unavailable, message: "\(failed): \(reason ?? "it said nothing")",
      hint: try host.defaultInterface() == nil
        ? "the host has no default route, which pasta needs; --network slirp4netns, bridge and none do not"
        : "are the ports free? --network none needs neither ports nor pasta")
  }

  /// Ends a container's pasta. None there is fine.
  func stopPasta(_ id: String) throws(Problem) {
    let target = paths.networkNamespace(id)
    guard exists(target) else { return }
    if let text = try? readText(paths.pastaPidFile(id), limit: 64),
      let pid = pid_t(text.split(whereSeparator: \.isWhitespace).first ?? "")
    {
      let raw = csys_pidfd_open(pid, 0)
      if raw >= 0 {
        let process = OwnedFD(adopting: raw)
        // The number may be another process's by now: ours was told this namespace.
        if (try? readText("/proc/\(pid)/cmdline"))?.contains(target) == true {
          _ = csys_pidfd_send_signal(process.borrowed, SIGTERM)
        }
      }
    }
    try OverlayMount.unmount(target)
    try doing("remove what pasta worked with") { () throws(Errno) in
      for path in [target, paths.pastaPidFile(id)] {
        do throws(Errno) { try unlink(path) } catch  where error == .notFound {}
      }
    }
  }
}

/// What is there to read now, of a descriptor that does not block.
private func readSome(_ reader: borrowing OwnedFD) throws(Errno) -> [UInt8] {
  var buffer = [UInt8](repeating: 0, count: 4096)
  let raw = reader.borrowed
  let count = try check(buffer.withUnsafeMutableBytes { csys_read(raw, $0.baseAddress, $0.count) })
  return Array(buffer[..<count])
}
