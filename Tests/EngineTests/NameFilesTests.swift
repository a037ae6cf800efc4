import Testing

@testable import Engine

// covers PD-144
@Suite struct NameFilesTests {
  @Test func whatChangedIsBroughtIn() {
    let old = "nameserver 192.0.2.53\n"
    let new = "search dns.berth\nnameserver 10.77.0.1\n"
    #expect(NameFiles.merge(old, from: old, to: new) == new)
    // Somebody added a line; the host's server has become another one.
    #expect(NameFiles.merge("options edns0\n" + old, from: old, to: new) == new.dropLast() + "\noptions edns0\n")
    let other = "nameserver 192.0.2.99\n"
    #expect(NameFiles.merge(other, from: old, to: new) == new.dropLast() + "\n" + other)
  }
}
