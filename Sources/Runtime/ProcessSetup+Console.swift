import CSys
import Glibc
import RuntimeSpec
import Sys

extension ProcessSetup {
  private enum Request {
    static let unlock: UInt = 0x4004_5431, number: UInt = 0x8004_5430  // TIOCSPTLCK, TIOCGPTN
  }

  /// Makes a terminal in the container's own devpts, sends its master away and takes its slave as 0, 1 and 2.
  ///
  /// CVE-2025-52565: the multiplexer is used only when it is devpts's own, and the slave comes from the open
  /// master (TIOCGPTPEER), never from a path.
  func openConsole(in root: borrowing RootFilesystem, bindingConsole: Bool) throws(StepFailure) {
    let master = try during(.console, "/dev/pts/ptmx") { () throws(Errno) in try openMaster(in: root) }
    var number: CInt = 0
    let slave = try during(.console, "slave") { () throws(Errno) in
      var unlock: CInt = 0
      try check(
        withUnsafeMutablePointer(to: &unlock) { csys_ioctl(master.borrowed, Request.unlock, UInt(bitPattern: $0)) })
      try check(
        withUnsafeMutablePointer(to: &number) { csys_ioctl(master.borrowed, Request.number, UInt(bitPattern: $0)) })
      return OwnedFD(adopting: try check(csys_tiocgptpeer(master.borrowed, O_RDWR | O_NOCTTY)))
    }
    if let size = process.consoleSize {
      _ = csys_set_window_size(slave.borrowed, UInt16(clamping: size.height), UInt16(clamping: size.width))
    }
    if plan.relaysConsole {
      var attributes = termios()
      // Before the first byte is written: a file or a pipe gets the bytes as the container wrote them.
      if csys_tcgetattr(slave.borrowed, &attributes) == 0 {
        attributes.c_oflag &= ~tcflag_t(ONLCR)
        _ = csys_tcsetattr(slave.borrowed, TCSANOW, &attributes)
      }
    }
    if bindingConsole {
      try during(.console, "/dev/console") { () throws(Errno) in
        try MountTree(cloning: slave).move(onto: consoleTarget(in: root))
      }
    }
    try during(.console, "console socket") { () throws(Errno) in
      let socket = OwnedFD(adopting: plan.consoleSocket)
      try Sys.send(socket, Array("/dev/pts/\(number)".utf8), descriptors: [master.borrowed])
    }
    try during(.console, "standard streams") { () throws(Errno) in
      try check(csys_set_controlling_terminal(slave.borrowed))
      for stream in CInt(0)...2 { try check(csys_dup3(slave.borrowed, stream, 0)) }
    }
  }

  /// /dev/console itself, made where it is missing: a symlink of the image would choose what the terminal covers.
  private func consoleTarget(in root: borrowing RootFilesystem) throws(Errno) -> OwnedFD {
    let place = try root.makeParent(of: "/dev/console")
    do throws(Errno) {
      _ = try Sys.open(at: place.directory, place.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
    } catch  where error == .exists {}
    let target = try Sys.open(at: place.directory, place.name, O_PATH_ | O_NOFOLLOW)
    let found = try status(target)
    let isDevice = found.st_mode & S_IFMT == S_IFCHR
    guard found.isRegular || isDevice, try FilesystemMagic.of(target) != FilesystemMagic.proc else {
      throw .symlinkLoop
    }
    return target
  }

  private func openMaster(in root: borrowing RootFilesystem) throws(Errno) -> OwnedFD {
    let fd = try root.open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW)
    let found = try status(fd)
    let multiplexer = DeviceNode(path: "", type: S_IFCHR, major: 5, minor: 2).number
    guard try FilesystemMagic.of(fd) == FilesystemMagic.devpts, found.st_rdev == multiplexer else { throw .invalid }
    return fd
  }
}
