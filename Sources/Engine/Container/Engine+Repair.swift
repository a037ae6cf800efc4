extension Engine {
  /// Kinds of intents of this module.
  enum IntentKind {
    /// A container is being started (and, by `run`, was just made): a leftover is taken back.
    static let start = "container.start"
    /// A container is being removed: a leftover is finished.
    static let remove = "container.remove"
  }
}
