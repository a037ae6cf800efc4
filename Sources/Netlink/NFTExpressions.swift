package import CSys
import Glibc

/// The expressions of one nf_tables rule, in order. Registers are words of four bytes, numbered from 0; what is longer
/// fills several. A comparison that does not hold ends the rule.
package struct NFTExpressions: Sendable {
  private var writers: [@Sendable (inout NetlinkRequest) -> Void] = []
  package init() {}

  package enum Verdict: Hashable, Sendable {
    case accept, drop
    case jump(String)
  }
  package enum Base: UInt32, Sendable {
    case network = 1  // NFT_PAYLOAD_NETWORK_HEADER
    case transport = 2  // NFT_PAYLOAD_TRANSPORT_HEADER
  }

  private func number(_ word: UInt32) -> UInt32 { NFT_REG32_00.rawValue + word }
  private func adding(
    _ name: String, _ body: @escaping @Sendable (inout NetlinkRequest) -> Void
  ) -> NFTExpressions {
    var result = self
    result.writers.append { list in
      list.nest(NFTA_LIST_ELEM.rawValue) { element in
        element.attribute(NFTA_EXPR_NAME.rawValue, name)
        element.nest(NFTA_EXPR_DATA.rawValue) { data in body(&data) }
      }
    }
    return result
  }
  func write(into request: inout NetlinkRequest) { for writer in writers { writer(&request) } }

  /// Loads what is known of a packet. - Parameter key: `NFT_META_IIFNAME`, …
  package func meta(_ key: nft_meta_keys, into word: UInt32 = 0) -> NFTExpressions {
    let register = number(word)
    return adding("meta") { data in
      data.attribute(NFTA_META_DREG.rawValue, bigEndian: register)
      data.attribute(NFTA_META_KEY.rawValue, bigEndian: key.rawValue)
    }
  }
  /// Loads bytes of a packet.
  package func payload(_ base: Base, offset: UInt32, count: UInt32, into word: UInt32 = 0) -> NFTExpressions {
    let register = number(word)
    return adding("payload") { data in
      data.attribute(NFTA_PAYLOAD_DREG.rawValue, bigEndian: register)
      data.attribute(NFTA_PAYLOAD_BASE.rawValue, bigEndian: base.rawValue)
      data.attribute(NFTA_PAYLOAD_OFFSET.rawValue, bigEndian: offset)
      data.attribute(NFTA_PAYLOAD_LEN.rawValue, bigEndian: count)
    }
  }
  /// Loads what connection tracking knows. - Parameter key: `NFT_CT_STATE`, …
  package func conntrack(_ key: nft_ct_keys, into word: UInt32 = 0) -> NFTExpressions {
    let register = number(word)
    return adding("ct") { data in
      data.attribute(NFTA_CT_DREG.rawValue, bigEndian: register)
      data.attribute(NFTA_CT_KEY.rawValue, bigEndian: key.rawValue)
    }
  }
  /// Loads the kind of the destination address: `RTN_LOCAL` is one of this host.
  package func destinationKind() -> NFTExpressions { addressKind(NFTA_FIB_F_DADDR.rawValue) }
  package func sourceKind() -> NFTExpressions { addressKind(NFTA_FIB_F_SADDR.rawValue) }
  private func addressKind(_ flag: UInt32) -> NFTExpressions {
    let register = number(0)
    return adding("fib") { data in
      data.attribute(NFTA_FIB_DREG.rawValue, bigEndian: register)
      data.attribute(NFTA_FIB_RESULT.rawValue, bigEndian: NFT_FIB_RESULT_ADDRTYPE.rawValue)
      data.attribute(NFTA_FIB_FLAGS.rawValue, bigEndian: flag)
    }
  }

  package func equals(_ value: [UInt8], in word: UInt32 = 0) -> NFTExpressions { compare(NFT_CMP_EQ, value, word) }
  package func differs(from value: [UInt8], in word: UInt32 = 0) -> NFTExpressions { compare(NFT_CMP_NEQ, value, word) }
  private func compare(_ operation: nft_cmp_ops, _ value: [UInt8], _ word: UInt32) -> NFTExpressions {
    let register = number(word)
    return adding("cmp") { data in
      data.attribute(NFTA_CMP_SREG.rawValue, bigEndian: register)
      data.attribute(NFTA_CMP_OP.rawValue, bigEndian: operation.rawValue)
      data.nest(NFTA_CMP_DATA.rawValue) { $0.attribute(NFTA_DATA_VALUE.rawValue, bytes: value) }
    }
  }
  /// Goes on where one of these bits is set in a word of the host's order.
  package func hasOne(of bits: UInt32, in word: UInt32 = 0) -> NFTExpressions {
    let register = number(word)
    return adding("bitwise") { data in
      data.attribute(NFTA_BITWISE_SREG.rawValue, bigEndian: register)
      data.attribute(NFTA_BITWISE_DREG.rawValue, bigEndian: register)
      data.attribute(NFTA_BITWISE_LEN.rawValue, bigEndian: 4)
      data.nest(NFTA_BITWISE_MASK.rawValue) { $0.attribute(NFTA_DATA_VALUE.rawValue, number: bits) }
      data.nest(NFTA_BITWISE_XOR.rawValue) { $0.attribute(NFTA_DATA_VALUE.rawValue, number: UInt32(0)) }
    }.differs(from: [0, 0, 0, 0], in: word)
  }

  /// Goes on where the words from `word` on are in a set, or are not.
  package func isMember(of set: String, from word: UInt32 = 0, inverted: Bool = false) -> NFTExpressions {
    let register = number(word)
    return adding("lookup") { data in
      data.attribute(NFTA_LOOKUP_SET.rawValue, set)
      data.attribute(NFTA_LOOKUP_SREG.rawValue, bigEndian: register)
      if inverted { data.attribute(NFTA_LOOKUP_FLAGS.rawValue, bigEndian: UInt32(NFT_LOOKUP_F_INV.rawValue)) }
    }
  }
  /// Loads what a map says for the words from `word` on; a key that is not in it ends the rule.
  package func value(in map: String, from word: UInt32 = 0, into target: UInt32 = 0) -> NFTExpressions {
    let (source, register) = (number(word), number(target))
    return adding("lookup") { data in
      data.attribute(NFTA_LOOKUP_SET.rawValue, map)
      data.attribute(NFTA_LOOKUP_SREG.rawValue, bigEndian: source)
      data.attribute(NFTA_LOOKUP_DREG.rawValue, bigEndian: register)
    }
  }

  package func counter() -> NFTExpressions { adding("counter") { _ in } }

  package func verdict(_ verdict: Verdict) -> NFTExpressions {
    adding("immediate") { data in
      data.attribute(NFTA_IMMEDIATE_DREG.rawValue, bigEndian: NFT_REG_VERDICT.rawValue)
      data.nest(NFTA_IMMEDIATE_DATA.rawValue) { value in
        value.nest(NFTA_DATA_VERDICT.rawValue) { inner in
          switch verdict {
          case .accept: inner.attribute(NFTA_VERDICT_CODE.rawValue, bigEndian: UInt32(CSYS_NF_ACCEPT))
          case .drop: inner.attribute(NFTA_VERDICT_CODE.rawValue, bigEndian: UInt32(CSYS_NF_DROP))
          case .jump(let chain):
            inner.attribute(NFTA_VERDICT_CODE.rawValue, bigEndian: UInt32(bitPattern: CInt(NFT_JUMP.rawValue)))
            inner.attribute(NFTA_VERDICT_CHAIN.rawValue, chain)
          }
        }
      }
    }
  }

  /// Sends the packet to the address and the port in these words.
  /// - Parameter family: `AF_INET` or `AF_INET6`.
  package func redirect(family: UInt32, address: UInt32, port: UInt32) -> NFTExpressions {
    let (address, port) = (number(address), number(port))
    return adding("nat") { data in
      data.attribute(NFTA_NAT_TYPE.rawValue, bigEndian: NFT_NAT_DNAT.rawValue)
      data.attribute(NFTA_NAT_FAMILY.rawValue, bigEndian: family)
      data.attribute(NFTA_NAT_REG_ADDR_MIN.rawValue, bigEndian: address)
      data.attribute(NFTA_NAT_REG_PROTO_MIN.rawValue, bigEndian: port)
    }
  }
  /// Gives the packet the address of the interface through which it leaves.
  package func masquerade() -> NFTExpressions { adding("masq") { _ in } }
}
