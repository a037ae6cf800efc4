import Problems
import RuntimeSpec

/// The writes that give a cgroup its limits, in order: a value, so that tests and errors can name each.
struct ResourcePlan: Equatable {
  /// One write to one file of one controller.
  struct Write: Equatable {
    let controller: String
    let file: String
    let value: String
    /// What the user asked for: "memory limit 5".
    let purpose: String
    /// A file that older or newer kernels lack: then this is skipped.
    var isOptional = false
  }
  var writes: [Write] = []

  mutating func add(
    _ controller: String, _ file: String, _ value: String, for purpose: String, optional: Bool = false
  ) {
    writes.append(Write(controller: controller, file: file, value: value, purpose: purpose, isOptional: optional))
  }

  /// What the plan needs to know of the cgroup.
  struct Host {
    /// The version of the hierarchy that has the controller; nil where the host lacks it.
    var version: (_ controller: String) -> CgroupLayout.Version?
    /// Whether the cgroup has a file of this controller, for names that differ between kernels.
    var has: (_ controller: String, _ file: String) -> Bool
    /// The present value of a file.
    var value: (_ controller: String, _ file: String) -> String?
  }

  /// - Throws: `.invalid` for values that can never work, naming them.
  init(_ resources: Resources, on host: Host) throws(Problem) {
    if let cpu = resources.cpu { try add(cpu, on: host) }
    if let memory = resources.memory { try add(memory, on: host) }
    if let limit = resources.pids?.limit {
      // None at all could not even start: 0 is 1, as runc and systemd have it.
      add("pids", "pids.max", limit < 0 ? "max" : String(max(limit, 1)), for: "pids limit \(limit)")
    }
    if let blockIO = resources.blockIO { add(blockIO, on: host) }
    for limit in resources.hugepageLimits ?? [] { try add(limit, on: host) }
    if let network = resources.network { add(network) }
    if let rdma = resources.rdma, !rdma.isEmpty { add(rdma) }
    if let unified = resources.unified, !unified.isEmpty { try add(unified, on: host) }
  }

  private mutating func add(_ rdma: [String: RdmaLimit]) {
    for (device, limit) in rdma.sorted(by: { $0.key < $1.key }) {
      var value = device
      if let handles = limit.hcaHandles { value += " hca_handle=\(handles)" }
      if let objects = limit.hcaObjects { value += " hca_object=\(objects)" }
      add("rdma", "rdma.max", value, for: "rdma limits of \(device)")
    }
  }

  private mutating func add(_ unified: [String: String], on host: Host) throws(Problem) {
    for (file, value) in unified.sorted(by: { $0.key < $1.key }) {
      guard !file.contains("/"), file.contains(".") else {
        throw Problem(code: .invalid, message: "unified resource \"\(file)\" is not a file of cgroup v2")
      }
      let controller = String(file.prefix { $0 != "." })
      guard controller == "cgroup" || host.version(controller) != .one else {
        throw Problem(
          code: .unsupported,
          message: "invalid configuration: unified resource \(file) needs cgroup v2, and \(controller) is in v1 here")
      }
      add(controller, file, value, for: "unified resource \(file) \(value)")
    }
  }

  private mutating func add(_ limit: HugepageLimit, on host: Host) throws(Problem) {
    guard !limit.pageSize.isEmpty, !limit.pageSize.contains("/") else {
      throw Problem(code: .invalid, message: "huge page size \"\(limit.pageSize)\" is not a size such as 2MB")
    }
    let suffix = host.version("hugetlb") == .two ? "max" : "limit_in_bytes"
    let purpose = "limit \(limit.limit) of \(limit.pageSize) huge pages"
    add("hugetlb", "hugetlb.\(limit.pageSize).\(suffix)", String(limit.limit), for: purpose)
    add("hugetlb", "hugetlb.\(limit.pageSize).rsvd.\(suffix)", String(limit.limit), for: purpose, optional: true)
  }

  private mutating func add(_ network: NetworkClass) {
    if let id = network.classID { add("net_cls", "net_cls.classid", String(id), for: "network class \(id)") }
    for entry in network.priorities ?? [] {
      add(
        "net_prio", "net_prio.ifpriomap", "\(entry.name) \(entry.priority)",
        for: "network priority \(entry.priority) of \(entry.name)")
    }
  }
}
