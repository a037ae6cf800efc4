import CSys
import Glibc
package import Problems
import Sys

/// Shuts this process in: for the project's own programs that read what strangers send.
///
/// Call it early, while the process has one thread: nothing of it reaches threads that are there already.
package struct Confinement: Sendable {
  /// Which program asks; each has its own list of system calls.
  package enum Kind: Sendable {
    /// `berth-unpack`, its root changed to the layer's directory: files, memory, threads, time; no sockets.
    case layerWorker
    /// `berth-registry`: the same, reading only, and network clients.
    case registryClient
    /// `berth-dns`: sockets of the internet and reading; no threads, no processes, no changes to files.
    case nameService
  }
  package let kind: Kind
  /// Every descriptor above this one is closed.
  package var highestDescriptor: CInt
  /// Bits of capabilities(7) to keep where the process has them.
  package var capabilities: UInt64
  /// Landlock: files and directories (with all below) that may be read; nothing else may be opened, and nothing
  /// written. nil is no such limit. Paths that are not there are left out.
  package var readablePaths: [String]?
  /// Landlock: open directories that belong to the above, however their paths may be reached.
  package var readableDirectories: [CInt] = []
  /// Landlock: the only TCP ports to listen on and to connect to; nil is no such limit. Linux 6.7+.
  package var streamPorts: StreamPorts?

  package struct StreamPorts: Sendable {
    package let listen: UInt16, connect: UInt16
    package init(listen: UInt16, connect: UInt16) {
      self.listen = listen
      self.connect = connect
    }
  }

  package init(_ kind: Kind, highestDescriptor: CInt) {
    self.kind = kind
    self.highestDescriptor = highestDescriptor
    switch kind {
    case .layerWorker:
      capabilities = Self.layerCapabilities
      readablePaths = nil
    case .registryClient:
      capabilities = 0
      readablePaths = Self.registryPaths
    case .nameService:
      capabilities = 1 << 10  // NET_BIND_SERVICE: networks come and go
      readablePaths = Self.resolverPaths
    }
  }

  /// CHOWN, DAC_OVERRIDE, FOWNER, FSETID, MKNOD, SETFCAP.
  package static let layerCapabilities: UInt64 = 1 << 0 | 1 << 1 | 1 << 3 | 1 << 4 | 1 << 27 | 1 << 31

  /// What a network client reads: names, certificates, configuration, time zones, the libraries of name services.
  package static let registryPaths = [
    "/etc", "/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/usr/share/zoneinfo", "/usr/share/containers", "/run/systemd/resolve", "/run/containers", "/run/NetworkManager",
    "/run/resolvconf", "/proc", "/sys/fs/cgroup", "/sys/devices/system/cpu", "/dev/null", "/dev/urandom",
  ]

  /// - Throws: what the kernel refused, and which step; Landlock is left out where the kernel has none.
  package func install() throws(Problem) {
    try doing("close descriptors") { () throws(Errno) in
      _ = try check(csys_close_range(UInt32(highestDescriptor + 1), .max, 0))
    }
    try doing("forbid core files") { () throws(Errno) in
      var none = csys_rlimit(soft: 0, hard: 0)
      try check(csys_prlimit(0, 4, &none, nil))  // RLIMIT_CORE
      try check(csys_prctl(4, 0, 0, 0, 0))  // PR_SET_DUMPABLE: nobody traces this process or reads its memory
    }
    try dropCapabilities()
    try doing("forbid new privileges") { () throws(Errno) in
      _ = try check(csys_prctl(SeccompFilter.setNoNewPrivileges, 1, 0, 0, 0))
    }
    if let readablePaths {
      try Landlock.restrict(reading: readablePaths, readableDirectories, ports: streamPorts)
    }
    let filter = try SeccompFilter.compile(profile())
    try doing("install the system call filter") { () throws(Errno) in _ = try filter.install() }
  }

  private func dropCapabilities() throws(Problem) {
    try doing("drop capabilities") { () throws(Errno) in
      _ = csys_prctl(47, 4, 0, 0, 0)  // PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL; Linux 4.3
      for number in UInt(0)..<64 where capabilities & 1 << UInt64(number) == 0 {
        let result = csys_prctl(24, number, 0, 0, 0)  // PR_CAPBSET_DROP
        if result == -EINVAL { break }  // behind the last capability
        if result == -EPERM { break }  // no CAP_SETPCAP: then the bounding set gives nothing either, by no_new_privs
        try check(result)
      }
      var effective: UInt64 = 0
      var permitted: UInt64 = 0
      var inheritable: UInt64 = 0
      try check(csys_capget(0, &effective, &permitted, &inheritable))
      try check(csys_capset(effective & capabilities, permitted & capabilities, 0))
    }
  }
}
