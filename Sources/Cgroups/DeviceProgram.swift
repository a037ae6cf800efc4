import CSys
import Glibc
import Problems
import Sys

/// Device rules as an eBPF program for version 2, which has no device files.
///
/// - Source: bpf(2); cgroup-v2.rst, "Device controller"; linux/bpf.h, `bpf_cgroup_dev_ctx`.
struct DeviceProgram {
  private(set) var instructions: [bpf_insn] = []

  private enum Register {
    static let result: UInt8 = 0, context: UInt8 = 1, type: UInt8 = 2, access: UInt8 = 3, major: UInt8 = 4
    static let minor: UInt8 = 5, scratch: UInt8 = 6
  }
  /// Opcodes. Source: linux/bpf_common.h, linux/bpf.h.
  private enum Code {
    static let loadWord: UInt8 = 0x61  // LDX | W | MEM
    static let moveConstant: UInt8 = 0xb4, moveRegister: UInt8 = 0xbc  // ALU, 32 bits
    static let andConstant: UInt8 = 0x54, shiftRight: UInt8 = 0x74
    static let jumpUnequal: UInt8 = 0x56, jumpUnequalRegister: UInt8 = 0x5e  // JMP32
    static let exit: UInt8 = 0x95
  }

  init(_ devices: DeviceRules) {
    emit(Code.loadWord, Register.type, from: Register.context)
    emit(Code.andConstant, Register.type, constant: 0xffff)
    emit(Code.loadWord, Register.access, from: Register.context)
    emit(Code.shiftRight, Register.access, constant: 16)
    emit(Code.loadWord, Register.major, from: Register.context, offset: 4)
    emit(Code.loadWord, Register.minor, from: Register.context, offset: 8)
    for rule in devices.rules.reversed() { emit(rule) }
    finish(devices.allowsByDefault)
  }

  /// All of the rule matches: return its answer; else go on behind it.
  private mutating func emit(_ rule: DeviceRules.Rule) {
    var skips: [Int] = []
    skips.append(emit(Code.jumpUnequal, Register.type, constant: rule.kind == .block ? 1 : 2))
    let bits = Self.bits(rule.access)
    if bits != 7 {
      emit(Code.moveRegister, Register.scratch, from: Register.access)
      emit(Code.andConstant, Register.scratch, constant: bits)
      if rule.isAllowed {  // every wanted access is allowed
        skips.append(emit(Code.jumpUnequalRegister, Register.scratch, from: Register.access))
      } else {  // any wanted access is refused
        emit(0x16, Register.scratch, constant: 0)  // JMP32 | JEQ
        skips.append(instructions.count - 1)
      }
    }
    if let major = rule.major { skips.append(emit(Code.jumpUnequal, Register.major, constant: major)) }
    if let minor = rule.minor { skips.append(emit(Code.jumpUnequal, Register.minor, constant: minor)) }
    finish(rule.isAllowed)
    for place in skips { instructions[place].off = Int16(instructions.count - place - 1) }
  }
  private mutating func finish(_ allowed: Bool) {
    emit(Code.moveConstant, Register.result, constant: allowed ? 1 : 0)
    emit(Code.exit, 0)
  }
  /// `BPF_DEVCG_ACC_*`.
  private static func bits(_ access: String) -> UInt32 {
    (access.contains("m") ? 1 : 0) | (access.contains("r") ? 2 : 0) | (access.contains("w") ? 4 : 0)
  }
  @discardableResult
  private mutating func emit(
    _ code: UInt8, _ to: UInt8, from: UInt8 = 0, offset: Int16 = 0, constant: UInt32 = 0
  ) -> Int {
    var instruction = bpf_insn()
    instruction.code = code
    instruction.dst_reg = to
    instruction.src_reg = from
    instruction.off = offset
    instruction.imm = Int32(bitPattern: constant)
    instructions.append(instruction)
    return instructions.count - 1
  }

  /// Loads the program and puts it in the place of the cgroup's present one.
  ///
  /// New before old: at no moment is the cgroup without rules; all programs of a cgroup must agree.
  func attach(to path: String) throws(Problem) {
    let program = try load()
    try doing("attach device rules to cgroup \(path)") { () throws(Errno) in
      let directory = try open(path, O_RDONLY | O_DIRECTORY)
      let old = try Self.attached(to: directory)
      try check(csys_bpf_cgroup_device(directory.borrowed, program.borrowed, 1))
      for id in old { try Self.detach(id, from: directory) }
    }
  }

  private func load() throws(Problem) -> OwnedFD {
    let result = instructions.withUnsafeBufferPointer { csys_bpf_load_device($0.baseAddress, UInt32($0.count)) }
    return try doing("load device rules", hint: "cgroup v2 device rules need CAP_BPF or CAP_SYS_ADMIN") {
      () throws(Errno) in OwnedFD(adopting: try check(result))
    }
  }
  private static func attached(to directory: borrowing OwnedFD) throws(Errno) -> [UInt32] {
    var ids = [UInt32](repeating: 0, count: 64)
    let count = try check(csys_bpf_query_device(directory.borrowed, &ids, UInt32(ids.count)))
    return Array(ids[..<Int(count)])
  }
  private static func detach(_ id: UInt32, from directory: borrowing OwnedFD) throws(Errno) {
    let program = csys_bpf_program(id)
    if program == -ENOENT { return }
    let owned = OwnedFD(adopting: try check(program))
    try check(csys_bpf_cgroup_device(directory.borrowed, owned.borrowed, 0))
  }
}
