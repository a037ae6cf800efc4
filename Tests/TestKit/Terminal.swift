import CSys
import Glibc
package import Sys

/// A program on a terminal of its own: what it shows, and what is typed.
package final class Terminal {
  private let master: OwnedFD
  private let slave: OwnedFD
  private let child: ChildProcess
  private let command: [String]
  /// All that it has shown so far.
  package private(set) var shown = ""

  private init(master: consuming OwnedFD, slave: consuming OwnedFD, child: consuming ChildProcess, command: [String]) {
    self.master = master
    self.slave = slave
    self.child = child
    self.command = command
  }

  /// Starts `command` with a terminal as its streams and as its controlling terminal.
  package static func start(
    _ command: [String], rows: UInt16 = 24, columns: UInt16 = 80, environment: [String: String] = [:]
  ) throws -> Terminal {
    let master = OwnedFD(adopting: try check(csys_openpty_master()))
    let slave = OwnedFD(adopting: try check(csys_tiocgptpeer(master.borrowed, O_RDWR | O_NOCTTY)))
    try check(csys_set_window_size(slave.borrowed, rows, columns))
    try master.setNonBlocking()
    let child = try TestKit.start(
      ["setsid", "--ctty"] + command, output: slave.borrowed, errors: slave.borrowed, input: slave.borrowed,
      environment: environment)
    return Terminal(master: master, slave: slave, child: child, command: command)
  }

  package func type(_ text: String) throws { try writeAll(master, text) }
  package func resize(rows: UInt16, columns: UInt16) throws {
    try check(csys_set_window_size(slave.borrowed, rows, columns))
  }
  /// Whether what is typed is shown.
  package var echoes: Bool {
    var attributes = termios()
    return csys_tcgetattr(slave.borrowed, &attributes) == 0 && attributes.c_lflag & tcflag_t(ECHO) != 0
  }

  /// Reads until `text` was shown. - Throws: when it does not come.
  package func wait(for text: String, seconds: Double = 20) throws {
    let found = try eventually(seconds) {
      try readMore()
      return shown.contains(text)
    }
    if !found {
      throw CommandFailed(description: "\(command): \"\(text)\" does not come, but \(shown.debugDescription)")
    }
  }

  /// Waits for its end, and reads the rest.
  package func end() throws -> ExitStatus {
    var isOver = false
    while !isOver {
      isOver = isReadable(child.pidfd)
      try readMore()
    }
    return try child.wait()
  }

  private func isReadable(_ fd: borrowing OwnedFD) -> Bool {
    var wanted = pollfd(fd: fd.borrowed, events: CShort(POLLIN), revents: 0)
    return csys_poll(&wanted, 1, 20) > 0
  }
  private func readMore() throws {
    var bytes = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = bytes.withUnsafeMutableBytes { csys_read(master.borrowed, $0.baseAddress, $0.count) }
      if count <= 0 { return }
      shown += String(decoding: bytes[..<count], as: UTF8.self)
    }
  }

  /// What stands on a screen of this size after all of `text`: lines without the spaces at their ends.
  /// Knows what Berth uses: CR, LF, cursor up (`CSI n A`), erase below (`CSI J`), wrapping and scrolling.
  package static func screen(of text: String, rows: Int, columns: Int) -> [String] {
    let blank = [Character](repeating: " ", count: columns)
    var lines = [[Character]](repeating: blank, count: rows)
    var row = 0
    var column = 0
    func feed() {
      row += 1
      if row == rows {
        lines.removeFirst()
        lines.append(blank)
        row -= 1
      }
    }
    var rest = Substring(text.unicodeScalars.map(Character.init).map(String.init).joined())
    while let letter = rest.unicodeScalars.popFirst() {
      switch letter {
      case "\r": column = 0
      case "\n": feed()
      case "\u{1b}":
        let sequence = rest.dropFirst().prefix { $0.isNumber }
        rest = rest.dropFirst(1 + sequence.count)
        switch rest.popFirst() {
        case "A": row = max(0, row - (Int(sequence) ?? 1))
        case "J":
          lines[row].replaceSubrange(column..., with: blank[column...])
          for below in (row + 1)..<rows where below < rows { lines[below] = blank }
        default: break
        }
      default:
        if column == columns {
          column = 0
          feed()
        }
        lines[row][column] = Character(letter)
        column += 1
      }
    }
    return lines.map { line in
      var line = line
      while line.last == " " { line.removeLast() }
      return String(line)
    }
  }
}
