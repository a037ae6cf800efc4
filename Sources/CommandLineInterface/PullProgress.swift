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
  private var linesDrawn = 0
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
      linesDrawn = 0
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
    var text = linesDrawn > 0 ? "\u{1b}[\(linesDrawn)A" : ""
    for layer in layers { text += "\r\u{1b}[K" + Self.bar(layer.digest, layer.state) + "\n" }
    linesDrawn = layers.count
    try? writeAll(descriptor, text)
  }

  private func line(_ text: String) { try? writeAll(descriptor, text + "\n") }

  /// "Layer 3f4a…": the layer of an import has no digest yet.
  private static func title(_ digest: String) -> String {
    digest.isEmpty ? "Layer" : "Layer " + short(digest)
  }

  private static func short(_ digest: String) -> String {
    String((digest.hasPrefix("sha256:") ? digest.dropFirst(7) : digest[...]).prefix(12))
  }

  /// "Layer 3f4a… [=====>     ] 12MB / 30MB". - Parameter width: characters of the bar.
  static func bar(_ digest: String, _ state: ImageProgress.LayerState, width: Int = 30) -> String {
    let head = title(digest) + " "
    switch state {
    case .exists: return head + "is there already"
    case .waiting: return head + "waiting"
    case .done(let total): return head + "[" + String(repeating: "=", count: width) + "] " + HumanText.size(total)
    case .fetching(let bytes, let total):
      guard total > 0 else { return head + HumanText.size(bytes) }
      let full = Int(min(Double(bytes) / Double(total), 1) * Double(width))
      let marks = full < width ? String(repeating: "=", count: full) + ">" : String(repeating: "=", count: width)
      let rest = String(repeating: " ", count: width - min(full + 1, width))
      return head + "[" + marks + rest + "] \(HumanText.size(bytes)) / \(HumanText.size(total))"
    }
  }
}
