/// Domains as users write them: search domains, zones.
public enum DomainText {
  private enum Limit {
    /// Bytes of a domain and of each part. Source: RFC 1035, 2.3.4.
    static let domainBytesMax = 253
    static let labelBytesMax = 63
  }

  /// Why a text is no domain; nil where it is one. A dot at the end is fine.
  public static func fault(_ text: String) -> String? {
    let name = text.hasSuffix(".") ? text.dropLast() : text[...]
    if name.utf8.count > Limit.domainBytesMax { return "longer than \(Limit.domainBytesMax) bytes" }
    for label in name.split(separator: ".", omittingEmptySubsequences: false) {
      if label.isEmpty { return "a part of it is empty" }
      if label.utf8.count > Limit.labelBytesMax { return "a part of it is longer than \(Limit.labelBytesMax) bytes" }
      let isFine = label.utf8.allSatisfy {
        (0x30...0x39).contains($0) || (0x41...0x5a).contains($0) || (0x61...0x7a).contains($0) || $0 == 0x2d
          || $0 == 0x5f
      }
      if !isFine { return "not a domain: letters, digits, \"-\", \"_\" and \".\" make one" }
    }
    return nil
  }
}
