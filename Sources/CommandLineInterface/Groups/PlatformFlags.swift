import Problems

/// `--platform`, or `--arch`, `--os` and `--variant`.
struct PlatformFlags {
  var platform: String?
  var architecture: String?
  var system: String?
  var variant: String?
  init() {}

  static var flags: [Flag<PlatformFlags>] {
    [
      .value("platform", "os/arch[/variant]", "Platform of the image") { $0.platform = $1 },
      .value("arch", "architecture", "Architecture of the image") { $0.architecture = $1 },
      .value("os", "system", "Operating system of the image") { $0.system = $1 },
      .value("variant", "variant", "Architecture variant of the image") { $0.variant = $1 },
    ]
  }

  /// `os/arch[/variant]`; nil where nothing was said.
  func text() throws(Problem) -> String? {
    guard architecture != nil || system != nil || variant != nil else { return platform }
    if platform != nil {
      throw Problem(code: .invalid, message: "--platform cannot be combined with --arch, --os or --variant")
    }
    guard let architecture else {
      throw Problem(code: .invalid, message: "--arch is missing: --os and --variant go with it")
    }
    return (system ?? "linux") + "/" + architecture + (variant.map { "/" + $0 } ?? "")
  }
}
