public import ImageStore
public import Problems
import StateStore
import Sys

extension Engine {
  /// Fetches an image from its registry. - Parameter progress: called between events, on this thread.
  @discardableResult
  public func pull(
    _ reference: String, _ options: PullOptions = PullOptions(), progress: (ImageProgress) -> Void = { _ in }
  ) throws(Problem) -> ImageReceipt {
    try checkTransport(reference)
    let policy = try signaturePolicy(options.signaturePolicy)
    let library = try library()
    let receipt = try withoutActuallyEscaping(progress) { (progress) throws(Problem) in
      try library.pull(reference, options, policy: policy, progress: progress)
    }
    tell(EngineEvent(.image, .pull, id: receipt.id, name: reference))
    return receipt
  }

  /// Only registries are pulled from; a file's transport would read as an image of that name in Docker's registry.
  /// Source: containers-transports(5).
  private func checkTransport(_ reference: String) throws(Problem) {
    let files = ["oci", "oci-archive", "docker-archive", "dir", "containers-storage", "docker-daemon"]
    guard let transport = files.first(where: { reference.hasPrefix($0 + ":") }) else { return }
    throw Problem(
      code: .unsupported, message: "\(transport): is not a registry: \(reference) cannot be pulled",
      hint: "berth load -i PATH reads docker-archive, oci-archive and OCI layouts")
  }

  /// Read anew for each image that comes in. - Parameter explicit: `--signature-policy`.
  func signaturePolicy(_ explicit: String?) throws(Problem) -> SignaturePolicy {
    try SignaturePolicy.load(explicit: explicit, home: environmentVariable("HOME"))
  }

  /// The image that `create` and `run` need: from the store, or fetched as the policy says.
  ///
  /// - Parameter policy: `newer` keeps the stored image where the registry cannot be asked.
  /// - Throws: `.notFound` with a hint when the policy is `never` and it is not there.
  func image(
    _ name: String, policy: PullPolicy, platform: String? = nil, settings: PullSettings = PullSettings(),
    progress: (ImageProgress) -> Void = { _ in }
  ) throws(Problem) -> FoundImage {
    let library = try library()
    let known = try library.find(name)
    var options = PullOptions()
    options.platform = platform
    options.tlsVerify = settings.tlsVerify
    options.certDirectory = settings.certDirectory
    options.authFile = settings.authFile
    options.signaturePolicy = settings.signaturePolicy
    switch policy {
    case .missing:
      if let known {
        if try fits(known.image, platform) { return known }
      } else {
        do throws(Problem) { return try suiting(library.lookup(name), platform) } catch
          where error.code == .notFound
        {}  // Berth ships no such image
      }
    case .never:
      return try suiting(library.lookup(name), platform)
    case .newer:
      // An ID names no registry; what is found by one has no newer version.
      if let known, known.name == nil { return try suiting(known, platform) }
      do throws(Problem) { try pull(name, options, progress: progress) } catch {
        if let known { return try suiting(known, platform) }
        throw error
      }
      return try library.lookup(name)
    case .always:
      if let known, known.name == nil { return try suiting(known, platform) }
    }
    let receipt: ImageReceipt
    do throws(Problem) { receipt = try pull(name, options, progress: progress) } catch {
      guard let known, policy == .missing else { throw error }
      throw otherPlatform(known, platform, cause: error)
    }
    guard let image = try library.store.images.get(receipt.id) else { throw library.notFound(name) }
    return FoundImage(image: image, name: receipt.names.first)
  }

  /// The image, if it is for the platform that was asked for.
  private func suiting(_ found: FoundImage, _ platform: String?) throws(Problem) -> FoundImage {
    guard try fits(found.image, platform) else { throw otherPlatform(found, platform) }
    return found
  }
  private func otherPlatform(_ found: FoundImage, _ platform: String?, cause: Problem? = nil) -> Problem {
    let image = found.image
    let own = image.os + "/" + image.architecture + (image.variant.isEmpty ? "" : "/" + image.variant)
    return Problem(
      code: .notFound, message: "image \(found.name ?? image.id) is here for \(own), not for \(platform ?? "another")",
      hint: "fetch it with: berth pull --platform, or leave --platform out to run what is here", cause: cause)
  }
  /// Whether a stored image is for the platform that was asked for; one that was not asked for fits.
  private func fits(_ image: ImageRecord, _ platform: String?) throws(Problem) -> Bool {
    guard let platform else { return true }
    return try ImageLibrary.fits(image, platform)
  }
}
