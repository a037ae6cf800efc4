import CSys
import Glibc
import Problems
import Seccomp
import Sys

extension LayerWorker {
  /// From here on this process can only work inside the layer's directory, with the three descriptors it was given.
  static func shutIn(directory: CInt, answer: CInt) throws(Problem) {
    try doing("shut the layer worker in") { () throws(Errno) in
      try check(csys_fchdir(directory))
      if geteuid() == 0 { try check(csys_chroot(".")) }  // without privilege there is openat2 alone
    }
    try Confinement(.layerWorker, highestDescriptor: answer).install()
  }
}
