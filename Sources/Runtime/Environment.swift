import Glibc
import Sys

/// `NAME=value` entries; of several with one name the last wins, at the place of the first.
struct Environment {
  private(set) var entries: [String] = []
  /// Where the names are, once there are many: a few are found by walking.
  private var places: [String: Int] = [:]
  private enum Limit { static let walkedMax = 64 }

  init(_ list: [String]) {
    entries.reserveCapacity(list.count + 1)
    for entry in list { add(entry) }
  }
  private mutating func add(_ entry: String) {
    let name = Self.name(of: entry)
    if let place = place(of: name) {
      entries[place] = entry
      return
    }
    entries.append(entry)
    if !places.isEmpty {
      places[String(Substring(name))] = entries.count - 1
    } else if entries.count > Limit.walkedMax {
      for (place, entry) in entries.enumerated() { places[String(Substring(Self.name(of: entry)))] = place }
    }
  }
  private static func name(of entry: String) -> Substring.UTF8View { entry.utf8.prefix { $0 != UInt8(ascii: "=") } }
  private func place(of name: Substring.UTF8View) -> Int? {
    if !places.isEmpty { return places[String(Substring(name))] }
    return entries.firstIndex { Self.name(of: $0).elementsEqual(name) }
  }
  subscript(name: String) -> String? {
    get { place(of: name.utf8[...]).map { String(Substring(entries[$0].utf8.dropFirst(name.utf8.count + 1))) } }
    set { if let newValue { add(name + "=" + newValue) } }
  }
}

/// The container's /etc/passwd.
enum Passwd {
  private enum Limit { static let bytesMax = 4 << 20 }

  /// A user's home; "/" where the file does not say.
  static func home(of uid: uid_t, in root: borrowing RootFilesystem) -> String {
    guard let fd = try? root.open("/etc/passwd", O_RDONLY | O_NONBLOCK),
      let bytes = try? readAll(fd, limit: Limit.bytesMax)
    else { return "/" }
    return home(of: uid, in: String(decoding: bytes, as: UTF8.self))
  }
  /// Source: passwd(5): name, password, UID, GID, GECOS, directory, shell.
  static func home(of uid: uid_t, in text: String) -> String {
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: ":", omittingEmptySubsequences: false)
      if fields.count >= 6, uid_t(fields[2]) == uid, !fields[5].isEmpty { return String(fields[5]) }
    }
    return "/"
  }
  static func name(of uid: uid_t, in text: String) -> String? {
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: ":", omittingEmptySubsequences: false)
      if fields.count > 2, uid_t(fields[2]) == uid { return String(fields[0]) }
    }
    return nil
  }
}
