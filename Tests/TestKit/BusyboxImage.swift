import CSys
import Glibc
import Sys
import Testing

/// A root filesystem of Debian's busybox-static: a program that nobody here wrote.
package func makeBusyboxRootfs(_ path: String) throws {
  for directory in ["bin", "etc", "tmp", "root", "proc", "sys", "dev", "var", "run"] {
    try makeDirectories("\(path)/\(directory)")
  }
  guard let busybox = findProgram("busybox") else {
    throw CommandFailed(description: "busybox: not on PATH (package busybox-static)")
  }
  try TestKit.run(["cp", busybox, "\(path)/bin/busybox"])
  for applet in try TestKit.run([busybox, "--list"]).lines where applet != "busybox" {
    try check(csys_symlinkat("busybox", AT_FDCWD, "\(path)/bin/\(applet)"))
  }
  try replaceFile(
    "\(path)/etc/passwd", with: Array("root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/tmp:/bin/sh\n".utf8),
    durable: false)
  try replaceFile("\(path)/etc/group", with: Array("root:x:0:\nuser:x:1000:\nextra:x:2000:user\n".utf8), durable: false)
  _ = chmod("\(path)/tmp", 0o1777)
}

extension TestEngine {
  /// Imports busybox as `localhost/busybox`, command `sh`.
  package func importBusybox() throws {
    let rootfs = scratch + "/busybox"
    try makeBusyboxRootfs(rootfs)
    try TestKit.run(["tar", "-C", rootfs, "-cf", scratch + "/busybox.tar", "."])
    try ok(
      "import", "--change", "CMD [\"sh\"]", "--change", "ENV PATH=/bin", scratch + "/busybox.tar", "localhost/busybox")
  }
}
