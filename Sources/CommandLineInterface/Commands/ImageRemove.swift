import Engine
import ImageStore
import Problems

/// `berth rmi`, `berth image rm`.
struct ImageRemove: Command {
  var all = false
  var force = false
  var ignore = false
  var given: [String] = []
  init() {}

  static var about: About { About("rm", "Remove images", aliases: ["remove"]) }
  static var operands: [Operand] { [Operand("IMAGE", "Name or ID", optional: true, repeats: true)] }
  static var flags: [Flag<Self>] {
    [
      .toggle("all", "a", "All images") { $0.all = $1 },
      .toggle("force", "f", "With all their names, and the containers that use them") { $0.force = $1 },
      .toggle("ignore", "i", "An image that is not there is fine") { $0.ignore = $1 },
      .toggle("no-prune", "Leave other images alone; Berth always does") { _, _ in },
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let engine = try context.engine()
    if all {
      guard given.isEmpty else {
        throw Problem(code: .invalid, message: "--all goes without names", hint: "See 'berth rmi --help'")
      }
      let (removal, failures) = try engine.removeAllImages(force: force)
      context.show(removal)
      return context.report(failures, inUse: 2)
    }
    if given.isEmpty {
      throw Problem(code: .invalid, message: "an image's name or ID is missing", hint: "See 'berth rmi --help'")
    }
    return context.each(given, missing: 1, inUse: 2) { name throws(Problem) in
      do throws(Problem) {
        context.show(try engine.removeImage(name, force: force))
      } catch {
        guard ignore || force, error.code == .notFound else { throw error }
      }
    }
  }
}

/// `berth rmi`.
struct ImageRemoveShort: Renamed {
  var original = ImageRemove()
  init() {}
  static var about: About { About("rmi", "Remove images") }
}

extension Context {
  func show(_ removal: ImageRemoval) {
    for name in removal.untagged { output.line("Untagged: \(name)") }
    for id in removal.deleted { output.line("Deleted: \(id)") }
  }
}
