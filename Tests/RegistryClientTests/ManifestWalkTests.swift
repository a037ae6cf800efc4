import Digests
import Glibc
import ImageSpec
import Problems
import RegistryProtocol
import Sys
import Testing

@testable import RegistryClient

/// Digests, platforms, and registries that mean harm. covers LP-14
@Suite struct ManifestWalkTests {
  private static let zero = "sha256:" + String(repeating: "0", count: 64)
  private static let manifest = """
    {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
     "config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"\(zero)","size":2},"layers":[]}
    """
  private func index(_ entries: [(String, Int, String)], type: MediaType = .ociManifest) -> String {
    let list = entries.map {
      #"{"mediaType":"\#(type)","digest":"\#($0.0)","size":\#($0.1),"platform":{"os":"linux","architecture":"\#($0.2)"}}"#
    }
    return #"{"schemaVersion":2,"mediaType":"\#(MediaType.ociIndex)","manifests":[\#(list.joined(separator: ","))]}"#
  }
  private func digest(_ text: String) -> String { Digest(of: Array(text.utf8)).description }
  private func walk(_ name: String = "r.io/x:1", _ platform: String = "linux/amd64") throws -> ManifestWalk {
    ManifestWalk(reference: try Reference(parsing: name), platform: try Platform(parsing: platform))
  }

  @Test func aManifestIsTheEnd() throws {
    var walk = try walk()
    guard
      case .done(let image) = try walk.next(Array(Self.manifest.utf8), mediaType: nil, announced: digest(Self.manifest))
    else {
      Issue.record("not done"); return
    }
    #expect(image.digest == digest(Self.manifest))
    #expect(image.name == "r.io/x")
    #expect(image.reference == "r.io/x:1")
    #expect(image.index == nil)
  }

  @Test(arguments: ["linux/amd64", "linux/arm64"]) func thePlatformIsChosen(_ platform: String) throws {
    let arch = String(platform.split(separator: "/")[1])
    let other = Self.zero
    let text = index([
      (other, 1, arch == "amd64" ? "arm64" : "amd64"), (digest(Self.manifest), Self.manifest.utf8.count, arch),
    ])
    var walk = try walk("r.io/x:1", platform)
    guard case .fetch(let descriptor) = try walk.next(Array(text.utf8), mediaType: nil, announced: nil) else {
      Issue.record("no fetch"); return
    }
    #expect(descriptor.digest.description == digest(Self.manifest))
    guard case .done(let image) = try walk.next(Array(Self.manifest.utf8), mediaType: nil, announced: nil) else {
      Issue.record("not done"); return
    }
    #expect(image.indexDigest == digest(text))
    #expect(image.index == Array(text.utf8))
  }

  @Test func aMissingPlatformListsWhatIsThere() throws {
    var walk = try walk("r.io/x:1", "linux/s390x")
    let text = index([(Self.zero, 1, "amd64"), (Self.zero, 1, "arm64")])
    let problem = #expect(throws: Problem.self) { try walk.next(Array(text.utf8), mediaType: nil, announced: nil) }
    #expect(problem?.code == .notFound)
    #expect(problem?.message == "r.io/x:1 has no image for linux/s390x")
    #expect(problem?.hint == "it has linux/amd64, linux/arm64; --platform chooses")
  }

  @Test func aWrongDigestIsRefused() throws {
    var pinned = try walk("r.io/x@\(Self.zero)")
    let problem = #expect(throws: Problem.self) {
      try pinned.next(Array(Self.manifest.utf8), mediaType: nil, announced: nil)
    }
    #expect(problem?.code == .invalid)
    var tagged = try walk()
    #expect(throws: Problem.self) { try tagged.next(Array(Self.manifest.utf8), mediaType: nil, announced: Self.zero) }
  }

  @Test func aWrongSizeIsRefused() throws {
    var walk = try walk()
    let text = index([(digest(Self.manifest), 7, "amd64")])
    _ = try walk.next(Array(text.utf8), mediaType: nil, announced: nil)
    #expect(throws: Problem.self) { try walk.next(Array(Self.manifest.utf8), mediaType: nil, announced: nil) }
  }

  @Test func indexesInIndexesEnd() throws {
    var walk = try walk()
    var text = index([(Self.zero, 1, "amd64")])
    var chain = [text]
    for _ in 0..<6 {
      text = index([(digest(text), text.utf8.count, "amd64")], type: .ociIndex)
      chain.insert(text, at: 0)
    }
    var steps = 0
    let problem = #expect(throws: Problem.self) {
      for text in chain {
        _ = try walk.next(Array(text.utf8), mediaType: nil, announced: nil)
        steps += 1
      }
    }
    #expect(problem?.code == .invalid)
    #expect(steps <= ImageLimit.indexDepthMax)
  }

  @Test(arguments: [
    "", "{}", "[]", "null", "{\"schemaVersion\":1}", "{\"schemaVersion\":2}", "{\"schemaVersion\":2,\"manifests\":{}}",
    "{\"schemaVersion\":2,\"manifests\":[],\"layers\":[]}", "{\"schemaVersion\":2,\"layers\":[]}", "<!DOCTYPE html>",
    "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"\(MediaType.ociManifest)\",\"digest\":\"md5:x\",\"size\":1}]}",
    "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"\(MediaType.ociManifest)\",\"digest\":\"\(zero)\",\"size\":-1}]}",
  ]) func rubbishIsRefused(_ text: String) throws {
    var walk = try walk()
    #expect(throws: Problem.self) { try walk.next(Array(text.utf8), mediaType: nil, announced: nil) }
  }
}

@Suite struct CertificateDirectoriesTests {
  @Test func readsWhatBelongsTogether() throws {
    let root = "/tmp/berth-certs-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    defer { try? removeTree(root) }
    for name in ["r.io:5000/ca.crt", "r.io:5000/me.cert", "r.io:5000/me.key", "bad/x.cert", "alone/x.key"] {
      try makeDirectories(parentPath(of: "\(root)/\(name)"))
      try replaceFile("\(root)/\(name)", with: Array(name.utf8), durable: false)
    }
    let all = try CertificateDirectories(explicit: nil, roots: ["\(root)/missing", root])
    let mine = try all.certificates(for: "r.io:5000")
    #expect(mine.authorities.map(\.bytes) == [Array("r.io:5000/ca.crt".utf8)])
    #expect(mine.clients.map(\.key.path) == ["\(root)/r.io:5000/me.key"])
    #expect(try all.certificates(for: "other").isEmpty)
    #expect(throws: Problem.self) { try all.certificates(for: "bad") }
    #expect(throws: Problem.self) { try all.certificates(for: "alone") }
    let named = try CertificateDirectories(explicit: "\(root)/r.io:5000", roots: [])
    #expect(try !named.certificates(for: "anything").isEmpty)
    #expect(throws: Problem.self) { try CertificateDirectories(explicit: "\(root)/missing", roots: []) }
  }
}
