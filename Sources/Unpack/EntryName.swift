/// An entry's place in the layer, cleaned: no leading slash, no `.`, no `..`.
struct EntryName: Hashable {
  /// Parts joined by slashes; empty is the layer's own directory.
  let parent: [UInt8]
  /// The last part; empty for the layer's own directory.
  let base: [UInt8]

  var isRoot: Bool { base.isEmpty }
  var path: [UInt8] { parent.isEmpty ? base : parent + [UInt8(ascii: "/")] + base }

  /// - Throws: for `..` anywhere, and for what Linux could not name.
  init(_ raw: [UInt8]) throws(TarFault) {
    guard raw.count <= TarLimit.nameBytesMax else {
      throw TarFault("a name longer than \(TarLimit.nameBytesMax) bytes")
    }
    if raw.contains(0) { throw TarFault("a NUL in a name") }
    var parts: [ArraySlice<UInt8>] = []
    for part in raw.split(separator: UInt8(ascii: "/")) where !part.elementsEqual(".".utf8) {
      if part.elementsEqual("..".utf8) { throw TarFault("'..' in a name leads out of the layer") }
      if part.count > 255 { throw TarFault("a part of the name is longer than 255 bytes") }
      parts.append(part)
    }
    guard parts.count <= TarLimit.nameDepthMax else { throw TarFault("nested deeper than \(TarLimit.nameDepthMax)") }
    base = Array(parts.popLast() ?? [])
    parent = Array(parts.joined(separator: [UInt8(ascii: "/")]))
  }

  /// The same with another last part.
  private init(parent: [UInt8], base: [UInt8]) {
    self.parent = parent
    self.base = base
  }

  /// What the name says about lower layers. Source: image-spec, layer.md, "Whiteouts".
  enum Meaning: Hashable {
    case ordinary
    /// The name of a lower layer goes.
    case whiteout(EntryName)
    /// All that lower layers have in the parent goes.
    case opaque
    /// Bookkeeping of aufs, `.wh..wh.plnk` and the like.
    case ignored
  }

  func meaning() throws(TarFault) -> Meaning {
    let mark = Array(".wh.".utf8)
    let doubleMark = Array(".wh..wh.".utf8)
    let parents = parent.split(separator: UInt8(ascii: "/"))
    if let first = parents.first, first.starts(with: doubleMark) { return .ignored }
    if parents.contains(where: { $0.starts(with: mark) }) { throw TarFault("a whiteout in the middle of a name") }
    guard base.starts(with: mark) else { return .ordinary }
    if base.elementsEqual(".wh..wh..opq".utf8) { return .opaque }
    if base.starts(with: doubleMark) { return .ignored }
    let hidden = Array(base.dropFirst(4))
    if hidden.isEmpty || hidden.elementsEqual(".".utf8) || hidden.elementsEqual("..".utf8) {
      throw TarFault("a whiteout of nothing that a layer may hide")
    }
    return .whiteout(EntryName(parent: parent, base: hidden))
  }
}

/// A path for a system call.
func cString(_ bytes: some Collection<UInt8>) -> [CChar] { bytes.map { CChar(bitPattern: $0) } + [0] }
