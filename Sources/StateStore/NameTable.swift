package import Problems

extension Store {
  package var names: NameTable { NameTable(database: database) }
}

/// Names of containers and pods: unique over both (PD-26).
package struct NameTable {
  package enum Kind: String, Sendable { case container, pod }
  let database: Database

  /// The owner of a name, or nil.
  package func owner(of name: String) throws(Problem) -> (id: String, kind: Kind)? {
    try database.row("SELECT owner, kind FROM names WHERE name = ?", [.text(name)]) { row in
      (row.text(0), Kind(rawValue: row.text(1)) ?? .container)
    }
  }

  /// Takes a name, inside the caller's transaction.
  /// - Throws: `.conflict` naming the owner.
  func take(_ name: String, owner: String, kind: Kind) throws(Problem) {
    if let (id, kind) = try self.owner(of: name) {
      throw Problem(
        code: .conflict, message: "the name \"\(name)\" is in use by \(kind.rawValue) \(id.prefix(12))",
        hint: kind == .container ? "remove it with: berth rm \(name)" : "remove it with: berth pod rm \(name)")
    }
    try database.run("INSERT INTO names VALUES(?, ?, ?)", [.text(name), .text(owner), .text(kind.rawValue)])
  }
}
