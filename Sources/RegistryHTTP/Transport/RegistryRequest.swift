internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import OCI
internal import Registry

/// One request of the distribution API, and how it may be repeated.
struct RegistryRequest: Sendable {
    enum Body: Sendable {
        case none
        case bytes([UInt8])
        case blob(size: Int64, UploadBody)
    }

    enum Repetition: Sendable {
        case always
        /// After a failure that may have come too late, this tells whether the deed is done; only if not, it is done again.
        case unlessDone(@Sendable () async throws(RegistryError) -> Bool)
        /// As long as it is certain that nothing was done; else the caller looks.
        case whileUndone
    }

    /// How it says who we are.
    enum Login: Sendable {
        /// As the registry's challenges want it.
        case challenged
        /// By the login itself, whatever the challenges want: for an API beside the distribution API.
        case password
        /// By this value of `Authorization`, or by nothing; a refusal changes neither.
        case fixed(Secret?)
    }

    var method: HTTPMethod
    var address: WebAddress
    var purpose: Purpose
    var headers: HTTPHeaders = [:]
    var body: Body = .none
    var scopes: [TokenScope]
    var slot: HostGate.Slot = .small
    var patience: Connections.Patience = .answer
    /// Read the whole body of a success too, at most this many bytes, as part of the request: one that breaks off in its body is sent again.
    var bodyLimit: Int?
    var repetition: Repetition = .always
    var login = Login.challenged
    /// It counts as a pull where the registry limits those: a manifest is read.
    var isPull = false
    /// A service has one address: an answer from elsewhere is not its own.
    var mayBeRedirected = true

    var isReading: Bool { method == .GET || method == .HEAD }
}

/// What a request is for, in the words of an error.
struct Purpose: Hashable, Sendable {
    var action: String
    var object: String
    var registry: RegistryID
    var repository: RepositoryName?

    func error(
        _ code: RegistryError.Code,
        status: Int? = nil,
        registryCode: String? = nil,
        _ reason: String,
        help: String? = nil
    ) -> RegistryError {
        RegistryError(
            code,
            action: action,
            object: object,
            registry: registry,
            status: status,
            registryCode: registryCode,
            reason: reason,
            help: help
        )
    }

    func pullsAreSpent(_ allowance: PullAllowance) -> RegistryError {
        let limit = allowance.limit ?? allowance.spent
        return error(
            .deferred,
            "this run has read \(limit) manifest\(limit == 1 ? "" : "s") from \(registry), as many as 'limits.pulls' allows",
            help: "run it again to go on, or raise the limit"
        )
    }

    var cancelled: RegistryError { error(.cancelled, "it was cancelled") }
}

/// An answer. That of an error is read in full already; a body still to be read holds its slot of the gate until it is dropped.
struct RegistryResponse: Sendable {
    var status: Int
    var headers: HTTPHeaders
    /// Where it came from, after redirects.
    var address: WebAddress
    var body: HTTPClientResponse.Body
    /// What `RegistryRequest.bodyLimit` asked for; of an error, at most 64 KiB.
    var bytes: [UInt8] = []
    var error: ErrorBody
    var permit: HostGate.Permit?
    /// The request was not sent again: `Repetition.unlessDone` found it done.
    var wasSettled = false
    /// The status of the answer before that, where there was one.
    var settledStatus: Int?
    /// A 401 to a login that is known to be good.
    var lacksRight = false

    init(
        status: Int,
        headers: HTTPHeaders,
        address: WebAddress,
        body: HTTPClientResponse.Body,
        error: ErrorBody,
        permit: HostGate.Permit?
    ) {
        self.status = status
        self.headers = headers
        self.address = address
        self.body = body
        self.error = error
        self.permit = permit
    }

    /// Stands for the success whose reply was lost, or `status`.
    init(settledAt address: WebAddress, status: Int?) {
        self.init(status: 200, headers: [:], address: address, body: HTTPClientResponse.Body(), error: ErrorBody(), permit: nil)
        wasSettled = true
        settledStatus = status
    }

    /// Drops the body unread, so that the next request can go.
    func finish() { permit?.release() }

    /// As `finish`, but keeps the connection where there is no body: one whose answer was dropped is closed, and parts of uploads follow
    /// each other fast.
    func finishEmpty() async {
        if status == 204 || contentLength == 0 { _ = try? await body.collect(upTo: 0) }
        permit?.release()
    }

    var isSuccess: Bool { (200..<300).contains(status) }

    /// The digest that the registry names; `nil` when it names none or one of an unknown kind.
    var contentDigest: Digest? { headers.first(name: "docker-content-digest").flatMap { try? Digest($0) } }
    var contentLength: Int64? { headers.first(name: "content-length").flatMap { Int64($0) } }
    var contentType: String? { headers.first(name: "content-type") }

    /// Whether the registry says that the thing is not there. Throws when it is a web page that says so: a proxy's 404 tells nothing about
    /// the registry, and taking it for absence would let images be pushed or removed by mistake.
    func isAbsence(_ purpose: Purpose) throws(RegistryError) -> Bool {
        guard status == 404 else { return false }
        guard !error.isHTML, MediaType.essence(of: contentType ?? "") != "text/html" else {
            throw purpose.error(
                .badAnswer,
                status: status,
                "a web page answers, not a registry" + (error.text.isEmpty ? "" : ": \(error.text)"),
                help: "check the host, its endpoint, and any proxy in between"
            )
        }
        return true
    }
}
