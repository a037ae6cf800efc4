/// The address of a bus, as `DBUS_SESSION_BUS_ADDRESS` holds it.
package enum DBusAddress {
  /// The path of the first unix socket in the list that has one.
  ///
  /// - Source: D-Bus specification, "Server Addresses": "unix:path=/run/user/1000/bus,guid=…;unix:abstract=…".
  package static func unixPath(_ text: String) -> String? {
    for address in text.split(separator: ";") where address.hasPrefix("unix:") {
      for pair in address.dropFirst("unix:".count).split(separator: ",") {
        if pair.hasPrefix("path=") { return unescape(pair.dropFirst("path=".count)) }
      }
    }
    return nil
  }

  /// Bytes outside a small set are written as "%20".
  private static func unescape(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
