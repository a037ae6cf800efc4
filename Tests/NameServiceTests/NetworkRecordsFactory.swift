import DNSRecords
import NameService

enum NetworkRecordsFactory {
  /// Containers 10.3.x.y, all of them called `all`.
  static func crowd(_ count: Int) -> ServedNetwork {
    let containers = (0..<count).map {
      NetworkRecords.Container(
        id: "c\($0)", name: "crowd\($0)", aliases: ["all"],
        addresses: [World.address("10.3.\($0 / 200 + 1).\($0 % 200 + 1)")])
    }
    return ServedNetwork("crowd", NetworkRecords(name: "crowd", containers: containers))
  }
}
