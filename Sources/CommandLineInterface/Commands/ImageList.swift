import Engine
import ImageStore
import JSON
import Problems

/// `berth images`, `berth image ls`.
struct ImageList: Command {
  var filters: [ListFilter] = []
  var format: String?
  var truncates = true
  var headings = true
  var quiet = false
  var digests = false
  var sort = SortKey.created
  var given: [String] = []
  init() {}

  enum SortKey: String, CaseIterable { case created, id, repository, size, tag }

  static var about: About { About("ls", "List images", aliases: ["list"]) }
  static var operands: [Operand] { [Operand("IMAGE", "Only images of this name", optional: true, repeats: true)] }
  static var flags: [Flag<Self>] {
    [
      .toggle("all", "a", "All images: here that is what is shown anyway") { _, _ in },
      .toggle("digests", "Show digests") { $0.digests = $1 },
      .value(
        "filter", "f", "key=value", "Only those that match: reference, label, dangling, before, since, id, containers"
      ) {
        $0.filters.append(try ListFilter(flag: $1))
      },
      .value("format", "template", "json, a Go template, or 'table' and a Go template") { $0.format = $1 },
      .toggle("no-trunc", "Show IDs in full") { $0.truncates = !$1 },
      .toggle("noheading", "n", "Leave out the headings") { $0.headings = !$1 },
      .toggle("quiet", "q", "Only IDs") { $0.quiet = $1 },
      .value("sort", "key", "Order: \(sortNames.joined(separator: ", "))", completion: .words(sortNames)) {
        guard let key = SortKey(rawValue: $1) else { throw choice("--sort", $1, sortNames) }
        $0.sort = key
      },
    ]
  }
  private static var sortNames: [String] { SortKey.allCases.map(\.rawValue) }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let images = sorted(try context.engine().images(given, filters: filters))
    if quiet {
      var seen: Set<String> = []
      for image in images where seen.insert(image.id).inserted { context.output.line(shown(image.id)) }
      return 0
    }
    context.output.write(try listing(images, now: HumanText.now()).text(format: format, headings: headings))
    return 0
  }

  private func shown(_ id: String) -> String { truncates ? String(id.prefix(12)) : "sha256:" + id }

  private func sorted(_ images: [ImageSummary]) -> [ImageSummary] {
    switch sort {
    case .created: images
    case .id: images.sorted { $0.id < $1.id }
    case .repository: images.sorted { $0.repository < $1.repository }
    case .size: images.sorted { $0.size < $1.size }
    case .tag: images.sorted { $0.tag < $1.tag }
    }
  }

  /// The rows as a table, templates and JSON show them. Source: podman images 4.3.
  func listing(_ images: [ImageSummary], now: Int64) -> Listing {
    var columns: [Listing.Column] = [.init("Repository", "REPOSITORY"), .init("Tag", "TAG")]
    if digests { columns.append(.init("Digest", "DIGEST")) }
    columns += [.init("ID", "IMAGE ID"), .init("CreatedSince", "CREATED"), .init("Size", "SIZE")]
    var documents: [JSON] = []
    var seen: Set<String> = []
    for image in images where seen.insert(image.id).inserted { documents.append(image.document) }
    return Listing(
      columns: columns,
      otherHeaders: [
        .init("Created", "CREATED"), .init("CreatedAt", "CREATED AT"), .init("CreatedTime", "CREATED AT"),
        .init("Digest", "DIGEST"), .init("Id", "IMAGE ID"),
      ],
      rows: images.map { row(of: $0, now: now) }, document: .array(documents))
  }

  private func row(of image: ImageSummary, now: Int64) -> JSON {
    let age = JSON.string(HumanText.age(of: image.created, now: now))
    let time = JSON.string(HumanText.goTime(image.created))
    return [
      "Repository": .string(image.repository), "Tag": .string(image.tag), "ID": .string(shown(image.id)),
      "Id": .string(image.id), "Digest": .string(image.digest), "CreatedSince": age, "Created": age, "CreatedAt": time,
      "CreatedTime": time, "Size": .string(HumanText.size(image.size, separator: " ")),
      "VirtualSize": .string(HumanText.size(image.size, separator: " ")), "Labels": image.labelsJSON,
      "Names": JSON(image.names), "RepoDigests": JSON(image.repoDigests), "Containers": JSON(image.containers),
      "Dangling": JSON(image.isDangling), "Architecture": .string(image.architecture), "Os": .string(image.os),
    ]
  }
}

/// `berth images`.
struct ImageListShort: Renamed {
  var original = ImageList()
  init() {}
  static var about: About { About("images", "List images") }
}

extension ImageSummary {
  fileprivate var labelsJSON: JSON {
    .object(JSON.Object(labels.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
  }

  /// One element of `images --format json`.
  fileprivate var document: JSON {
    [
      "Id": .string(id), "ParentId": "", "RepoTags": JSON(names), "RepoDigests": JSON(repoDigests), "Size": JSON(size),
      "SharedSize": 0, "VirtualSize": JSON(size), "Labels": labels.isEmpty ? .null : labelsJSON,
      "Containers": JSON(containers), "Names": JSON(names), "Digest": .string(digest), "Dangling": JSON(isDangling),
      "Arch": .string(architecture), "Os": .string(os), "Created": JSON(created / 1_000_000_000),
      "CreatedAt": .string(HumanText.rfc3339(created)),
    ]
  }
}
