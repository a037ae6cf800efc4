package import DNSRecords
import Sys

/// The servers of the host, for networks that name none.
package struct Upstreams {
  enum Limit {
    /// Bytes of a resolv.conf.
    static let fileBytesMax = 64 << 10
    /// Source: resolv.conf(5), "nameserver", has three; a few more do no harm.
    static let serversMax = 8
    /// Milliseconds between looks at the file.
    static let ageMax: UInt64 = 5_000
  }
  package static let path = "/etc/resolv.conf"
  /// What systemd-resolved asks itself. Its stub on 127.0.0.53 is not reachable from another network namespace, and
  /// asks by rules that are the host's own.
  package static let resolvedPath = "/run/systemd/resolve/resolv.conf"

  private(set) var servers: [HostAddress] = []
  private var nextLook: UInt64 = 0

  package init() {}

  /// The servers as they are now; the files are read again when the last look is old.
  mutating func refreshed(_ now: UInt64) -> [HostAddress] {
    if now < nextLook { return servers }
    nextLook = now + Limit.ageMax
    servers = Self.servers(
      in: (try? readFile(Self.path, limit: Limit.fileBytesMax)) ?? [],
      resolved: { (try? readFile(Self.resolvedPath, limit: Limit.fileBytesMax)) ?? [] })
    return servers
  }

  /// Source: resolv.conf(5). Where nothing is named, libc asks this host.
  package static func servers(in text: [UInt8], resolved: () -> [UInt8]) -> [HostAddress] {
    let named = nameservers(text)
    let stub: Set<HostAddress> = Set(["127.0.0.53", "127.0.0.54"].compactMap { HostAddress($0) })
    if !named.isEmpty && named.allSatisfy(stub.contains) {
      let real = nameservers(resolved())
      if !real.isEmpty { return real }
    }
    return named.isEmpty ? [HostAddress("127.0.0.1")].compactMap { $0 } : named
  }

  private static func nameservers(_ text: [UInt8]) -> [HostAddress] {
    var servers: [HostAddress] = []
    for line in text.split(separator: 10) {
      let words = line.split { $0 == 0x20 || $0 == 9 || $0 == 13 }
      guard words.count >= 2, words[0].elementsEqual("nameserver".utf8), servers.count < Limit.serversMax else {
        continue
      }
      if let server = HostAddress(String(decoding: words[1], as: UTF8.self)) { servers.append(server) }
    }
    return servers
  }
}
