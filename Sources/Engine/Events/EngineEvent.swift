public import JSON
import StateStore

/// Something that has happened to an object of an engine. Source: podman-events(1); names are podman's.
public struct EngineEvent: Hashable, Sendable {
  public enum Kind: String, CaseIterable, Sendable { case container, image, network, volume }
  public enum Status: String, CaseIterable, Sendable {
    case attach, cleanup, connect, create, died, disconnect, exec
    case execDied = "exec_died"
    case `import`
    case initialized = "init"
    case kill
    case loadFromArchive = "loadfromarchive"
    case pause, prune, pull, remove, rename, restart, start, stop, tag, unpause, untag
  }

  /// Nanoseconds since 1970.
  public var time: Int64
  public var kind: Kind
  public var status: Status
  /// Of the container or image, 64 hex digits; empty for volumes, which have none.
  public var id: String
  /// Of the container, the image or the volume.
  public var name: String
  /// What a container was made of, as listings show it.
  public var image = ""
  /// What a container was connected to or disconnected from.
  public var network = ""
  /// nil where nobody saw it.
  public var exitCode: Int32?
  /// A container's labels: an object; null for other kinds.
  public var attributes = JSON.null

  init(_ kind: Kind, _ status: Status, id: String = "", name: String) {
    time = Timestamp.now()
    self.kind = kind
    self.status = status
    self.id = id
    self.name = name
  }
  init(_ status: Status, _ record: ContainerRecord, exitCode: Int32? = nil) {
    self.init(.container, status, id: record.id, name: record.name)
    image = record.imageName
    self.exitCode = exitCode
    attributes = record.labels == "{}" ? .object(JSON.Object()) : (try? JSON.parse(record.labels)) ?? .null
  }
  init(_ status: Status, _ record: ContainerRecord, network: String) {
    self.init(.network, status, id: record.id, name: record.name)
    self.network = network
  }
}

extension EngineEvent {
  /// podman's line of JSON: what does not apply is left out.
  public var json: JSON {
    var object = JSON.Object()
    if let exitCode { object["ContainerExitCode"] = JSON(exitCode) }
    for (member, text) in [("ID", id), ("Image", image), ("Name", name), ("network", network)] where !text.isEmpty {
      object[member] = .string(text)
    }
    object["Status"] = .string(status.rawValue)
    object["Time"] = .string(Timestamp.text(time))
    object["Type"] = .string(kind.rawValue)
    object["Attributes"] = attributes
    return .object(object)
  }

  /// nil for what is no event: a line that was not written whole, or one of a later version.
  init?(json: JSON) {
    guard let kind = json["Type"]?.string.flatMap(Kind.init), let status = json["Status"]?.string.flatMap(Status.init),
      let time = json["Time"]?.string.flatMap(Timestamp.parse)
    else { return nil }
    self.init(kind, status, id: json["ID"]?.string ?? "", name: json["Name"]?.string ?? "")
    self.time = time
    image = json["Image"]?.string ?? ""
    network = json["network"]?.string ?? ""
    exitCode = json["ContainerExitCode"]?.integer()
    attributes = json["Attributes"] ?? .null
  }
}
