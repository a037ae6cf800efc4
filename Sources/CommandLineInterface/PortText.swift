import Networking

/// The PORTS column: "0.0.0.0:8000-8002->80-82/tcp, …"; neighbours make one range. Source: podman ps 4.3.
enum PortText {
  static func text(_ ports: [PublishedPort]) -> String {
    var runs: [(first: PublishedPort, count: UInt16)] = []
    for port in ports {
      // Both families of one mapping are one to the user.
      let isKnown = runs.contains { run in
        run.first.hostAddress == port.hostAddress && run.first.transport == port.transport
          && port.hostPort >= run.first.hostPort && port.hostPort - run.first.hostPort < run.count
      }
      if isKnown { continue }
      if let last = runs.last, last.first.hostAddress == port.hostAddress, last.first.transport == port.transport,
        Int(port.hostPort) == Int(last.first.hostPort) + Int(last.count),
        Int(port.containerPort) == Int(last.first.containerPort) + Int(last.count)
      {
        runs[runs.count - 1].count += 1
      } else {
        runs.append((port, 1))
      }
    }
    return runs.map { run in
      func range(_ first: UInt16) -> String { run.count == 1 ? "\(first)" : "\(first)-\(first + run.count - 1)" }
      let address = run.first.hostAddress.map { $0.family == .v6 ? "[\($0)]" : "\($0)" } ?? "0.0.0.0"
      let (host, container) = (range(run.first.hostPort), range(run.first.containerPort))
      return "\(address):\(host)->\(container)/\(run.first.transport.rawValue)"
    }.joined(separator: ", ")
  }
}
