import JSON
import Problems

/// `--filter` of events: values of one key are alternatives, keys narrow down; what no event can have is an error.
/// Source: podman-events(1).
struct EventFilter {
  private enum Test {
    case object(EngineEvent.Kind, String), status(EngineEvent.Status), kind(EngineEvent.Kind), network(String)
    case label(name: String, value: String?)
  }
  private var groups: [String: [Test]] = [:]

  init(_ filters: [ListFilter]) throws(Problem) {
    for filter in filters {
      let key = filter.key == "status" ? "event" : filter.key
      groups[key, default: []].append(try Self.test(key, filter.value))
    }
  }

  private static func test(_ key: String, _ value: String) throws(Problem) -> Test {
    guard !value.isEmpty else { throw FlagValue.invalid("\(key)=", "--filter", "want a value") }
    switch key {
    case "container": return .object(.container, value)
    case "image": return .object(.image, value)
    case "volume": return .object(.volume, value)
    case "network": return .network(value)
    case "event":
      // Docker's word for it.
      guard let status = value == "die" ? .died : EngineEvent.Status(rawValue: value) else {
        let known = EngineEvent.Status.allCases.map(\.rawValue).joined(separator: ", ")
        throw FlagValue.invalid("event=\(value)", "--filter", "Berth has no such event; it has \(known)")
      }
      return .status(status)
    case "type":
      guard let kind = EngineEvent.Kind(rawValue: value) else {
        let known = EngineEvent.Kind.allCases.map(\.rawValue).joined(separator: ", ")
        throw FlagValue.invalid("type=\(value)", "--filter", "Berth has no such events; it has those of \(known)")
      }
      return .kind(kind)
    case "label":
      let pair = try FlagValue.label(value, flag: "--filter label")
      return .label(name: pair.name, value: value.contains("=") ? pair.value : nil)
    case "pod":
      throw Problem(
        code: .unsupported, message: "--filter pod=\(value): Berth has no pods", hint: "leave the filter out")
    default:
      throw Problem(
        code: .invalid, message: "--filter \(key)=\(value): unknown filter \"\(key)\"",
        hint: "container, event, image, label, network, type and volume are known")
    }
  }

  func matches(_ event: EngineEvent) -> Bool {
    groups.values.allSatisfy { tests in tests.contains { Self.holds($0, event) } }
  }

  private static func holds(_ test: Test, _ event: EngineEvent) -> Bool {
    switch test {
    case .object(let kind, let name):
      event.kind == kind && (event.name == name || !event.id.isEmpty && event.id.hasPrefix(name))
    case .status(let status): event.status == status
    case .kind(let kind): event.kind == kind
    case .network(let name): event.kind == .network && event.network == name
    case .label(let name, let value): event.attributes[name].map { value == nil || $0.string == value } ?? false
    }
  }
}
