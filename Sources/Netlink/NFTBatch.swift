import CSys
import Glibc
import Sys

/// Changes of nf_tables that happen together or not at all. Source: linux/netfilter/nf_tables.h.
package struct NFTBatch: Sendable {
  package private(set) var requests: [NetlinkRequest] = []
  /// Of the table: `NFPROTO_INET`.
  private let family: UInt8
  private let table: String

  package init(table: String, family: UInt8 = UInt8(CSYS_NFPROTO_INET)) {
    self.table = table
    self.family = family
  }

  /// The requests between the messages that begin and end a batch; the kernel acknowledges the last of them.
  var framed: [NetlinkRequest] {
    var frame = nfgenmsg()
    frame.nfgen_family = UInt8(AF_UNSPEC)
    frame.res_id = UInt16(NFNL_SUBSYS_NFTABLES).bigEndian
    var begin = NetlinkRequest(NFNL_MSG_BATCH_BEGIN, exactFlags: NLM_F_REQUEST)
    begin.put(frame)
    var end = NetlinkRequest(NFNL_MSG_BATCH_END, exactFlags: NLM_F_REQUEST)
    end.put(frame)
    return [begin] + requests.dropLast() + requests.suffix(1).map { $0.acknowledged() } + [end]
  }

  private mutating func add(
    _ message: nf_tables_msg_types, flags: CInt = 0, _ body: (inout NetlinkRequest) -> Void
  ) {
    var request = NetlinkRequest(
      CInt(NFNL_SUBSYS_NFTABLES) << 8 | CInt(message.rawValue), exactFlags: NLM_F_REQUEST | flags)
    var header = nfgenmsg()
    header.nfgen_family = family
    request.put(header)
    body(&request)
    requests.append(request)
  }

  // MARK: table, chains and rules

  /// One that is there already is fine; so it is with chains and sets.
  package mutating func addTable() {
    let table = table
    add(NFT_MSG_NEWTABLE, flags: NLM_F_CREATE) { $0.attribute(NFTA_TABLE_NAME.rawValue, table) }
  }
  package mutating func deleteTable() {
    let table = table
    add(NFT_MSG_DELTABLE) { $0.attribute(NFTA_TABLE_NAME.rawValue, table) }
  }

  /// Where packets enter a chain.
  package struct Hook: Hashable, Sendable {
    /// "filter" or "nat".
    package var type: String
    /// `NF_INET_…`.
    package var number: UInt32
    package var priority: Int32
    package init(type: String, number: UInt32, priority: Int32) {
      self.type = type
      self.number = number
      self.priority = priority
    }
  }
  /// - Parameter hook: nil for a chain that others jump to.
  package mutating func addChain(_ name: String, hook: Hook? = nil) {
    let table = table
    add(NFT_MSG_NEWCHAIN, flags: NLM_F_CREATE) { request in
      request.attribute(NFTA_CHAIN_TABLE.rawValue, table)
      request.attribute(NFTA_CHAIN_NAME.rawValue, name)
      guard let hook else { return }
      request.nest(NFTA_CHAIN_HOOK.rawValue) { inner in
        inner.attribute(NFTA_HOOK_HOOKNUM.rawValue, bigEndian: hook.number)
        inner.attribute(NFTA_HOOK_PRIORITY.rawValue, bigEndian: UInt32(bitPattern: hook.priority))
      }
      request.attribute(NFTA_CHAIN_TYPE.rawValue, hook.type)
    }
  }
  /// Removes the rules of a chain.
  package mutating func flushChain(_ name: String) {
    let table = table
    add(NFT_MSG_DELRULE) { request in
      request.attribute(NFTA_RULE_TABLE.rawValue, table)
      request.attribute(NFTA_RULE_CHAIN.rawValue, name)
    }
  }
  /// Appends a rule.
  package mutating func addRule(_ chain: String, _ expressions: NFTExpressions) {
    let table = table
    add(NFT_MSG_NEWRULE, flags: NLM_F_CREATE | NLM_F_APPEND) { request in
      request.attribute(NFTA_RULE_TABLE.rawValue, table)
      request.attribute(NFTA_RULE_CHAIN.rawValue, chain)
      request.nest(NFTA_RULE_EXPRESSIONS.rawValue) { inner in expressions.write(into: &inner) }
    }
  }

  // MARK: sets and maps

  /// The type of a key or value; a concatenation is a list of them.
  package enum Datatype: UInt32, Sendable {
    // Numbers and sizes as nft(8) has them, so that it shows our sets; the kernel does not look at them.
    case ipv4 = 7
    case ipv6 = 8
    case transport = 12
    case port = 13
    case interfaceName = 41

    var bytes: UInt32 {
      switch self {
      case .ipv4, .transport, .port: 4  // in a concatenation each part fills words
      case .ipv6, .interfaceName: 16
      }
    }
    /// Alone it has its own size.
    var bytesAlone: UInt32 {
      switch self {
      case .transport: 1
      case .port: 2
      case .ipv4, .ipv6, .interfaceName: bytes
      }
    }
    static func number(_ types: [Datatype]) -> UInt32 { types.reduce(0) { $0 << 6 | $1.rawValue } }
    static func size(_ types: [Datatype]) -> UInt32 {
      types.count == 1 ? types[0].bytesAlone : types.reduce(0) { $0 + $1.bytes }
    }
  }

  /// - Parameter value: nil for a set, what keys map to for a map.
  package mutating func addSet(_ name: String, key: [Datatype], value: [Datatype]? = nil) {
    let table = table
    let id = UInt32(requests.count + 1)
    add(NFT_MSG_NEWSET, flags: NLM_F_CREATE) { request in
      request.attribute(NFTA_SET_TABLE.rawValue, table)
      request.attribute(NFTA_SET_NAME.rawValue, name)
      request.attribute(NFTA_SET_FLAGS.rawValue, bigEndian: value == nil ? 0 : NFT_SET_MAP.rawValue)
      request.attribute(NFTA_SET_KEY_TYPE.rawValue, bigEndian: Datatype.number(key))
      request.attribute(NFTA_SET_KEY_LEN.rawValue, bigEndian: Datatype.size(key))
      if let value {
        request.attribute(NFTA_SET_DATA_TYPE.rawValue, bigEndian: Datatype.number(value))
        request.attribute(NFTA_SET_DATA_LEN.rawValue, bigEndian: Datatype.size(value))
      }
      request.attribute(NFTA_SET_ID.rawValue, bigEndian: id)
      // For nft(8) only, which would show a name backwards: its key is in the host's order.
      if key == [.interfaceName] { request.attribute(NFTA_SET_USERDATA.rawValue, bytes: [0, 4, 1, 0, 0, 0]) }
    }
  }

  /// One entry of a set or map: bytes as the registers hold them.
  package struct Element: Hashable, Sendable {
    package var key: [UInt8]
    /// Empty in a set.
    package var value: [UInt8]
    package init(key: [UInt8], value: [UInt8] = []) {
      self.key = key
      self.value = value
    }
  }
  /// Elements of one message: an attribute ends at 64 KiB.
  private static let elementsMax = 512

  /// One that is there with the same value is fine.
  package mutating func addElements(_ set: String, _ elements: [Element]) {
    elementMessages(NFT_MSG_NEWSETELEM, flags: NLM_F_CREATE, set, elements)
  }
  /// One that is not there fails the batch.
  package mutating func deleteElements(_ set: String, _ elements: [Element]) {
    elementMessages(NFT_MSG_DELSETELEM, flags: 0, set, elements.map { Element(key: $0.key) })
  }
  /// Removes all elements.
  package mutating func flushSet(_ set: String) {
    let table = table
    add(NFT_MSG_DELSETELEM) { request in
      request.attribute(NFTA_SET_ELEM_LIST_TABLE.rawValue, table)
      request.attribute(NFTA_SET_ELEM_LIST_SET.rawValue, set)
    }
  }

  private mutating func elementMessages(
    _ message: nf_tables_msg_types, flags: CInt, _ set: String, _ elements: [Element]
  ) {
    let table = table
    var rest = elements[...]
    while !rest.isEmpty {
      let part = rest.prefix(Self.elementsMax)
      rest = rest.dropFirst(part.count)
      add(message, flags: flags) { request in
        request.attribute(NFTA_SET_ELEM_LIST_TABLE.rawValue, table)
        request.attribute(NFTA_SET_ELEM_LIST_SET.rawValue, set)
        request.nest(NFTA_SET_ELEM_LIST_ELEMENTS.rawValue) { list in
          for element in part {
            list.nest(NFTA_LIST_ELEM.rawValue) { entry in
              entry.nest(NFTA_SET_ELEM_KEY.rawValue) {
                $0.attribute(NFTA_DATA_VALUE.rawValue, bytes: element.key)
              }
              if element.value.isEmpty { return }
              entry.nest(NFTA_SET_ELEM_DATA.rawValue) {
                $0.attribute(NFTA_DATA_VALUE.rawValue, bytes: element.value)
              }
            }
          }
        }
      }
    }
  }
}

extension NetlinkRequest {
  /// The same, acknowledged.
  func acknowledged() -> NetlinkRequest { replacingFlags(flags | UInt16(NLM_F_ACK)) }

  /// How a chain stands: its number of rules is its use count.
  static func getChain(_ name: String, table: String, family: UInt8) -> NetlinkRequest {
    var request = NetlinkRequest(CInt(NFNL_SUBSYS_NFTABLES) << 8 | CInt(NFT_MSG_GETCHAIN.rawValue))
    var header = nfgenmsg()
    header.nfgen_family = family
    request.put(header)
    request.attribute(NFTA_CHAIN_TABLE.rawValue, table)
    request.attribute(NFTA_CHAIN_NAME.rawValue, name)
    return request
  }
}

extension NetlinkSocket {
  /// How many rules a chain has; nil where the chain or its table is not there.
  package mutating func ruleCount(
    ofChain name: String, table: String, family: UInt8 = UInt8(CSYS_NFPROTO_INET)
  ) throws(NetlinkFailure) -> UInt32? {
    do throws(NetlinkFailure) {
      for message in try exchange([.getChain(name, table: table, family: family)]) {
        let attributes = message.attributes(after: MemoryLayout<nfgenmsg>.size)
        if let count = attributes.number(NFTA_CHAIN_USE.rawValue, as: UInt32.self) { return UInt32(bigEndian: count) }
      }
      return nil
    } catch {
      if error.errno == .notFound { return nil }
      throw error
    }
  }
}
