package import JSON
package import Problems

extension MonitorConfiguration {
  /// As descriptor 3 carries it; members without a value are left out.
  package var json: JSON {
    var object = JSON.Object([
      ("id", JSON(id)), ("name", JSON(name)), ("bundle", JSON(bundle)), ("runtime", JSON(runtime)),
      ("runtimeArguments", JSON(runtimeArguments)), ("terminal", JSON(terminal)), ("stdinOpen", JSON(stdinOpen)),
      ("stdinOnce", JSON(stdinOnce)), ("log", log.json), ("exitFile", JSON(exitFile)), ("pidFile", JSON(pidFile)),
      ("exitCommand", JSON(exitCommand)), ("preserveFDs", JSON(preserveFDs)), ("attachFD", JSON(attachFD)),
      ("startsAtOnce", JSON(startsAtOnce)), ("noPivot", JSON(noPivot)), ("durable", JSON(durable)),
    ])
    object["monitorPidFile"] = monitorPidFile.map { JSON($0) }
    object["attachSocket"] = attachSocket.map { JSON($0) }
    object["oomFile"] = oomFile.map { JSON($0) }
    object["monitorLog"] = monitorLog.map { JSON($0) }
    object["exec"] = exec.map { ["processFile": JSON($0.processFile), "id": JSON($0.id)] }
    return .object(object)
  }

  /// - Throws: `.invalid`, naming the member that is missing or of the wrong kind; unknown members are ignored.
  package init(json: JSON) throws(Problem) {
    let members = Members(json: json, name: "the monitor's configuration")
    self.init(
      id: try members.text("id"), name: try members.text("name", or: ""), bundle: try members.text("bundle"),
      runtime: try members.text("runtime"), runtimeArguments: try members.texts("runtimeArguments"),
      terminal: try members.flag("terminal"), stdinOpen: try members.flag("stdinOpen"),
      stdinOnce: try members.flag("stdinOnce"), log: try Log(json: json["log"] ?? .null),
      exitFile: try members.text("exitFile"), pidFile: try members.text("pidFile"),
      monitorPidFile: try members.optionalText("monitorPidFile"),
      attachSocket: try members.optionalText("attachSocket"), oomFile: try members.optionalText("oomFile"),
      exitCommand: try members.texts("exitCommand"), exec: try Exec(member: json["exec"]),
      preserveFDs: try members.count("preserveFDs"), attachFD: try members.flag("attachFD"),
      monitorLog: try members.optionalText("monitorLog"), startsAtOnce: try members.flag("startsAtOnce"),
      noPivot: try members.flag("noPivot"), durable: try members.flag("durable", or: true))
  }
}

extension MonitorConfiguration.Log {
  var json: JSON {
    var object = JSON.Object([("driver", JSON(driver.rawValue))])
    if !path.isEmpty { object["path"] = JSON(path) }
    object["maxSizeBytes"] = maxSizeBytes.map { JSON($0) }
    object["tag"] = tag.map { JSON($0) }
    if !labels.isEmpty {
      object["labels"] = .object(JSON.Object(labels.sorted { $0.key < $1.key }.map { ($0.key, JSON($0.value)) }))
    }
    return .object(object)
  }

  init(json: JSON) throws(Problem) {
    if json.isNull {
      self.init(driver: .none)
      return
    }
    let members = Members(json: json, name: "log in the monitor's configuration")
    let word = try members.text("driver", or: Driver.k8sFile.rawValue)
    guard let driver = Driver(rawValue: word) else {
      throw Problem(code: .invalid, message: "unknown log driver \(word)", hint: "use k8s-file, json-file or none")
    }
    let path = try members.text("path", or: "")
    if driver != .none && path.isEmpty { throw Problem(code: .invalid, message: "log driver \(word) without a path") }
    var labels: [String: String] = [:]
    for label in json["labels"]?.object?.members ?? [] { labels[label.name] = label.value.string }
    self.init(
      driver: driver, path: path, maxSizeBytes: json["maxSizeBytes"]?.integer(),
      tag: try members.optionalText("tag"), labels: labels)
  }
}

extension MonitorConfiguration.Exec {
  fileprivate init?(member json: JSON?) throws(Problem) {
    guard let json, !json.isNull else { return nil }
    let members = Members(json: json, name: "exec in the monitor's configuration")
    self.init(processFile: try members.text("processFile"), id: try members.text("id", or: ""))
  }
}

/// Typed access to an object's members, with errors that name them.
struct Members {
  let json: JSON
  /// What the object is, for the error.
  let name: String

  private func failure(_ member: String, _ need: String) -> Problem {
    Problem(code: .invalid, message: "\(member) of \(name) must be \(need)")
  }
  private func value(_ member: String) -> JSON? { json[member].flatMap { $0.isNull ? nil : $0 } }

  func optionalText(_ member: String) throws(Problem) -> String? {
    guard let value = value(member) else { return nil }
    guard let text = value.string else { throw failure(member, "text") }
    return text
  }
  func text(_ member: String) throws(Problem) -> String {
    guard let text = try optionalText(member), !text.isEmpty else { throw failure(member, "text that is not empty") }
    return text
  }
  func text(_ member: String, or missing: String) throws(Problem) -> String { try optionalText(member) ?? missing }
  func texts(_ member: String) throws(Problem) -> [String] {
    guard let value = value(member) else { return [] }
    guard let texts = value.strings else { throw failure(member, "a list of texts") }
    return texts
  }
  func flag(_ member: String, or missing: Bool = false) throws(Problem) -> Bool {
    guard let value = value(member) else { return missing }
    guard let flag = value.bool else { throw failure(member, "true or false") }
    return flag
  }
  func count(_ member: String) throws(Problem) -> Int {
    guard let value = value(member) else { return 0 }
    guard let count: Int = value.integer(), count >= 0 else { throw failure(member, "a number from 0 on") }
    return count
  }
}
