package import JSON

/// Where a container is in its life. Source: runtime-spec 1.2, runtime.md, "State".
package struct Status: RawRepresentable, Hashable, Sendable {
  package let rawValue: String
  package init(rawValue: String) { self.rawValue = rawValue }
  package static let creating = Status(rawValue: "creating")
  package static let created = Status(rawValue: "created")
  package static let running = Status(rawValue: "running")
  package static let stopped = Status(rawValue: "stopped")
  package static let paused = Status(rawValue: "paused")
}

/// What `state` prints and hooks read. Source: runtime.md, "State".
package struct State: SpecObject {
  package var ociVersion: String
  package var id: String
  /// "paused" is beyond the specification; runc and crun say it, too.
  package var status: Status
  /// In the runtime's pid namespace; of a created or running container.
  package var pid: Int32?
  /// Absolute.
  package var bundle: String
  package var annotations: [String: String]?

  package init(ociVersion: String, id: String, status: Status, bundle: String) {
    self.ociVersion = ociVersion
    self.id = id
    self.status = status
    self.bundle = bundle
  }
  package init(_ members: SpecReader) throws(SpecError) {
    ociVersion = try members.required(try members.string("ociVersion"), "ociVersion")
    id = try members.required(try members.string("id"), "id")
    status = try members.required(try members.string("status").map(Status.init(rawValue:)), "status")
    pid = try members.integer("pid")
    bundle = try members.required(try members.string("bundle"), "bundle")
    annotations = try members.texts("annotations")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("ociVersion", ociVersion)
    writer.put("id", id)
    writer.put("status", status.rawValue)
    writer.put("pid", pid)
    writer.put("bundle", bundle)
    writer.put("annotations", annotations)
    return writer.json
  }
}
