import CSys
import Glibc
import ImageStore
import Problems
import Sys

/// Shows how a pull goes on, on standard error: one bar per layer on a terminal, a line per event elsewhere.
final class PullProgress {
  private let quiet: Bool
  private let terminal: Bool
  private let descriptor: CInt
  /// The layers in the order in which they came, with what the line below shows.
  private var layers: [(digest: String, state: ImageProgress.LayerState)] = []
  /// Characters of each line of the picture that stands on the terminal.
  private var picture: [Int] = []
  private var drawn: Int64 = 0

  /// Nanoseconds between two pictures of the bars.
  private static let pause: Int64 = 80_000_000

  init(quiet: Bool, descriptor: CInt = 2) {
    self.quiet = quiet
    self.descriptor = descriptor
    terminal = isatty(descriptor) == 1
  }

  /// Runs `body` with a receiver of events; leaves the terminal on a line of its own.
  func showing<R>(_ body: ((ImageProgress) -> Void) throws(Problem) -> R) throws(Problem) -> R {
    defer { if terminal, !quiet { draw() } }
    return try body { event in self.receive(event) }
  }

  func receive(_ event: ImageProgress) {
    if quiet { return }
    switch event {
    case .trying(let source): line("Trying to pull \(source)...")
    case .downloading(let address): line("Downloading from \(address)")
    case .found: break
    case .layer(let digest, let state):
      let place = layers.firstIndex { $0.digest == digest }
      if let place { layers[place].state = state } else { layers.append((digest, state)) }
      if terminal {
        let now = HumanText.now()
        if now - drawn >= Self.pause || place == nil { draw(at: now) }
      } else {
        plain(digest, state)
      }
    case .writing(let name):
      if terminal { draw() }
      picture = []
      layers = []
      line("Writing image \(name)")
    }
  }

  private func plain(_ digest: String, _ state: ImageProgress.LayerState) {
    switch state {
    case .exists: line("\(Self.title(digest)) is there already")
    case .done(let total): line("\(Self.title(digest)) done: \(HumanText.size(total))")
    case .waiting, .fetching: break
    }
  }

  private func draw(at now: Int64 = HumanText.now()) {
    if layers.isEmpty { return }
    drawn = now
    let (rows, columns) = size()
    // Lines that stood there before the terminal became narrower take several rows now.
    let up = picture.reduce(0) { $0 + max(($1 + columns - 1) / columns, 1) }
    var text = up > 0 ? "\u{1b}[\(up)A\r\u{1b}[J" : ""
    let lines = visible(in: rows).map { Self.bar($0.digest, $0.state, columns: columns) }
    for line in lines { text += line + "\n" }
    picture = lines.map(\.count)
    try? writeAll(descriptor, text)  // who closes the terminal wants no picture
  }

  /// Asked anew for every picture: the window may have changed.
  private func size() -> (rows: Int, columns: Int) {
    var rows: UInt16 = 0
    var columns: UInt16 = 0
    guard csys_get_window_size(descriptor, &rows, &columns) == 0, rows > 0, columns > 0 else { return (24, 80) }
    return (Int(rows), Int(columns))
  }

  /// What fits above the cursor: no escape sequence reaches what has scrolled away. What still moves comes first.
  private func visible(in rows: Int) -> ArraySlice<(digest: String, state: ImageProgress.LayerState)> {
    let room = max(rows - 1, 1)
    if layers.count <= room { return layers[...] }
    let moving = layers.filter { $0.state.isMoving }
    return (moving + layers.filter { !$0.state.isMoving }).prefix(room)
  }

  private func line(_ text: String) { try? writeAll(descriptor, text + "\n") }

  /// "Layer 3f4a…": the layer of an import has no digest yet.
  private static func title(_ digest: String) -> String {
    digest.isEmpty ? "Layer" : "Layer " + short(digest)
  }

  private static func short(_ digest: String) -> String {
    String((digest.hasPrefix("sha256:") ? digest.dropFirst(7) : digest[...]).prefix(12))
  }

  /// "Layer 3f4a… [=====>     ] 12MB / 30MB", shorter than the terminal is wide.
  static func bar(_ digest: String, _ state: ImageProgress.LayerState, columns: Int = 80) -> String {
    let head = title(digest) + " "
    let text: String
    switch state {
    case .exists: text = head + "is there already"
    case .waiting: text = head + "waiting"
    case .done(let total):
      let tail = HumanText.size(total)
      text = head + bar(1, room: columns - head.count - tail.count) + tail
    case .fetching(let bytes, let total) where total > 0:
      let tail = "\(HumanText.size(bytes)) / \(HumanText.size(total))"
      text = head + bar(Double(bytes) / Double(total), room: columns - head.count - tail.count) + tail
    case .fetching(let bytes, _): text = head + HumanText.size(bytes)
    }
    return String(text.prefix(columns - 1))
  }

  /// "[=====>     ] "; nothing where there is no room for it.
  private static func bar(_ part: Double, room: Int) -> String {
    let width = min(room - 4, 30)
    if width < 5 { return "" }
    let full = Int(min(part, 1) * Double(width))
    let marks = String(repeating: "=", count: full) + (full < width ? ">" : "")
    return "[" + marks + String(repeating: " ", count: width - marks.count) + "] "
  }
}

extension ImageProgress.LayerState {
  fileprivate var isMoving: Bool {
    switch self {
    case .waiting, .fetching: true
    case .exists, .done: false
    }
  }
}
