public import JSON
public import Problems

/// What an image runs on. Source: image-spec, image-index.md, "platform".
public struct Platform: Hashable, Sendable, CustomStringConvertible {
  /// As Go's GOOS: `linux`.
  public var os: String
  /// As Go's GOARCH: `amd64`, `arm64`, `arm`, `386`, …
  public var architecture: String
  /// `v7`, `v8`; nil is "the usual one".
  public var variant: String?

  /// Takes the names as people write them: `x86_64` is `amd64`, `aarch64` is `arm64`, `armhf` is `arm/v7`, …
  public init(os: String, architecture: String, variant: String? = nil) {
    let variant = variant.flatMap { $0.isEmpty ? nil : $0.lowercased() }
    self.os = os.lowercased()
    switch (architecture.lowercased(), variant) {
    case ("x86_64", nil), ("x86-64", nil), ("amd64", "v1"), ("x86_64", "v1"):
      (self.architecture, self.variant) = ("amd64", nil)
    case ("x86_64", let v), ("x86-64", let v): (self.architecture, self.variant) = ("amd64", v)
    case ("aarch64", nil), ("arm64", "8"), ("arm64", "v8"), ("aarch64", "v8"):
      (self.architecture, self.variant) = ("arm64", nil)
    case ("aarch64", let v): (self.architecture, self.variant) = ("arm64", v)
    case ("armhf", _), ("arm", nil), ("arm", "7"): (self.architecture, self.variant) = ("arm", "v7")
    case ("armel", _), ("arm", "6"): (self.architecture, self.variant) = ("arm", "v6")
    case ("arm", "5"): (self.architecture, self.variant) = ("arm", "v5")
    case ("i386", _), ("i486", _), ("i586", _), ("i686", _): (self.architecture, self.variant) = ("386", nil)
    case (let name, let v): (self.architecture, self.variant) = (name, v)
    }
  }

  /// `os/arch[/variant]`, `os` or `arch` alone, as `--platform` takes it.
  public init(parsing text: String) throws(Problem) {
    func wrong(_ reason: String) -> Problem {
      Problem(
        code: .invalid, message: "invalid platform \(quoted(text)): \(reason)",
        hint: "write os/arch or os/arch/variant, such as linux/arm64")
    }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    let allowed = parts.allSatisfy { part in
      !part.isEmpty
        && part.utf8.allSatisfy { 0x61...0x7a ~= $0 | 0x20 || 0x30...0x39 ~= $0 || $0 == 0x2d || $0 == 0x5f }
    }
    guard allowed else { throw wrong("empty part or letter that does not belong there") }
    let host = Platform.host
    switch parts.count {
    case 1 where ["linux", "windows", "darwin", "freebsd"].contains(parts[0].lowercased()):
      self.init(os: parts[0], architecture: host.architecture, variant: host.variant)
    case 1: self.init(os: host.os, architecture: parts[0])
    case 2: self.init(os: parts[0], architecture: parts[1])
    case 3: self.init(os: parts[0], architecture: parts[1], variant: parts[2])
    default: throw wrong("too many parts")
    }
  }

  /// What this program was built for.
  public static var host: Platform {
    #if arch(x86_64)
      Platform(os: "linux", architecture: "amd64")
    #elseif arch(arm64)
      Platform(os: "linux", architecture: "arm64")
    #elseif arch(arm)
      Platform(os: "linux", architecture: "arm", variant: "v7")
    #elseif arch(i386)
      Platform(os: "linux", architecture: "386")
    #elseif arch(riscv64)
      Platform(os: "linux", architecture: "riscv64")
    #elseif arch(powerpc64le)
      Platform(os: "linux", architecture: "ppc64le")
    #elseif arch(s390x)
      Platform(os: "linux", architecture: "s390x")
    #else
      Platform(os: "linux", architecture: "unknown")
    #endif
  }

  public var description: String { [os, architecture, variant].compactMap(\.self).joined(separator: "/") }

  /// How well an image for `candidate` serves a machine like this one: 0 is exact, more is worse, nil is "not at all".
  ///
  /// A newer ARM or x86-64 level runs what was built for an older one. Source: containerd, platforms, "compare.go".
  public func distance(to candidate: Platform) -> Int? {
    guard os == candidate.os, architecture == candidate.architecture else { return nil }
    if variant == candidate.variant { return 0 }
    switch architecture {
    case "arm", "amd64", "arm64":
      let usual = architecture == "arm" ? 7 : architecture == "arm64" ? 8 : 1
      guard let mine = Platform.level(variant, usual), let theirs = Platform.level(candidate.variant, usual) else {
        return nil
      }
      return theirs <= mine ? mine - theirs : nil
    default:
      return variant == nil ? 1 : nil  // nothing was asked for: any variant is better than none
    }
  }
  private static func level(_ variant: String?, _ usual: Int) -> Int? {
    guard let variant else { return usual }
    return variant.hasPrefix("v") ? Int(variant.dropFirst()) : nil
  }

  public init(json: JSON) throws(Problem) {
    let fields = try Fields(json, "platform")
    self.init(
      os: try fields.required("os", try fields.string("os")),
      architecture: try fields.required("architecture", try fields.string("architecture")),
      variant: try fields.string("variant"))
  }
  public var json: JSON {
    var object = JSON.Object([("architecture", JSON(architecture)), ("os", JSON(os))])
    object.put("variant", variant)
    return .object(object)
  }
}
