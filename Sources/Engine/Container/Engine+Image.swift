import Problems
import StateStore

extension Engine {
  /// The image that a container is to be made from, fetched as the policy says.
  func imageRecord(_ name: String, _ options: ContainerOptions) throws(Problem) -> ImageRecord {
    throw Problem(code: .unsupported, message: "images are not there yet")
  }
  /// The name that listings show: in full where the user gave a name, as given for an ID.
  func fullName(of name: String, id: String) throws(Problem) -> String { name }
}
