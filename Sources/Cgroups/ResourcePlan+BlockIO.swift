import RuntimeSpec

extension ResourcePlan {
  /// - Source: blkio-controller.rst (v1); cgroup-v2.rst, "IO".
  mutating func add(_ blockIO: BlockIO, on host: Host) {
    if host.version("io") == .two { addUnified(blockIO, on: host) } else { addVersionOne(blockIO, on: host) }
  }

  private mutating func addVersionOne(_ blockIO: BlockIO, on host: Host) {
    let bfq = !host.has("blkio", "blkio.weight") && host.has("blkio", "blkio.bfq.weight")
    let prefix = bfq ? "blkio.bfq." : "blkio."
    if let weight = blockIO.weight, weight != 0 {
      add("blkio", prefix + "weight", String(weight), for: "block I/O weight \(weight)")
    }
    if let weight = blockIO.leafWeight, weight != 0 {
      add("blkio", "blkio.leaf_weight", String(weight), for: "block I/O leaf weight \(weight)")
    }
    for device in blockIO.weightDevice ?? [] {
      let name = "\(device.major):\(device.minor)"
      if let weight = device.weight, weight != 0 {
        add("blkio", prefix + "weight_device", "\(name) \(weight)", for: "block I/O weight \(weight) of \(name)")
      }
      if let weight = device.leafWeight, weight != 0 {
        add("blkio", "blkio.leaf_weight_device", "\(name) \(weight)", for: "block I/O leaf weight \(weight) of \(name)")
      }
    }
    for (file, devices) in Self.throttles(blockIO).map({ ($0.one, $0.devices) }) {
      for device in devices {
        let value = "\(device.major):\(device.minor) \(device.rate)"
        add("blkio", "blkio.throttle.\(file)", value, for: "block I/O limit \(value)")
      }
    }
  }

  private mutating func addUnified(_ blockIO: BlockIO, on host: Host) {
    if let weight = blockIO.weight, weight != 0 {
      if host.has("io", "io.bfq.weight") {
        add("io", "io.bfq.weight", String(weight), for: "block I/O weight \(weight)")
      } else {  // 10...1000 to 1...10000
        let wide = 1 + (UInt64(max(weight, 10)) - 10) * 9999 / 990
        add("io", "io.weight", "default \(wide)", for: "block I/O weight \(weight)")
      }
    }
    for device in blockIO.weightDevice ?? [] {
      guard let weight = device.weight, weight != 0 else { continue }
      let name = "\(device.major):\(device.minor)"
      add("io", "io.bfq.weight", "\(name) \(weight)", for: "block I/O weight \(weight) of \(name)")
    }
    for (key, devices) in Self.throttles(blockIO).map({ ($0.two, $0.devices) }) {
      for device in devices {
        let value = "\(device.major):\(device.minor) \(key)=\(device.rate)"
        add("io", "io.max", value, for: "block I/O limit \(value)")
      }
    }
  }

  /// File of version 1, key of version 2, limits.
  private static func throttles(_ blockIO: BlockIO) -> [(one: String, two: String, devices: [ThrottleDevice])] {
    [
      ("read_bps_device", "rbps", blockIO.throttleReadBpsDevice ?? []),
      ("write_bps_device", "wbps", blockIO.throttleWriteBpsDevice ?? []),
      ("read_iops_device", "riops", blockIO.throttleReadIOPSDevice ?? []),
      ("write_iops_device", "wiops", blockIO.throttleWriteIOPSDevice ?? []),
    ]
  }
}
