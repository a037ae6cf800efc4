import CSys
import Glibc
import JSON
import Problems
import Sys
import UnpackProtocol

/// The program `berth-unpack`: one layer from descriptor 0 into the directory on descriptor 3, the answer to 4.
package enum LayerWorker {
  private static let input: CInt = 0
  private static let directory: CInt = 3
  private static let answer: CInt = 4

  /// - Parameter arguments: without the program's name.
  /// - Returns: the exit status.
  package static func run(_ arguments: [String]) -> CInt {
    let result: UnpackAnswer
    do throws(Problem) { result = .unpacked(try unpack(try UnpackOptions(parsing: arguments))) } catch {
      result = .failed(error)
    }
    let line = result.json.text() + "\n"
    do throws(Errno) { try writeAll(answer, line) } catch { return 1 }
    if case .unpacked = result { return 0 }
    return 1
  }

  private static func unpack(_ options: UnpackOptions) throws(Problem) -> UnpackedLayer {
    guard csys_fcntl(directory, F_GETFD, 0) >= 0 else {
      throw Problem(code: .invalid, message: "berth-unpack is started by berth: descriptor 3 is no directory")
    }
    let writer = try LayerWriter(root: OwnedFD(adopting: directory))
    try shutIn(directory: directory, answer: answer)
    let stream = try LayerStream(input: input, compression: options.compression, limitBytes: options.limitBytes)
    let reader = TarReader(stream, limitBytes: options.limitBytes)
    var entries = 0
    while let entry = try reader.next() {
      entries += 1
      if entries > options.limitEntries {
        throw Problem(code: .invalid, message: "the layer has more than \(options.limitEntries) entries")
      }
      try writer.add(entry, from: reader)
    }
    try writer.finish()
    let layer = try stream.finish(entries: entries)
    if options.sync { try writer.sync() }
    return layer
  }
}
