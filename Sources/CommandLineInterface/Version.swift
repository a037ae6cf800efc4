/// This release of Berth.
enum Version {
  static let text = "0.1.0"
}
