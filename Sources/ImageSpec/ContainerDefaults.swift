public import JSON
public import Problems

/// What a container of an image does unless the user says otherwise: `config` of the image configuration.
///
/// Source: image-spec, config.md, "config"; `Healthcheck`, `OnBuild` and `Shell` are Docker's.
public struct ContainerDefaults: Hashable, Sendable {
  /// `user[:group]`, names or numbers; empty is root.
  public var user = ""
  /// `80/tcp`, sorted.
  public var exposedPorts: [String] = []
  /// `NAME=value`, in order.
  public var environment: [String] = []
  /// nil is "not given"; empty is "none".
  public var entrypoint: [String]?
  public var command: [String]?
  /// Mount points, sorted.
  public var volumes: [String] = []
  /// Empty is `/`.
  public var workingDirectory = ""
  public var labels: [String: String] = [:]
  /// `SIGTERM`, `15`; empty is the engine's default.
  public var stopSignal = ""
  /// The shell of shell-form commands; nil is `/bin/sh -c`.
  public var shell: [String]?
  public var healthCheck: HealthCheck?
  public var onBuild: [String] = []

  public init() {}

  init(_ fields: Fields) throws(Problem) {
    user = try fields.string("User") ?? ""
    exposedPorts = try fields.set("ExposedPorts") ?? []
    environment = try fields.strings("Env") ?? []
    entrypoint = try fields.strings("Entrypoint")
    command = try fields.strings("Cmd")
    volumes = try fields.set("Volumes") ?? []
    workingDirectory = try fields.string("WorkingDir") ?? ""
    labels = try fields.map("Labels") ?? [:]
    stopSignal = try fields.string("StopSignal") ?? ""
    shell = try fields.strings("Shell")
    if let check = try fields.fields("Healthcheck") { healthCheck = try HealthCheck(check) }
    onBuild = try fields.strings("OnBuild") ?? []
  }

  /// As the image configuration holds it; what is empty is left out.
  public var json: JSON {
    var object = JSON.Object()
    if !user.isEmpty { object["User"] = JSON(user) }
    object.put("ExposedPorts", JSON(names: exposedPorts))
    if !environment.isEmpty { object["Env"] = JSON(environment) }
    object.put("Entrypoint", entrypoint.map { JSON($0) })
    object.put("Cmd", command.map { JSON($0) })
    object.put("Volumes", JSON(names: volumes))
    if !workingDirectory.isEmpty { object["WorkingDir"] = JSON(workingDirectory) }
    object.put("Labels", nonEmpty: labels)
    if !stopSignal.isEmpty { object["StopSignal"] = JSON(stopSignal) }
    object.put("Shell", shell.map { JSON($0) })
    object.put("Healthcheck", healthCheck?.json)
    if !onBuild.isEmpty { object["OnBuild"] = JSON(onBuild) }
    return .object(object)
  }

  /// Reads what `json` wrote.
  public init(json: JSON) throws(Problem) { try self.init(try Fields(json, "config")) }
}

/// Source: Docker image specification v1.2, "Healthcheck". Durations in nanoseconds; 0 is "inherit the default".
public struct HealthCheck: Hashable, Sendable {
  /// `["NONE"]`, `["CMD", …]`, `["CMD-SHELL", line]`; empty inherits.
  public var test: [String] = []
  public var intervalNanoseconds: Int64 = 0
  public var timeoutNanoseconds: Int64 = 0
  public var startPeriodNanoseconds: Int64 = 0
  public var startIntervalNanoseconds: Int64 = 0
  public var retries = 0

  public init() {}

  init(_ fields: Fields) throws(Problem) {
    test = try fields.strings("Test") ?? []
    intervalNanoseconds = try fields.integer("Interval", Int64.self) ?? 0
    timeoutNanoseconds = try fields.integer("Timeout", Int64.self) ?? 0
    startPeriodNanoseconds = try fields.integer("StartPeriod", Int64.self) ?? 0
    startIntervalNanoseconds = try fields.integer("StartInterval", Int64.self) ?? 0
    retries = try fields.integer("Retries") ?? 0
  }

  public var json: JSON {
    var object = JSON.Object([("Test", JSON(test))])
    func put(_ name: String, _ value: Int64) { if value != 0 { object[name] = JSON(value) } }
    put("Interval", intervalNanoseconds)
    put("Timeout", timeoutNanoseconds)
    put("StartPeriod", startPeriodNanoseconds)
    put("StartInterval", startIntervalNanoseconds)
    put("Retries", Int64(retries))
    return .object(object)
  }
}

extension JSON {
  /// A set in the image configuration's way, `{"80/tcp":{}}`; nil when empty.
  init?(names: [String]) {
    if names.isEmpty { return nil }
    self = .object(JSON.Object(names.sorted().map { ($0, .object(JSON.Object())) }))
  }
}
