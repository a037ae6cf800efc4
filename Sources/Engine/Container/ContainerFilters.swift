import ImageStore
import JSON
import Networking
import Problems
import StateStore

/// `--filter` of ps and prune: values of one key are alternatives, keys narrow down, an unknown key is an error.
/// Source: capability lines PD-62, LP-32, G.18.
struct ContainerFilters {
  private enum Test {
    case id(String), name(NamePattern), status(StateStore.ContainerState), ancestor(Set<String>, String), exitCode(
      Int32)
    case label(name: String, value: String?, isWanted: Bool)
    case createdBefore(Int64), createdSince(Int64), volume(String), network(Set<String>)
  }
  private var groups: [String: [Test]] = [:]
  /// Only running containers could match otherwise.
  private(set) var looksAtAll = false

  init(_ filters: [ListFilter], engine: Engine) throws(Problem) {
    for filter in filters {
      let test = try Self.test(filter, engine)
      // Not a label and a label are two conditions, not two alternatives.
      groups[filter.key, default: []].append(test)
      if filter.key == "status" || filter.key == "exited" { looksAtAll = true }
    }
  }

  private static func test(_ filter: ListFilter, _ engine: Engine) throws(Problem) -> Test {
    let value = filter.value
    switch filter.key {
    case "id": return .id(value)
    case "name": return .name(try NamePattern(value, flag: "--filter name"))
    case "status":
      let word = value == "dead" ? "unknown" : value == "initialized" ? "created" : value
      return .status(try StateStore.ContainerState(parsing: word))
    case "exited":
      guard let code = Int32(value) else { throw FlagValue.invalid("exited=\(value)", "--filter", "want an exit code") }
      return .exitCode(code)
    case "label", "label!":
      let pair = try FlagValue.label(value, flag: "--filter label")
      return .label(name: pair.name, value: value.contains("=") ? pair.value : nil, isWanted: filter.key == "label")
    case "ancestor":
      let image = try engine.library().find(value)?.image
      return .ancestor(Set(image.map { [$0.id] } ?? []), value)
    case "before": return .createdBefore(try engine.store().containers.lookup(value).created)
    case "since": return .createdSince(try engine.store().containers.lookup(value).created)
    case "until": return .createdBefore(try Timestamp.parse(user: value, now: Timestamp.now(), flag: "--filter until"))
    case "volume": return .volume(value)
    case "network":
      guard try engine.networkExists(value) else { return .network([]) }  // as podman: nobody is on it
      let members = try engine.store().networks.members(of: try engine.network(value).id)
      return .network(Set(members.map(\.container)))
    default:
      throw Problem(
        code: .invalid, message: "--filter \(filter.key)=\(value): unknown filter \"\(filter.key)\"",
        hint: "ancestor, before, exited, id, label, name, network, since, status, until and volume are known")
    }
  }

  func match(_ record: ContainerRecord) throws(Problem) -> Bool {
    for (key, tests) in groups {
      // Every label has to be there; of the others one is enough.
      let isMatch =
        key.hasPrefix("label") ? tests.allSatisfy { Self.holds($0, record) } : tests.contains { Self.holds($0, record) }
      if !isMatch { return false }
    }
    return true
  }

  private static func holds(_ test: Test, _ record: ContainerRecord) -> Bool {
    switch test {
    case .id(let prefix): return record.id.hasPrefix(prefix)
    // Docker's names begin with a slash.
    case .name(let pattern): return pattern.matches(record.name) || pattern.matches("/" + record.name)
    case .status(let state):
      // Exited says what the user sees: stopped containers have exited, too; created ones were never started.
      switch record.status.state {
      case .stopped: return state == .stopped || state == .exited
      case .configured: return state == .configured || state == .created
      default: return record.status.state == state
      }
    case .exitCode(let code):
      return record.status.exited && !record.status.state.isAlive && record.status.exitCode == code
    case .label(let name, let value, let isWanted):
      let labels = (try? JSON.parse(record.labels))?.texts ?? [:]
      let isThere = labels[name].map { value == nil || $0 == value } ?? false
      return isThere == isWanted
    case .ancestor(let ids, let name):
      return record.imageID.map(ids.contains) ?? false || record.imageName == name
    case .createdBefore(let time): return record.created < time
    case .createdSince(let time): return record.created > time
    case .network(let members): return members.contains(record.id)
    case .volume(let wanted):
      let summary = try? JSON.parse(record.summary)
      return (summary?["volumes"]?.strings ?? []).contains(wanted)
        || (summary?["mounts"]?.strings ?? []).contains(wanted)
    }
  }
}
