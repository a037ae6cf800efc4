import Sys

extension Optional where Wrapped == OwnedFD {
  /// The descriptor's number, lent; nil without one. (`?.borrowed` would consume a stored optional.)
  var number: CInt? {
    switch self {
    case .some(let fd): fd.borrowed
    case .none: nil
    }
  }
}
