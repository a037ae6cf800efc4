import CSys
import Glibc
import Problems
import RuntimeSpec
import Sys

extension MemoryPolicy {
  /// Source: set_mempolicy(2), linux/mempolicy.h.
  static let modes: [(name: String, number: CInt)] = [
    ("MPOL_DEFAULT", 0), ("MPOL_PREFERRED", 1), ("MPOL_BIND", 2), ("MPOL_INTERLEAVE", 3), ("MPOL_LOCAL", 4),
    ("MPOL_PREFERRED_MANY", 5), ("MPOL_WEIGHTED_INTERLEAVE", 6),
  ]
  static let flagNames: [(name: String, bit: CInt)] = [
    ("MPOL_F_STATIC_NODES", 1 << 15), ("MPOL_F_RELATIVE_NODES", 1 << 14), ("MPOL_F_NUMA_BALANCING", 1 << 13),
  ]

  /// What set_mempolicy takes, or what is wrong with it.
  func request() throws(Problem) -> (mode: CInt, nodes: [UInt64]) {
    guard var number = Self.modes.first(where: { $0.name == mode })?.number else {
      throw Problem(code: .invalid, message: "invalid memory policy mode \"\(mode ?? "")\"")
    }
    var bits: [UInt64] = []
    if let nodes, !nodes.isEmpty {
      guard let mask = Scheduling.mask(nodes) else {
        throw Problem(code: .invalid, message: "invalid memory policy nodes \"\(nodes)\"")
      }
      bits = mask
    }
    let count = bits.reduce(0) { $0 + $1.nonzeroBitCount }
    let name = mode ?? ""
    if name == "MPOL_DEFAULT" || name == "MPOL_LOCAL", count != 0 {
      throw Problem(code: .invalid, message: "memory policy mode \(name): mode requires 0 nodes but got \(count)")
    }
    if !["MPOL_DEFAULT", "MPOL_LOCAL", "MPOL_PREFERRED"].contains(name), count == 0 {
      throw Problem(code: .invalid, message: "memory policy mode \(name): mode requires at least one node")
    }
    for flag in flags ?? [] {
      guard let bit = Self.flagNames.first(where: { $0.name == flag })?.bit else {
        throw Problem(code: .invalid, message: "invalid memory policy flag \"\(flag)\"")
      }
      number |= bit
    }
    return (number, bits)
  }

  /// For this process and what it executes.
  func apply() throws(StepFailure) {
    guard let request = try? request() else { return }  // it was checked before anything was made
    try during(.scheduling, "memory policy \(mode ?? "")") { () throws(Errno) in
      try check(csys_set_mempolicy(request.mode, request.nodes, UInt(request.nodes.count * 64)))
    }
  }
}
