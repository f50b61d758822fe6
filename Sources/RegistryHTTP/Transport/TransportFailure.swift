internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import OCI

/// Why no answer came, in words for people and with what a repetition would bring.
enum TransportFailure: Error, Hashable, Sendable {
    /// No connection was made.
    case unreachable(String)
    case unknownHost(String)
    /// The request may have been carried out: the connection broke or went silent.
    case broken(String)
    /// TLS did not come about.
    case tls(String, speaksPlainHTTP: Bool)
    /// Our own rules forbid it.
    case refused(String)
    case cancelled
    /// Somebody else's error, such as that of an upload's source; passed on unchanged.
    case foreign(RegistryError)

    init(_ error: any Error) {
        switch error {
        case let error as TransportFailure: self = error
        case let error as RegistryError: self = .foreign(error)
        case is CancellationError: self = .cancelled
        case let error as HTTPClientError: self.init(error)
        case let error as NIOSSLError: self = Self.tls(String(describing: error))
        case let error as BoringSSLError: self = Self.tls(String(describing: error))
        case is NIOSSLExtraError: self = .tls("the certificate does not name the host", speaksPlainHTTP: false)
        case HTTPParserError.headerOverflow: self = .refused("the answer's header is too large")
        case is HTTPParserError: self = .broken("the answer is not HTTP")
        case let error as NIOConnectionError: self = Self.connection(error)
        case let error as ChannelError:
            if case .connectTimeout = error {
                self = .unreachable("no connection within 10 s")
            } else {
                self = .broken("the connection broke")
            }
        case let error as IOError:
            self = error.errnoCode == 111 ? .unreachable("connection refused") : .broken(Self.words(of: error))
        default: self = .broken("the connection broke")
        }
    }

    private init(_ error: HTTPClientError) {
        switch error {
        case .cancelled: self = .cancelled
        case .connectTimeout: self = .unreachable("no connection within 10 s")
        case .tlsHandshakeTimeout: self = .unreachable("no TLS within 10 s")
        case .readTimeout: self = .broken("nothing came for too long")
        case .writeTimeout: self = .broken("it took nothing for too long")
        case .deadlineExceeded: self = .broken("no answer in time")
        case .remoteConnectionClosed: self = .broken("the connection was closed")
        case .invalidURL, .emptyHost, .emptyScheme: self = .refused("the address is not valid")
        case .alreadyShutdown: self = .cancelled
        default: self = .broken("the connection broke (\(error.shortDescription))")
        }
    }

    private static func connection(_ error: NIOConnectionError) -> TransportFailure {
        if error.dnsAError != nil || error.dnsAAAAError != nil, error.connectionErrors.isEmpty { return .unknownHost(error.host) }
        let reasons = error.connectionErrors.map { single in
            (single.error as? IOError).map { $0.errnoCode == 111 ? "connection refused" : words(of: $0) } ?? "no connection within 10 s"
        }
        return .unreachable(reasons.first ?? "no connection")
    }

    private static func words(of error: IOError) -> String {
        switch error.errnoCode {
        case 104, 32: "the connection was reset"
        case 110: "the connection timed out"
        case 113, 101: "no route to the host"
        default: "the connection broke (errno \(error.errnoCode))"
        }
    }

    /// BoringSSL names its reasons in capitals within a longer text.
    private static func tls(_ text: String) -> TransportFailure {
        let reasons = [
            ("WRONG_VERSION_NUMBER", "it speaks plain HTTP"), ("HTTP_REQUEST", "it speaks plain HTTP"),
            ("CERTIFICATE_VERIFY_FAILED", "its certificate is not trusted (unknown authority, wrong host or expired)"),
            ("unableToValidateCertificate", "its certificate is not trusted"), ("noCertificateToValidate", "it showed no certificate"),
            ("CERTIFICATE_REQUIRED", "it wants a client certificate"), ("BAD_CERTIFICATE", "it does not take the client certificate"),
            ("UNKNOWN_CA", "it does not trust the client certificate"), ("PROTOCOL_VERSION", "it speaks only old versions of TLS"),
        ]
        if text.contains("uncleanShutdown") { return .broken("the connection was cut off") }
        let reason = reasons.first { text.contains($0.0) }?.1 ?? "no TLS connection came about"
        return .tls(reason, speaksPlainHTTP: reason == "it speaks plain HTTP")
    }
}
