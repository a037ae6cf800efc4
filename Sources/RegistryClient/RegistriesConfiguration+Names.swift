package import ImageSpec
package import Problems

/// One place to ask for an image.
package struct PullSource: Hashable, Sendable {
  /// The image's name there.
  package var reference: Reference
  /// TLS is not verified, and plain HTTP is a second try.
  package var isInsecure: Bool
  package var isMirror: Bool
}

extension RegistriesConfiguration {
  /// The full names that what the user typed can stand for, the likeliest first.
  ///
  /// - Throws: `.invalid` for what is no name; `.conflict` where `enforcing` forbids a guess.
  package func candidates(for text: String) throws(Problem) -> [Reference] {
    if Reference.namesRegistry(text) { return [try Reference(parsing: text)] }
    // A digest or a tag is no part of the name that an alias stands for.
    let plain = try Reference(parsing: text, defaultRegistry: "short.invalid", defaultTag: nil)
    let suffix = (plain.tag.map { ":\($0)" } ?? "") + (plain.digest.map { "@\($0)" } ?? "")
    if let target = aliases[plain.repository], !target.isEmpty { return [try Reference(parsing: target + suffix)] }
    // Without configuration a short name is Docker's, as every Dockerfile expects.
    let hosts = searchRegistries ?? [Reference.dockerHub]
    var result: [Reference] = []
    for host in hosts {
      let reference = try Reference(parsing: "\(host)/\(plain.repository)\(suffix)")
      if !result.contains(reference) { result.append(reference) }
    }
    if result.isEmpty {
      throw Problem(
        code: .notFound, message: "the short name \(text) has no alias, and unqualified-search-registries is empty",
        hint: "name the registry: docker.io/library/\(text)")
    }
    if result.count > 1, shortNameMode == .enforcing {
      throw Problem(
        code: .conflict,
        message: "the short name \(text) can stand for \(result.map(\.description).joined(separator: " or "))",
        hint: "use one of these names, or add an alias to registries.conf (short-name-mode is enforcing)")
    }
    return result
  }

  /// Where one image is asked for: mirrors first, then the registry itself.
  ///
  /// - Parameter tlsVerify: the command's flag; it wins over every `insecure`.
  /// - Throws: `.denied` for a blocked registry.
  package func sources(for reference: Reference, tlsVerify: Bool?) throws(Problem) -> [PullSource] {
    func isInsecure(_ configured: Bool) -> Bool { tlsVerify.map { !$0 } ?? configured }
    guard let registry = match(reference) else {
      return [PullSource(reference: reference, isInsecure: isInsecure(false), isMirror: false)]
    }
    if registry.blocked {
      throw Problem(
        code: .denied, message: "registry \(registry.prefix) is blocked in registries.conf",
        hint: "remove blocked = true there, or pull from elsewhere")
    }
    var result: [PullSource] = []
    for mirror in registry.mirrors {
      switch mirror.pulls {
      case .digestOnly where reference.digest == nil, .tagOnly where reference.digest != nil: continue
      case .all, .digestOnly, .tagOnly: break
      }
      let there = try rewrite(reference, prefix: registry.prefix, location: mirror.location)
      result.append(PullSource(reference: there, isInsecure: isInsecure(mirror.insecure), isMirror: true))
    }
    let own = try registry.location.map { (location) throws(Problem) in
      try rewrite(reference, prefix: registry.prefix, location: location)
    }
    result.append(PullSource(reference: own ?? reference, isInsecure: isInsecure(registry.insecure), isMirror: false))
    return result
  }

  /// Whether a bare `host[:port]` (login) may be asked without verified TLS.
  package func isInsecure(registry host: String, tlsVerify: Bool?) -> Bool {
    if let tlsVerify { return !tlsVerify }
    return registries.contains { $0.insecure && ($0.prefix == host || $0.location == host) }
  }

  /// The entry with the longest prefix that fits.
  func match(_ reference: Reference) -> Registry? {
    registries.filter { RegistriesConfiguration.length(of: $0.prefix, matching: reference) != nil }
      .max { $0.prefix.utf8.count < $1.prefix.utf8.count }
  }

  /// How many bytes of the name a prefix covers; nil where it does not fit. It ends where a part of the name ends.
  private static func length(of prefix: String, matching reference: Reference) -> Int? {
    let name = reference.name
    if prefix.hasPrefix("*.") {
      let host = reference.registry.prefix { $0 != ":" }
      let whole = reference.registry
      let suffix = prefix.dropFirst()  // ".domain", perhaps with a port or a path
      if suffix.contains("/") {
        let hostPart = suffix.prefix { $0 != "/" }
        guard whole.hasSuffix(hostPart), whole.utf8.count > hostPart.utf8.count else { return nil }
        let path = suffix.dropFirst(hostPart.count)
        let rest = name.dropFirst(whole.count)
        guard rest.hasPrefix(path), rest.count == path.count || rest.dropFirst(path.count).hasPrefix("/") else {
          return nil
        }
        return whole.utf8.count + path.utf8.count
      }
      if whole.hasSuffix(suffix), whole.utf8.count > suffix.utf8.count { return whole.utf8.count }
      return host.hasSuffix(suffix) && host.utf8.count > suffix.utf8.count ? whole.utf8.count : nil
    }
    guard name.hasPrefix(prefix) else { return nil }
    let rest = name.dropFirst(prefix.count)
    return rest.isEmpty || rest.hasPrefix("/") ? prefix.utf8.count : nil
  }

  private func rewrite(_ reference: Reference, prefix: String, location: String) throws(Problem) -> Reference {
    let length = RegistriesConfiguration.length(of: prefix, matching: reference) ?? 0
    let rest = String(decoding: Array(reference.name.utf8.dropFirst(length)), as: UTF8.self)
    let suffix = (reference.tag.map { ":\($0)" } ?? "") + (reference.digest.map { "@\($0)" } ?? "")
    do throws(Problem) {
      return try Reference(parsing: location + rest + suffix, defaultTag: nil)
    } catch {
      throw Problem(
        code: .invalid, message: "registries.conf turns \(reference) into \(location)\(rest)",
        hint: "see the location of the prefix \(prefix)",
        cause: error)
    }
  }
}
