import Glibc
import JSON
import Problems
import RuntimeSpec
import Sys

/// A seccomp profile as users keep it: the OCI form, or Docker's with `archMap`, `includes` and `excludes`.
/// Source: containers/common, pkg/seccomp; capability line LX-27.
enum SeccompProfileFile {
  private enum Limit {
    /// Bytes; Docker's own profile has 30,000.
    static let fileBytesMax = 4 << 20
  }

  static func read(_ path: String, capabilities: [String]) throws(Problem) -> LinuxSeccomp {
    let bytes = try doing("read seccomp profile \(path)", hint: "a file, or unconfined: --security-opt seccomp=…") {
      () throws(Errno) in
      try readFile(path, limit: Limit.fileBytesMax)
    }
    return try parse(bytes, path: path, capabilities: capabilities)
  }

  static func parse(_ bytes: [UInt8], path: String, capabilities: [String]) throws(Problem) -> LinuxSeccomp {
    do {
      let json = try JSON.parse(bytes)
      var profile = try LinuxSeccomp(json: json)
      let rules = json["syscalls"]?.array ?? []
      profile.syscalls = zip(profile.syscalls ?? [], rules).filter { applies($0.1, capabilities) }.map(\.0)
      if let maps = json["archMap"]?.array, profile.architectures == nil {
        let own = maps.first { $0["architecture"]?.string == nativeArchitecture }
        profile.architectures = own.map { [nativeArchitecture] + ($0["subArchitectures"]?.strings ?? []) }
      }
      return profile
    } catch {
      throw Problem(code: .invalid, message: "seccomp profile \(path)", cause: error)
    }
  }

  /// Docker's conditions: all of `includes`, none of `excludes`.
  private static func applies(_ rule: JSON, _ capabilities: [String]) -> Bool {
    if let includes = rule["includes"] {
      for name in includes["caps"]?.strings ?? [] where !capabilities.contains(name) { return false }
      if let arches = includes["arches"]?.strings, !arches.isEmpty, !arches.contains(goArchitecture) { return false }
    }
    if let excludes = rule["excludes"] {
      for name in excludes["caps"]?.strings ?? [] where capabilities.contains(name) { return false }
      if let arches = excludes["arches"]?.strings, arches.contains(goArchitecture) { return false }
    }
    return true
  }
  #if arch(arm64)
    static let nativeArchitecture = "SCMP_ARCH_AARCH64"
    static let goArchitecture = "arm64"
  #else
    static let nativeArchitecture = "SCMP_ARCH_X86_64"
    static let goArchitecture = "amd64"
  #endif
}
