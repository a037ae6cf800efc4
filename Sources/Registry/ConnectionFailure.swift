import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Problems
import RegistryClient
import Sys

/// What a failed connection means to a person.
enum ConnectionFailure {
  static func problem(_ error: any Error, _ address: WebAddress, _ peer: Peer) -> Problem {
    let host = address.authority
    switch error {
    case is CancellationError: return Problem(code: .unavailable, message: "the request to \(host) was given up")
    case let error as NIOConnectionError:
      guard let first = error.connectionErrors.first?.error else { return noHost(address) }
      return problem(first, address, peer)
    case is SocketAddressError, is SocketAddressError.UnknownHost: return noHost(address)
    case let error as IOError:
      return Problem(
        code: .unavailable, message: "talk to \(host): \(Errno(rawValue: error.errnoCode))",
        hint: "is there a registry at \(host)?")
    case is HTTPParserError:
      return Problem(code: .unavailable, message: "\(host) broke off in the middle of an answer, or speaks no HTTP")
    case let error as ChannelError:
      if case .connectTimeout = error { return noAnswer(host) }
      return Problem(code: .unavailable, message: "talk to \(host)", cause: error)
    case let error as HTTPClientError: return clientProblem(error, host)
    case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError: return tlsProblem(error, host, peer)
    default: return Problem(code: .unavailable, message: "talk to \(host)", cause: error)
    }
  }

  private static func noHost(_ address: WebAddress) -> Problem {
    Problem(
      code: .unavailable, message: "there is no host \(address.host), as far as this machine's name service knows",
      hint: "check the registry's name and this machine's DNS")
  }

  private static func noAnswer(_ host: String) -> Problem {
    Problem(code: .timeout, message: "connect to \(host): no answer", hint: "is there a registry at \(host)?")
  }

  private static func clientProblem(_ error: HTTPClientError, _ host: String) -> Problem {
    switch error {
    case .connectTimeout, .getConnectionFromPoolTimeout, .tlsHandshakeTimeout: return noAnswer(host)
    case .readTimeout: return Problem(code: .timeout, message: "\(host) has sent nothing for a long time")
    case .remoteConnectionClosed: return Problem(code: .unavailable, message: "\(host) closed the connection")
    case .proxyAuthenticationRequired:
      return Problem(
        code: .denied, message: "the proxy wants a name and password",
        hint: "HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT")
    case .cancelled: return Problem(code: .unavailable, message: "the request to \(host) was given up")
    default: return Problem(code: .unavailable, message: "talk to \(host)", cause: error)
    }
  }

  private static func tlsProblem(_ error: any Error, _ host: String, _ peer: Peer) -> Problem {
    // BoringSSL's reasons come as text only; they choose the wording, never what is done.
    let text = ResponseProblem.printable("\(error)")
    if text.contains("CERTIFICATE_VERIFY_FAILED") {
      return Problem(
        code: .denied,
        message: "the TLS certificate of \(host) has expired or is signed by nobody whom this machine trusts",
        hint: "put its CA into /etc/containers/certs.d/\(peer.registry)/ca.crt, or use --cert-dir or --tls-verify=false"
      )
    }
    if let extra = error as? NIOSSLExtraError, extra == .failedToValidateHostname {
      return Problem(
        code: .denied, message: "the TLS certificate of \(host) is for another host",
        hint: "use the name that the certificate has")
    }
    if text.contains("WRONG_VERSION_NUMBER") || text.contains("HTTP_REQUEST") {
      return Problem(
        code: .unavailable, message: "\(host) speaks plain HTTP instead of TLS",
        hint: "--tls-verify=false, or insecure = true in registries.conf, if that is meant")
    }
    if text.contains("CERTIFICATE_REQUIRED") || text.contains("BAD_CERTIFICATE") || text.contains("HANDSHAKE_FAILURE") {
      return Problem(
        code: .denied, message: "\(host) wants a client certificate",
        hint: "put client.cert and client.key into /etc/containers/certs.d/\(peer.registry)/")
    }
    return Problem(code: .unavailable, message: "TLS with \(host) failed: \(text)")
  }
}
