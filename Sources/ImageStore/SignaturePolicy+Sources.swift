import Glibc
package import ImageSpec

// Scopes by transport. Source: containers-policy.json(5), "Supported transports and their scopes".
extension SignaturePolicy.Source {
  /// `docker.io/library/busybox:1`, then each name above it, then `*.domain`.
  package static func registry(_ reference: Reference) -> Self {
    let exact = reference.digest.map { reference.pinned(to: $0) } ?? reference
    var scopes = [exact.description]
    var name = Substring(reference.name)
    scopes.append(String(name))
    while let slash = name.lastIndex(of: "/") {
      name = name[..<slash]
      scopes.append(String(name))
    }
    var host = reference.registry.prefix { $0 != ":" }
    while let dot = host.firstIndex(of: ".") {
      host = host[host.index(after: dot)...]
      scopes.append("*.\(host)")
    }
    return Self(transport: "docker", scopes: scopes, label: exact.description)
  }

  /// The file or directory, then each directory above it. - Parameter path: nil is standard input.
  package static func oci(_ path: String?, isDirectory: Bool) -> Self {
    Self(transport: isDirectory ? "oci" : "oci-archive", scopes: scopes(above: path), label: label(path))
  }
  /// As `oci`. Source: containers-policy.json(5), "dir:".
  package static func directory(_ path: String?) -> Self {
    Self(transport: "dir", scopes: scopes(above: path), label: label(path))
  }
  private static func label(_ path: String?) -> String { path ?? "the image on standard input" }
  private static func scopes(above path: String?) -> [String] {
    var scopes: [String] = []
    var rest = Substring(path.map(resolved) ?? "")
    while let slash = rest.lastIndex(of: "/"), rest != "/" {
      scopes.append(String(rest))
      rest = rest[..<slash]
    }
    return scopes
  }

  package static func dockerArchive(_ path: String?) -> Self {
    Self(transport: "docker-archive", scopes: [], label: label(path))
  }

  /// A root filesystem's tar.
  package static func tarball(_ path: String?) -> Self {
    Self(transport: "tarball", scopes: [], label: path ?? "the tar on standard input")
  }

  /// Without symbolic links: a link to an archive is no way around its directory's rule.
  private static func resolved(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
  }
}
