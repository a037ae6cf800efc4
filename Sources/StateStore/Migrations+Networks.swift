extension Migrations {
  /// Networks, their members, and what members hold of them. Addresses in keys are hex digits of fixed width, so that
  /// their order is the addresses' order; what holds them (`owner`) is a container or a sandbox.
  static let networks = """
    CREATE TABLE networks(
      id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, driver TEXT NOT NULL, interface TEXT NOT NULL,
      created INTEGER NOT NULL, config TEXT NOT NULL) WITHOUT ROWID;
    CREATE UNIQUE INDEX networks_bridge ON networks(interface) WHERE driver = 'bridge';

    CREATE TABLE container_networks(
      container_id TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE,
      network_id TEXT NOT NULL REFERENCES networks(id), position INTEGER NOT NULL, request TEXT NOT NULL,
      status TEXT NOT NULL DEFAULT '', PRIMARY KEY(container_id, network_id)) WITHOUT ROWID;
    CREATE INDEX container_networks_network ON container_networks(network_id);

    CREATE TABLE leases(
      network_id TEXT NOT NULL REFERENCES networks(id), address TEXT NOT NULL, owner TEXT NOT NULL,
      PRIMARY KEY(network_id, address)) WITHOUT ROWID;
    CREATE INDEX leases_owner ON leases(owner);
    CREATE TABLE lease_marks(
      network_id TEXT NOT NULL REFERENCES networks(id) ON DELETE CASCADE, subnet TEXT NOT NULL, last TEXT NOT NULL,
      PRIMARY KEY(network_id, subnet)) WITHOUT ROWID;

    CREATE TABLE ports(
      protocol TEXT NOT NULL, port INTEGER NOT NULL, host TEXT NOT NULL, container TEXT NOT NULL,
      container_port INTEGER NOT NULL, owner TEXT NOT NULL, PRIMARY KEY(protocol, port, host, container)) WITHOUT ROWID;
    CREATE INDEX ports_owner ON ports(owner);
    """
}
