import Engine
import Problems
import Sys

extension CreateFlags {
  /// Where no flag speaks of ids, the environment does. Source: podman-run(1), "--userns".
  func usualUserNamespace() throws(Problem) -> UserNamespaceMode? {
    guard options.uidMaps.isEmpty, options.gidMaps.isEmpty, options.subUIDName == nil, options.subGIDName == nil else {
      return nil
    }
    for name in ["BERTH_USERNS", "PODMAN_USERNS"] {
      guard let mode = environmentVariable(name), !mode.isEmpty else { continue }
      do throws(Problem) { return try UserNamespaceMode(flag: mode) } catch {
        throw Problem(code: error.code, message: "in the environment, \(name)=\(mode)", hint: error.hint, cause: error)
      }
    }
    return nil
  }

  static var userNamespaces: [Flag<CreateFlags>] {
    [
      .value(
        "userns", "mode",
        "User IDs: host, private, auto[:size=…,uidmapping=…,gidmapping=…], keep-id[:uid=…,gid=…], nomap, "
          + "container:NAME, ns:PATH (default: $BERTH_USERNS, $PODMAN_USERNS)"
      ) {
        $0.options.userNamespaceMode = try UserNamespaceMode(flag: $1)
      },
      .value("uidmap", "container:host[:amount]", "Map user IDs; @host is an ID of the machine") {
        $0.options.uidMaps.append(try IDMapRequest(flag: $1, "--uidmap"))
      },
      .value("gidmap", "container:host[:amount]", "Map group IDs; @host is an ID of the machine") {
        $0.options.gidMaps.append(try IDMapRequest(flag: $1, "--gidmap"))
      },
      .value("subuidname", "name", "Map the user IDs that /etc/subuid gives to a name") { $0.options.subUIDName = $1 },
      .value("subgidname", "name", "Map the group IDs that /etc/subgid gives to a name") { $0.options.subGIDName = $1 },
    ]
  }
}
