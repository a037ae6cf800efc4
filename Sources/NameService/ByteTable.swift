/// From byte strings to the numbers of their owners, in the order in which they were added: two arrays and a pool, so
/// that a thousand names cost few allocations.
struct ByteTable {
  private struct Slot {
    var hash: UInt32 = 0
    var offset: UInt32 = 0
    var length: UInt16 = 0
    /// Into `links`; -1 is a free slot.
    var first: Int32 = -1
    var last: Int32 = -1
  }
  private struct Link {
    let owner: Int32
    var next: Int32 = -1
  }
  private var pool: [UInt8] = []
  private var slots: [Slot] = []
  private var links: [Link] = []
  private var used = 0

  /// - Parameter expected: keys; more are fine.
  init(expected: Int) {
    var size = 8
    while size < expected * 2 { size *= 2 }
    slots = [Slot](repeating: Slot(), count: size)
    links.reserveCapacity(expected)
    pool.reserveCapacity(expected * 12)
  }

  /// FNV-1a: the keys are the user's own names; a stranger's question is only looked up.
  private static func hash(_ key: ArraySlice<UInt8>) -> UInt32 {
    var hash: UInt32 = 0x811c_9dc5
    key.withUnsafeBufferPointer { for byte in $0 { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 } }
    return hash
  }

  private func place(of key: ArraySlice<UInt8>, _ hash: UInt32) -> Int {
    let mask = slots.count - 1
    var place = Int(hash) & mask
    while slots[place].first >= 0 {
      let slot = slots[place]
      if slot.hash == hash && Int(slot.length) == key.count
        && pool[Int(slot.offset)..<(Int(slot.offset) + key.count)].elementsEqual(key)
      {
        return place
      }
      place = (place + 1) & mask
    }
    return place
  }

  /// An owner that has the key already, added just before, is added once.
  mutating func add(_ key: some Collection<UInt8>, owner: Int) {
    if (used + 1) * 2 > slots.count { grow() }
    let key = ArraySlice(key)
    let hash = Self.hash(key)
    let place = place(of: key, hash)
    let link = Int32(links.count)
    if slots[place].first < 0 {
      slots[place] = Slot(
        hash: hash, offset: UInt32(pool.count), length: UInt16(key.count), first: link, last: link)
      pool.append(contentsOf: key)
      used += 1
    } else {
      let last = Int(slots[place].last)
      if links[last].owner == Int32(owner) { return }
      links[last].next = link
      slots[place].last = link
    }
    links.append(Link(owner: Int32(owner)))
  }

  private mutating func grow() {
    let old = slots
    slots = [Slot](repeating: Slot(), count: max(8, old.count * 2))
    let mask = slots.count - 1
    for slot in old where slot.first >= 0 {
      var place = Int(slot.hash) & mask
      while slots[place].first >= 0 { place = (place + 1) & mask }
      slots[place] = slot
    }
  }

  func forEachOwner(of key: ArraySlice<UInt8>, _ body: (Int) -> Void) {
    var link = slots[place(of: key, Self.hash(key))].first
    while link >= 0 {
      body(Int(links[Int(link)].owner))
      link = links[Int(link)].next
    }
  }
  func firstOwner(of key: ArraySlice<UInt8>) -> Int? {
    let link = slots[place(of: key, Self.hash(key))].first
    return link >= 0 ? Int(links[Int(link)].owner) : nil
  }
}
