import CSys
import Glibc
import Problems
import Sys

/// /dev/shm of another container, brought to a place on the host from where a runtime can bind it: a mount of another
/// mount namespace cannot be a bind's source, so a child goes there and hands a copy back.
enum SharedMemory {
  /// Mounts /dev/shm as process `pid` sees it at `target`.
  static func mount(ofPid pid: pid_t, at target: String) throws(Errno) {
    let ends = try SocketPair.make(type: CInt(SOCK_SEQPACKET.rawValue))
    let namespace = try open("/proc/\(pid)/ns/mnt", O_RDONLY)
    let child = try check(csys_fork(0, nil))
    if child == 0 { _exit(handOver(namespace.borrowed, ends.second.borrowed)) }
    let own = ends.closingSecond()
    var bytes: [UInt8] = []
    var descriptors: [CInt] = []
    // Who has gone says why below.
    do throws(Errno) { (bytes, descriptors) = try receive(own, bytesMax: 4, descriptorsMax: 1) } catch {}
    var status: CInt = 0
    _ = try uninterrupted { () throws(Errno) in try check(csys_wait4(child, &status, 0)) }
    guard let raw = descriptors.first else {
      throw Errno(rawValue: bytes.first.map { CInt($0) } ?? EIO)
    }
    let tree = OwnedFD(adopting: raw)
    try check(csys_move_mount(tree.borrowed, "", AT_FDCWD, target, UInt32(CSYS_MOVE_MOUNT_F_EMPTY_PATH)))
  }

  /// In the child: system calls only. One byte goes back, the errno or 0, and with 0 the mount.
  private static func handOver(_ namespace: CInt, _ socket: CInt) -> CInt {
    var result = csys_setns(namespace, CInt(CSYS_CLONE_NEWNS))
    if result >= 0 { result = csys_open_tree(AT_FDCWD, "/dev/shm", UInt32(CSYS_OPEN_TREE_CLONE)) }
    var code = UInt8(truncatingIfNeeded: result < 0 ? -result : 0)
    _ = csys_send_fds(socket, &code, 1, &result, result < 0 ? 0 : 1, 0)
    return 0
  }
}
