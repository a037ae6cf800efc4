import JSON
import Problems
import Templates

/// What a listing command shows: a table, JSON, or a line of the user's own making for each row.
struct Listing {
  /// One field of a row.
  struct Column {
    /// As a template names it: "Names".
    var field: String
    /// As the table heads it: "NAMES".
    var header: String
    init(_ field: String, _ header: String) {
      self.field = field
      self.header = header
    }
  }
  /// What the table shows without `--format`.
  var columns: [Column]
  /// Headers of fields that only templates show.
  var otherHeaders: [Column]
  /// The fields of each row, for tables and templates.
  var rows: [JSON]
  /// What `--format json` prints.
  var document: JSON

  init(columns: [Column], otherHeaders: [Column] = [], rows: [JSON], document: JSON) {
    self.columns = columns
    self.otherHeaders = otherHeaders
    self.rows = rows
    self.document = document
  }

  /// - Parameter format: `--format`'s value: nil, "table", "table TEMPLATE", "json" or a template.
  func text(format: String?, headings: Bool) throws(Problem) -> String {
    switch RowFormat(format) {
    case .json: return document.text(indent: 2) + "\n"
    case .table(nil):
      var table = Table()
      if headings { table.add(columns.map(\.header)) }
      for row in rows { table.add(columns.map { row[$0.field]?.templateText ?? "" }) }
      return table.text
    case .table(let text?):
      let template = try Template(format: text)
      var table = Table()
      if headings {
        let names = (columns + otherHeaders).map { ($0.field, JSON.string($0.header)) }
        var headers = JSON.Object(names)
        // A field without a header of its own is headed by its name.
        for member in rows.first?.object?.members ?? [] where headers[member.name] == nil {
          headers[member.name] = .string(member.name.uppercased())
        }
        table.add(cells(try template.filling(.object(headers))))
      }
      for row in rows { table.add(cells(try template.filling(row))) }
      return table.text
    case .lines(let text):
      let template = try Template(format: text)
      var output = ""
      for row in rows { output += try template.filling(row) + "\n" }
      return output
    }
  }

  private func cells(_ line: String) -> [String] {
    line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
  }
}

/// What a value of `--format` asks for.
enum RowFormat: Equatable {
  case json
  /// nil is the command's own columns.
  case table(String?)
  case lines(String)

  init(_ text: String?) {
    guard let text, !text.isEmpty, text != "table" else {
      self = .table(nil)
      return
    }
    if text == "json" {
      self = .json
    } else if text.hasPrefix("table ") || text.hasPrefix("table\t") || text.hasPrefix("table\\t") {
      self = .table(Self.separated(Self.unescaped(String(text.dropFirst(6).drop { $0 == " " }))))
    } else {
      self = .lines(Self.unescaped(text))
    }
  }

  /// `\t` and `\n` as a shell hands them over, outside of actions, where the template's own strings have them.
  static func unescaped(_ text: String) -> String {
    var output: [UInt8] = []
    var depth = 0
    let bytes = Array(text.utf8)
    var place = 0
    while place < bytes.count {
      let byte = bytes[place]
      let next = place + 1 < bytes.count ? bytes[place + 1] : 0
      if byte == UInt8(ascii: "{"), next == byte { depth += 1 }
      if byte == UInt8(ascii: "}"), next == byte { depth -= 1 }
      if depth == 0, byte == UInt8(ascii: "\\"), next == UInt8(ascii: "t") || next == UInt8(ascii: "n") {
        output.append(next == UInt8(ascii: "t") ? 9 : 10)
        place += 2
      } else {
        output.append(byte)
        place += 1
      }
    }
    return String(decoding: output, as: UTF8.self)
  }

  /// In a table, a space between two actions is a new column: `table {{.ID}} {{.Names}}`.
  static func separated(_ text: String) -> String {
    var output = ""
    var rest = text[...]
    while let end = rest.utf8.firstIndex(of: UInt8(ascii: "}")) {
      let after = rest.index(after: end)
      let tail = rest[after...]
      if tail.hasPrefix("} {{") {
        output += rest[...end] + "}\t"
        rest = tail.dropFirst(2)
      } else {
        output += rest[...end]
        rest = tail
      }
    }
    return output + rest
  }
}

extension Template {
  /// A template that a user gave as `--format`.
  init(format text: String) throws(Problem) {
    do throws(TemplateError) {
      try self.init(text)
    } catch {
      throw Problem(code: .invalid, message: "--format \"\(text)\": \(error)")
    }
  }
  func filling(_ value: JSON) throws(Problem) -> String {
    do throws(TemplateError) {
      return try fill(value)
    } catch {
      throw Problem(code: .invalid, message: "--format: \(error)")
    }
  }
}
