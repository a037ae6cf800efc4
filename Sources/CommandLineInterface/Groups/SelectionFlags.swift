import Engine
import Problems
import Sys

/// Which containers a command works on: those named, or `--all`, `--latest`, `--filter`, `--cidfile`.
struct SelectionFlags {
  var all = false
  var latest = false
  var filters: [ListFilter] = []
  var idFiles: [String] = []
  init() {}

  static func flags(all: String) -> [Flag<SelectionFlags>] {
    [
      .toggle("all", "a", all) { $0.all = $1 },
      .toggle("latest", "l", "The container made last") { $0.latest = $1 },
      .value("filter", "f", "key=value", "Containers that match") { $0.filters.append(try ListFilter(flag: $1)) },
      .value("cidfile", "file", "Read the container's ID from a file", completion: .file) { $0.idFiles.append($1) },
    ]
  }

  /// - Parameter running: what `--all` and `--filter` mean: all of them, or the running ones.
  /// - Throws: `.invalid` where nothing, or too much, is selected.
  func names(_ given: [String], _ engine: Engine, running: Bool = false, path: String) throws(Problem) -> [String] {
    let selected = all || latest || !filters.isEmpty
    if selected && !given.isEmpty {
      throw Problem(
        code: .invalid, message: "--all, --latest and --filter go without names", hint: "See '\(path) --help'")
    }
    var names = given
    for file in idFiles {
      let text = try doing("--cidfile \(file)") { () throws(Errno) in try readText(file) }
      names += text.split(whereSeparator: \.isNewline).prefix(1).map(String.init)
    }
    if latest { return [try engine.latestContainer()] }
    if !filters.isEmpty {
      var query = ListQuery()
      query.all = !running
      query.filters = filters
      return try engine.list(query).map(\.id)
    }
    if all { return try engine.containerIDs(running: running) }
    if names.isEmpty && idFiles.isEmpty {
      throw Problem(code: .invalid, message: "a container's name or ID is missing", hint: "See '\(path) --help'")
    }
    return names
  }
}

extension Engine {
  /// What `--all` means to a command that has work with containers in these states only.
  func containerIDs(in states: Set<ContainerState>) throws(Problem) -> [String] {
    var query = ListQuery()
    query.all = true
    return try list(query).filter { states.contains($0.state) }.map(\.id)
  }
}
