import CSys

/// Runs a classic BPF program as the kernel would for one system call. Source: networking/filter.rst; seccomp(2).
struct FilterInterpreter {
  let program: [sock_filter]

  /// The return value, or nil where the program does something that the kernel would have refused.
  func run(number: UInt32, architecture: UInt32, arguments: [UInt64] = []) -> UInt32? {
    var words: [UInt32] = [number, architecture, 0, 0]
    for index in 0..<6 {
      let value = index < arguments.count ? arguments[index] : 0
      words += [UInt32(truncatingIfNeeded: value), UInt32(value >> 32)]
    }
    var accumulator: UInt32 = 0
    var place = 0
    while program.indices.contains(place) {
      let code = program[place]
      place += 1
      switch code.code {
      case 0x20:
        guard code.k % 4 == 0, code.k / 4 < words.count else { return nil }
        accumulator = words[Int(code.k / 4)]
      case 0x54: accumulator &= code.k
      case 0x05: place += Int(code.k)
      case 0x15: place += Int(accumulator == code.k ? code.jt : code.jf)
      case 0x25: place += Int(accumulator > code.k ? code.jt : code.jf)
      case 0x35: place += Int(accumulator >= code.k ? code.jt : code.jf)
      case 0x45: place += Int(accumulator & code.k != 0 ? code.jt : code.jf)
      case 0x06: return code.k
      default: return nil
      }
    }
    return nil
  }
}
