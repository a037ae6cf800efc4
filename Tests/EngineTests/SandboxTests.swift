import Networking
import Problems
import StateStore
import Sys
import TestKit
import Testing

@testable import Engine

// covers PD-136: a network namespace without a container is set up and torn down, and nothing is left of a failure
@Suite(.needs(.root), .needs(.program("nft"))) struct SandboxTests {
  private static let id = String(repeating: "a1", count: 32)

  /// Runs `body` where another host's network is: this thread is in a namespace of the test's own meanwhile.
  private func withSandbox(
    plugins: String? = nil, _ body: (Engine, _ path: String, borrowing TestNamespace) throws(Problem) -> Void
  ) throws {
    try withScratch { scratch in
      var options = EngineOptions(root: scratch + "/root", runroot: scratch + "/run")
      options.pluginConfigurationDirectory = plugins
      let engine = try Engine(options)
      try withNamespace { host in
        try withNamespace { sandbox in
          try NetworkNamespace(path: "/proc/\(host.pid)/ns/net").inside { () throws(Problem) in
            try body(engine, "/proc/\(sandbox.pid)/ns/net", sandbox)
          }
        }
      }
    }
  }
  private func interfaces(_ namespace: borrowing TestNamespace) -> String {
    (try? namespace.run("ip", "-o", "addr").text) ?? "ip failed"
  }

  @Test func setUpAndTornDown() throws {
    try withSandbox { (engine, path, namespace) throws(Problem) in
      let port = PortMapping(hostPort: 8080, containerPort: 80)
      let sandbox = try engine.setUpSandbox(
        Self.id, namespace: path, networks: [NetworkRequest("berth")], ports: [port])
      let address = sandbox.attachments.first?.addresses.first?.address.description ?? ""
      #expect(sandbox.attachments.count == 1 && address.hasPrefix("10.89."))
      #expect(sandbox.ports.map(\.hostPort) == [8080])
      #expect(interfaces(namespace).contains("eth0") && interfaces(namespace).contains(address))
      let again = #expect(throws: Problem.self) {
        try engine.setUpSandbox(Self.id, namespace: path, networks: [NetworkRequest("berth")])
      }
      #expect(again?.code == .conflict)
      let other = #expect(throws: Problem.self) {
        try engine.setUpSandbox(
          String(repeating: "b2", count: 32), namespace: path, networks: [NetworkRequest("berth")], ports: [port])
      }
      #expect(other?.code == .conflict, "its port is another sandbox's")
      try engine.tearDownSandbox(Self.id, namespace: path, networks: sandbox.attachments)
      #expect(!interfaces(namespace).contains("eth0"))
      #expect(try engine.store().networks.allPorts().isEmpty)
      #expect(try engine.store().networks.leaseCount(try engine.network("berth").id) == 0)
      // The same again: everything was given back.
      let second = try engine.setUpSandbox(
        Self.id, namespace: path, networks: [NetworkRequest("berth")], ports: [port])
      try engine.tearDownSandbox(Self.id, namespace: path, networks: second.attachments)
    }
  }

  // covers PD-164: on a network of CNI plugins
  @Test func onANetworkOfPlugins() throws {
    try withScratch { scratch in
      try makeDirectory(scratch + "/net.d")
      let file = """
        {"cniVersion": "1.0.0", "name": "lab", "type": "ptp",
         "ipam": {"type": "host-local", "dataDir": "\(scratch)/ipam", "subnet": "10.62.0.0/24"}}
        """
      try replaceFile(scratch + "/net.d/lab.conf", with: Array(file.utf8), durable: false)
      try withSandbox(plugins: scratch + "/net.d") { (engine, path, namespace) throws(Problem) in
        let sandbox = try engine.setUpSandbox(Self.id, namespace: path, networks: [NetworkRequest("lab")])
        #expect(sandbox.attachments.first?.addresses.first?.address == IPAddress("10.62.0.2"))
        #expect(interfaces(namespace).contains("10.62.0.2/24"))
        let again = #expect(throws: Problem.self) {
          try engine.setUpSandbox(Self.id, namespace: path, networks: [NetworkRequest("lab")])
        }
        #expect(again?.code == .conflict)
        try engine.tearDownSandbox(Self.id)
        #expect(!interfaces(namespace).contains("10.62.0.2"))
        #expect(try engine.store().networks.pluginAttachments(of: Self.id).isEmpty)
        #expect(!exists("\(scratch)/ipam/lab/10.62.0.2"))
      }
    }
  }
}
