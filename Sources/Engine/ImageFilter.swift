import ImageStore
import Problems
import StateStore
import Sys

/// What `images --filter` and `image prune --filter` ask for. Source: podman-images(1), "--filter".
struct ImageFilter {
  private var tests: [(ImageSummary) -> Bool] = []

  /// Filters with one key are alternatives; different keys must all hold.
  init(_ filters: [ListFilter], library: ImageLibrary) throws(Problem) {
    var groups: [(key: String, tests: [(ImageSummary) -> Bool])] = []
    for filter in filters {
      let test = try ImageFilter.test(filter, library)
      if let place = groups.firstIndex(where: { $0.key == filter.key }) {
        groups[place].tests.append(test)
      } else {
        groups.append((filter.key, [test]))
      }
    }
    tests = groups.map { group in
      { line in
        group.key.hasPrefix("label") ? group.tests.allSatisfy { $0(line) } : group.tests.contains { $0(line) }
      }
    }
  }

  func matches(_ line: ImageSummary) -> Bool { tests.allSatisfy { $0(line) } }

  private static func test(_ filter: ListFilter, _ library: ImageLibrary) throws(Problem) -> (ImageSummary) -> Bool {
    let value = filter.value
    switch filter.key {
    case "reference": return { names($0, value) }
    case "id": return { $0.id.hasPrefix(value.hasPrefix("sha256:") ? String(value.dropFirst(7)) : value) }
    case "label": return { has($0.labels, value) }
    case "label!": return { !has($0.labels, value) }
    case "dangling":
      let wanted = try flag(filter)
      return { $0.isDangling == wanted }
    case "containers":
      let wanted = try flag(filter)
      return { ($0.containers > 0) == wanted }
    case "before":
      let created = try library.lookup(value).image.created
      return { $0.created < created }
    case "since", "after":
      let created = try library.lookup(value).image.created
      return { $0.created > created }
    case "until":
      let time = try Timestamp.parse(user: value, now: Timestamp.now(), flag: "--filter until")
      return { $0.created < time }
    default:
      throw Problem(
        code: .invalid, message: "unknown filter \"\(filter.key)\" for images",
        hint: "known are reference, id, label, dangling, containers, before, since and until")
    }
  }

  private static func flag(_ filter: ListFilter) throws(Problem) -> Bool {
    switch filter.value.lowercased() {
    case "true", "1", "t": return true
    case "false", "0", "f": return false
    default:
      throw Problem(code: .invalid, message: "filter \(filter.key)=\(filter.value): expected true or false")
    }
  }

  private static func has(_ labels: [String: String], _ wanted: String) -> Bool {
    guard let equals = wanted.firstIndex(of: "=") else { return labels[wanted] != nil }
    return labels[String(wanted[..<equals])] == String(wanted[wanted.index(after: equals)...])
  }

  /// Whether a line's image goes by `text`: full or short name, repository, pattern with `*`, or beginning of its ID.
  static func names(_ line: ImageSummary, _ text: String) -> Bool {
    if line.id.hasPrefix(text.hasPrefix("sha256:") ? String(text.dropFirst(7)) : text) { return true }
    let full = "\(line.repository):\(line.tag)"
    var endings = [full, line.repository]
    for prefix in ["docker.io/library/", "docker.io/", "localhost/"] where full.hasPrefix(prefix) {
      endings += [String(full.dropFirst(prefix.count)), String(line.repository.dropFirst(prefix.count))]
    }
    if let last = line.repository.split(separator: "/").last { endings += ["\(last)", "\(last):\(line.tag)"] }
    endings += line.repoDigests
    return endings.contains { matches($0[...], text[...]) }
  }

  /// A pattern with `*` (any text) and `?` (one letter).
  private static func matches(_ text: Substring, _ pattern: Substring) -> Bool {
    guard let first = pattern.first else { return text.isEmpty }
    if first == "*" {
      var rest = text
      while true {
        if matches(rest, pattern.dropFirst()) { return true }
        if rest.popFirst() == nil { return false }
      }
    }
    guard let letter = text.first, first == "?" || first == letter else { return false }
    return matches(text.dropFirst(), pattern.dropFirst())
  }
}
