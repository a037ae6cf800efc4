/// One member of a tar. Names are bytes: Linux asks for no encoding.
package struct TarEntry: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    case file, directory, fifo
    case symlink
    case hardLink
    case characterDevice(major: UInt32, minor: UInt32)
    case blockDevice(major: UInt32, minor: UInt32)
  }
  package var kind: Kind
  /// As written, without a NUL; `EntryName` cleans it.
  package var name: [UInt8]
  /// Target of a symlink or hard link.
  package var linkName: [UInt8] = []
  /// Permission bits with setuid, setgid and sticky: 0…07777.
  package var mode: UInt32 = 0
  package var uid: UInt32 = 0
  package var gid: UInt32 = 0
  package var modified = Timestamp()
  /// Bytes that follow the header, padding left out; 0 for all but files.
  package var size: Int64 = 0
  package var attributes: [ExtendedAttribute] = []
  /// Where the bytes go in a file with holes.
  package var sparse: SparseMap?

  package init(kind: Kind, name: [UInt8]) {
    self.kind = kind
    self.name = name
  }
}

/// Seconds and nanoseconds since 1970; the nanoseconds are 0…999999999.
package struct Timestamp: Hashable, Sendable {
  package var seconds: Int64 = 0
  package var nanoseconds: Int64 = 0
  package init() {}
  package init(seconds: Int64, nanoseconds: Int64 = 0) {
    self.seconds = seconds
    self.nanoseconds = nanoseconds
  }
}

package struct ExtendedAttribute: Hashable, Sendable {
  package var name: String
  package var value: [UInt8]
}

/// The pieces of a file with holes, ascending.
package struct SparseMap: Hashable, Sendable {
  package struct Piece: Hashable, Sendable {
    package var offset: Int64
    package var length: Int64
  }
  package var pieces: [Piece]
  /// Bytes of the file, holes included.
  package var realSize: Int64

  /// - Throws: where the pieces overlap, run backwards or reach beyond the file.
  init(pieces: [Piece], realSize: Int64) throws(TarFault) {
    guard pieces.count <= TarLimit.sparsePiecesMax else {
      throw TarFault("more than \(TarLimit.sparsePiecesMax) pieces")
    }
    guard realSize >= 0 else { throw TarFault("a file with holes has a negative size") }
    var end: Int64 = 0
    for piece in pieces {
      let (next, overflow) = piece.offset.addingReportingOverflow(piece.length)
      guard piece.offset >= end, piece.length >= 0, !overflow, next <= realSize else {
        throw TarFault("the pieces of a file with holes overlap or reach beyond it")
      }
      end = next
    }
    self.pieces = pieces
    self.realSize = realSize
  }
  /// Bytes that are stored.
  var storedBytes: Int64 { pieces.reduce(0) { $0 + $1.length } }
}

/// What is wrong with an archive; the reader adds the entry's name.
struct TarFault: Error {
  let reason: String
  init(_ reason: String) { self.reason = reason }
}

/// Limits of one archive.
package enum TarLimit {
  /// Bytes of a PAX header. Source: Go's archive/tar, `maxSpecialFileSize`.
  static let paxBytesMax: Int64 = 1 << 20
  /// Bytes of a name. Source: limits.h, `PATH_MAX` without its NUL.
  static let nameBytesMax = 4095
  /// Parts of a name.
  static let nameDepthMax = 256
  static let sparsePiecesMax = 1 << 17
  static let sparseMapBytesMax = 4 << 20
  static let attributesMax = 256
  /// Bytes of an extended attribute's value. Source: linux/limits.h, `XATTR_SIZE_MAX`.
  static let attributeBytesMax = 64 << 10
}
