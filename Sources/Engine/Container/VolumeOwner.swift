import Problems

/// Who a volume belongs to from the beginning: `--opt o=uid=1000,gid=1000`. Source: podman-volume-create(1), "--opt".
struct VolumeOwner: Hashable {
  var uid: UInt32 = 0
  var gid: UInt32 = 0

  /// - Parameter options: of the local driver, by name.
  /// - Returns: nil where they name no owner.
  /// - Throws: `.unsupported` for every other option: they mount something.
  init?(_ options: [String: String]) throws(Problem) {
    if let name = options.keys.sorted().first(where: { $0 != "o" }) { throw Self.unsupported(name) }
    guard let text = options["o"] else { return nil }
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
      guard pair.count == 2, pair[0] == "uid" || pair[0] == "gid" else { throw Self.unsupported("o=\(part)") }
      guard let id = UInt32(pair[1]), id <= Accounts.Limit.idMax else {
        throw FlagValue.invalid("o=\(part)", "--opt", "want a number up to \(Accounts.Limit.idMax)")
      }
      if pair[0] == "uid" { uid = id } else { gid = id }
    }
  }
  private static func unsupported(_ name: String) -> Problem {
    Problem(
      code: .unsupported, message: "volume option \"\(name)\" is not supported", hint: "o=uid=ID and o=gid=ID are")
  }
}
