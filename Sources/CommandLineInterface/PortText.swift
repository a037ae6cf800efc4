import Networking

/// The PORTS column: "0.0.0.0:8000-8002->80-82/tcp, …"; neighbours make one range. Source: podman ps 4.3.
enum PortText {
  /// Neighbours as one; both families of one mapping are one to the user.
  static func runs(_ ports: [PublishedPort]) -> [(first: PublishedPort, count: UInt16)] {
    var runs: [(first: PublishedPort, count: UInt16)] = []
    for port in ports.distinct {
      if let last = runs.last, last.first.hostText == port.hostText, last.first.transport == port.transport,
        Int(port.hostPort) == Int(last.first.hostPort) + Int(last.count),
        Int(port.containerPort) == Int(last.first.containerPort) + Int(last.count)
      {
        runs[runs.count - 1].count += 1
      } else {
        runs.append((port, 1))
      }
    }
    return runs
  }

  static func text(_ ports: [PublishedPort]) -> String {
    runs(ports).map { run in
      func range(_ first: UInt16) -> String { run.count == 1 ? "\(first)" : "\(first)-\(first + run.count - 1)" }
      let (host, container) = (range(run.first.hostPort), range(run.first.containerPort))
      return "\(run.first.hostText):\(host)->\(container)/\(run.first.transport.rawValue)"
    }.joined(separator: ", ")
  }
}
