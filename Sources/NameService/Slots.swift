/// Numbers for whoever waits for events. A number is never given twice: an event that was reported just before its
/// receiver went away finds nobody.
struct Slots {
  typealias Number = UInt64

  enum Handler {
    case signals, changes, control
    case listener(Listener)
    case client(StreamClient)
    case forward(Forward)
  }
  private var handlers: [Handler?] = []
  private var generations: [UInt32] = []
  private var free: [Int] = []

  mutating func add(_ handler: Handler) -> Number {
    let index: Int
    if let last = free.popLast() {
      index = last
      handlers[index] = handler
    } else {
      index = handlers.count
      handlers.append(handler)
      generations.append(0)
    }
    return Number(generations[index]) << 32 | Number(index)
  }
  mutating func remove(_ number: Number) {
    let index = Int(number & 0xffff_ffff)
    handlers[index] = nil
    generations[index] &+= 1
    free.append(index)
  }
  subscript(number: Number) -> Handler? {
    let index = Int(number & 0xffff_ffff)
    return generations[index] == UInt32(number >> 32) ? handlers[index] : nil
  }
  /// All handlers, in no order that means anything.
  var all: [Handler] { handlers.compactMap { $0 } }
}
