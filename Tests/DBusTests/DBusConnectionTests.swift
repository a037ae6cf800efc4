import Sys
import TestKit
import Testing

@testable import DBus

/// Peers that do not answer; for those that do there is systemd (Tests/VM).
@Suite struct DBusConnectionTests {
  @Test func nobodyIsThere() {
    #expect(throws: DBusError.system(.notFound)) {
      _ = try DBusConnection(path: "/nonexistent/bus", isBus: false, milliseconds: 100)
    }
  }

  /// A peer that takes the connection and says nothing.
  @Test func aSilentPeerIsNotWaitedForForever() throws {
    try withScratch { scratch in
      let listener = try listenUnix(scratch + "/bus", type: 1)
      defer { _ = listener.borrowed }
      #expect(throws: DBusError.system(.timedOut)) {
        _ = try DBusConnection(path: scratch + "/bus", isBus: false, milliseconds: 50)
      }
    }
  }
}
