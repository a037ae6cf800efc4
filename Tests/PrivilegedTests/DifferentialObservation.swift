/// What a probe in a container sees, as named values that two runtimes can be compared by.
struct DifferentialObservation {
  private(set) var values: [String: String] = [:]

  /// The probe, for busybox's shell. A line that begins with "#" begins a part.
  static func probe(_ bundle: DifferentialBundle) -> String {
    """
    p=$$
    v() { printf '%s\\t' "$1"; shift; "$@" 2>&1 | tr '\\n' ' '; echo; }
    echo '#status'; cat /proc/$p/status
    echo '#limits'; cat /proc/$p/limits
    echo '#mounts'; cat /proc/$p/mountinfo
    echo '#environment'; tr '\\0' '\\n' </proc/$p/environ
    echo '#value'
    v uid_map cat /proc/$p/uid_map; v gid_map cat /proc/$p/gid_map; v setgroups cat /proc/$p/setgroups
    v oom_score_adj cat /proc/$p/oom_score_adj; v cwd readlink /proc/$p/cwd; v hostname hostname
    v domainname cat /proc/sys/kernel/domainname; v cgroup cat /proc/$p/cgroup; v links cut -d: -f1 /proc/net/dev
    v command tr '\\0' ' ' </proc/$p/cmdline; v umask umask; v personality cat /proc/$p/personality
    echo '#namespace'; for n in /proc/$p/ns/*; do printf '%s\\t' "${n##*/}"; readlink $n; done
    echo '#descriptor'; for n in /proc/$p/fd/*; do printf '%s\\t' "${n##*/}"; readlink $n || echo; done
    echo '#file'
    stat -c '%n\t%F %a %u %g %t:%T' /dev /dev/* /dev/below/* /gen /gen/* /gen/made/for /tmp /proc /sys 2>/dev/null
    for n in fd stdin stdout stderr core ptmx; do printf '/dev/%s link\\t' $n; readlink /dev/$n || echo; done
    echo '#hidden'
    for n in \(bundle.hidden.joined(separator: " ")); do
      v "$n" stat -c '%F %a' $n; v "$n content" sh -c "ls $n 2>&1 | grep -v '^[0-9]' | head -n 3; head -c 20 $n"
      v "$n write" sh -c "touch $n/x && rm $n/x; : >>$n"
    done
    echo '#sysctl'
    for n in \(bundle.sysctls.keys.sorted().joined(separator: " ")); do v "$n" cat /proc/sys/$(echo $n | tr . /); done
    echo '#call'; d=/dev
    v mkdir mkdir $d/d; v chmod chmod 700 $d/d; v symlink ln -s x $d/l; v mknod mknod $d/n c 1 3; v chown chown 7:7 $d/d
    v sethostname hostname changed; v mount mount -t tmpfs none /tmp; v chroot chroot / true
    for s in 0 18 23 28; do v "kill $s" kill -$s $p; done
    v null sh -c ': >/dev/null; head -c 0 /dev/zero'; v fuse head -c 0 /dev/below/fuse
    v gen-null head -c 0 /dev/gen-null
    v root-write sh -c ': >/written'; v low-port true; v mem cat /sys/fs/cgroup/memory/memory.limit_in_bytes
    v pids cat /sys/fs/cgroup/pids/pids.max; v shares cat /sys/fs/cgroup/cpu/cpu.shares
    """
  }

  /// What of the status file depends on the moment, or says the same as other lines.
  private static let statusKeys = [
    "Uid", "Gid", "Groups", "Umask", "NoNewPrivs", "Seccomp", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb",
    "SigBlk",
    "SigIgn", "SigCgt", "Cpus_allowed",
  ]

  /// - Parameter hostNamespaces: links of this process: what is the host's is named so.
  init(_ text: String, hostNamespaces: [String: String]) {
    var part = ""
    var order: [String] = []
    for line in text.split(separator: "\n").map(String.init) {
      if line.hasPrefix("#") {
        part = String(line.dropFirst())
        continue
      }
      let pair = line.split(separator: "\t", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      switch part {
      case "status":
        let name = String(line.prefix { $0 != ":" })
        if Self.statusKeys.contains(name) { values["status \(name)"] = Self.squeezed(line.dropFirst(name.count + 1)) }
      case "limits": values["limit \(line.prefix(26).trimmed)"] = Self.squeezed(line.dropFirst(26))
      case "mounts":
        let (place, mount) = Self.mount(line)
        let number = order.filter { $0 == place }.count
        order.append(place)
        values["mount \(place)" + (number == 0 ? "" : " \(number)")] = mount
      case "environment":
        let name = line.prefix { $0 != "=" }
        values["environment \(name)"] = String(line.dropFirst(name.count))
      case "namespace": values["namespace \(pair[0])"] = hostNamespaces[pair[0]] == pair.last ? "host's" : "own"
      case "descriptor": values["descriptor \(pair[0])"] = String(pair[1].prefix { $0 != ":" && $0 != "[" })
      case "call":  // the text of an error, without pids
        values["call \(pair[0])"] = pair[1].split(separator: ": ").last.map { $0.trimmed } ?? ""
      default: values["\(part) \(pair[0])"] = pair.count > 1 ? pair[1].trimmed : ""
      }
    }
  }

  mutating func note(_ key: String, _ value: String) { values[key] = value }

  private static func squeezed(_ text: some StringProtocol) -> String {
    text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  /// A line of mountinfo without its numbers. Source: proc(5).
  private static func mount(_ line: String) -> (place: String, text: String) {
    let fields = line.split(separator: " ").map(String.init)
    guard let dash = fields.firstIndex(of: "-"), dash >= 6, fields.count > dash + 3 else { return ("?", line) }
    func sorted(_ options: String) -> String { options.split(separator: ",").sorted().joined(separator: ",") }
    let type = fields[dash + 1], source = type == "cgroup" ? "" : fields[dash + 2]  // a word nobody reads
    let peers = fields[6..<dash].map { $0.prefix { $0 != ":" } }.joined(separator: ",")
    let text = [
      "root=\(fields[3])", sorted(fields[5]), peers, type, "from=\(source)", sorted(fields[dash + 3]),
    ]
    return (fields[4], text.joined(separator: " "))
  }
}

extension StringProtocol {
  fileprivate var trimmed: String { split(whereSeparator: \.isWhitespace).joined(separator: " ") }
}

/// One value of which ours is neither crun's nor runc's.
struct RuntimeDifference: CustomStringConvertible {
  let seed: UInt64
  let key: String
  /// nil where there is no such value.
  let ours: String?, crun: String?, runc: String?
  /// Whether the bundle has a user namespace and runc refuses it: only crun is left to compare with.
  var isMappedAndCrunAlone = false
  /// Whether this is of a place with more than one mount.
  var isStacked = false

  var description: String {
    "seed \(seed): \(key)\n  ours \(ours ?? "-")\n  crun \(crun ?? "-")\n  runc \(runc ?? "-")"
  }
}
