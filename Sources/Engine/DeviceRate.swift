public import Problems

/// A limit of one block device: `--device-read-bps /dev/sda:1m` and its kin. Source: podman-run(1).
public struct DeviceRate: Hashable, Sendable {
  /// What is limited; the flag's name.
  public enum Kind: String, CaseIterable, Sendable {
    case readBytes = "device-read-bps"
    case writeBytes = "device-write-bps"
    case readOperations = "device-read-iops"
    case writeOperations = "device-write-iops"
    /// No limit: a share, 10 to 1000.
    case weight = "blkio-weight-device"
  }
  public var kind: Kind
  /// Of the device on the host.
  public var path: String
  /// Bytes or operations a second, or the weight.
  public var rate: UInt64

  public init(_ kind: Kind, path: String, rate: UInt64) {
    self.kind = kind
    self.path = path
    self.rate = rate
  }

  /// `PATH:RATE`.
  public init(_ kind: Kind, flag text: String) throws(Problem) {
    let flag = "--\(kind.rawValue)"
    guard text.hasPrefix("/"), let colon = text.lastIndex(of: ":") else {
      throw FlagValue.invalid(text, flag, "want /DEVICE/PATH:RATE")
    }
    let value = String(text[text.index(after: colon)...])
    let number: UInt64?
    switch kind {
    case .readBytes, .writeBytes: number = UInt64(exactly: try FlagValue.bytes(value, flag: flag))
    case .readOperations, .writeOperations: number = UInt64(value)
    case .weight: number = UInt64(value).flatMap { (10...1000).contains($0) ? $0 : nil }
    }
    guard let number, number > 0 else {
      throw FlagValue.invalid(text, flag, kind == .weight ? "want a weight from 10 to 1000" : "want a rate above 0")
    }
    self.init(kind, path: String(text[..<colon]), rate: number)
  }
}
