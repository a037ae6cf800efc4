import CSys
import Glibc
import Problems
import Sys

extension LayerWorker {
  /// CHOWN, DAC_OVERRIDE, FOWNER, FSETID, MKNOD, SETFCAP. Source: capabilities(7).
  static let capabilities: UInt64 = 1 << 0 | 1 << 1 | 1 << 3 | 1 << 4 | 1 << 27 | 1 << 31

  /// From here on this process can only work inside the layer's directory.
  static func shutIn(directory: CInt) throws(Problem) {
    try doing("shut the layer worker in") { () throws(Errno) in
      try check(csys_close_range(5, ~0, 0))
      try check(csys_fchdir(directory))
      if geteuid() == 0 {
        try check(csys_chroot("."))
        try dropCapabilities()
      }
      try check(csys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    }
  }

  private static func dropCapabilities() throws(Errno) {
    for capability in 0..<64 where capabilities & 1 << UInt64(capability) == 0 {
      let result = csys_prctl(PR_CAPBSET_DROP, UInt(capability), 0, 0, 0)
      if result == -EINVAL { break }  // beyond the last one that this kernel knows
      try check(result)
    }
    try check(csys_prctl(PR_CAP_AMBIENT, UInt(PR_CAP_AMBIENT_CLEAR_ALL), 0, 0, 0))
    var effective: UInt64 = 0
    var permitted: UInt64 = 0
    var inheritable: UInt64 = 0
    try check(csys_capget(0, &effective, &permitted, &inheritable))
    try check(csys_capset(effective & capabilities, permitted & capabilities, 0))
  }
}
