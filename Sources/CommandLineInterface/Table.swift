/// Columns as podman prints them: at least ten wide, two spaces between, no space at the end of a line.
struct Table {
  private var rows: [[String]] = []
  init() {}

  mutating func add(_ cells: [String]) { rows.append(cells) }

  var text: String {
    var widths: [Int] = []
    for row in rows {
      for (column, cell) in row.enumerated() {
        let width = max(Self.leastWidth, Self.width(of: cell))
        if column < widths.count { widths[column] = max(widths[column], width) } else { widths.append(width) }
      }
    }
    var output: [UInt8] = []
    for row in rows {
      let start = output.count
      for (column, cell) in row.enumerated() {
        output.append(contentsOf: cell.utf8)
        if column + 1 < row.count {
          output.append(contentsOf: repeatElement(0x20, count: widths[column] + Self.gap - Self.width(of: cell)))
        }
      }
      while output.count > start, output.last == 0x20 { output.removeLast() }
      output.append(10)
    }
    return String(decoding: output, as: UTF8.self)
  }

  /// Source: text/tabwriter as podman sets it up: minwidth 12 with padding 2.
  private static let leastWidth = 10
  private static let gap = 2
  private static func width(of cell: String) -> Int {
    let utf8 = cell.utf8
    return utf8.allSatisfy { $0 < 0x80 } ? utf8.count : cell.count
  }
}
