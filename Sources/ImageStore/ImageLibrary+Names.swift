import Digests
import ImageSpec
package import Problems
import StateStore

extension ImageLibrary {
  /// Gives an image further names; a short one is of `localhost`, as podman has it. - Returns: its ID.
  @discardableResult
  package func tag(_ text: String, as newNames: [String]) throws(Problem) -> String {
    let image = try lookup(text).image
    var names: [String] = []
    for name in newNames { names.append(try localName(name)) }
    try store.transaction(durable: true) { () throws(Problem) in
      guard let current = try store.images.get(image.id) else { throw notFound(text) }
      for name in names {
        try store.images.setName(ImageNameRecord(name: name, imageID: current.id, digest: current.manifestDigest))
      }
    }
    return image.id
  }

  /// Takes names from an image; all of them when `names` is empty. The image stays.
  /// - Returns: its ID, and the full names that are gone.
  @discardableResult
  package func untag(_ text: String, names: [String]) throws(Problem) -> (id: String, names: [String]) {
    let image = try lookup(text, withHello: false).image
    var gone: [String] = []
    if names.isEmpty { gone = try store.images.names(of: image.id).map(\.name) }
    for name in names {
      guard let found = try find(name), found.image.id == image.id, let full = found.name else {
        throw Problem(code: .notFound, message: "\(name) is not a name of image \(text)")
      }
      gone.append(full)
    }
    try store.transaction(durable: true) { () throws(Problem) in
      for name in gone { _ = try store.images.deleteName(name) }
    }
    return (image.id, gone)
  }

  /// The full name that a user gives to an image of his own.
  /// - Throws: `.invalid` for what is no name, or has a digest: nobody can choose that.
  func localName(_ text: String) throws(Problem) -> String {
    let reference = try Reference(parsing: text, defaultRegistry: "localhost")
    if reference.digest != nil {
      throw Problem(
        code: .invalid, message: "\(text): a name that you give cannot have a digest", hint: "leave @sha256:… away")
    }
    return reference.description
  }
}
