package import OCI
package import Registry

/// A request to an API that stands beside the distribution API: a registry's management, or a service that gives tokens.
package struct ServiceRequest: Sendable {
    package var method: String
    /// Path and query as they go over the wire, below the service's address.
    package var target: String
    package var headers: [(name: String, value: String)] = []
    package var body: [UInt8]?
    /// The value of the `Authorization` header; it never leaves the service's own host.
    package var authorization: Secret?
    /// What it is for, in the words of an error: `list the namespaces of`, `us.icr.io`.
    package var action: String
    package var object: String
    /// It changes something: after a failure that may have come too late, it is not sent again; the caller has to look.
    package var isWrite = false
    /// The largest answer that is read, in bytes.
    package var largestAnswer = 64 << 20

    package init(_ method: String, _ target: String, action: String, object: String) {
        self.method = method
        self.target = target
        self.action = action
        self.object = object
    }
}

/// What came back, whatever its status. The body of an error answer is cut at 64 KiB.
package struct ServiceAnswer: Sendable {
    package var status: Int
    /// The first of each name, in lower case.
    package var headers: [String: String]
    package var body: [UInt8]

    package init(status: Int, headers: [String: String] = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    package var isSuccess: Bool { (200..<300).contains(status) }
}

/// Sends requests to one service. `HTTPService` does it over HTTP; tests bring their own.
package protocol ServiceSending: Sendable {
    /// The last answer after the retries that its status allows. Throws when none came.
    func send(_ request: ServiceRequest) async throws(RegistryError) -> ServiceAnswer

    /// Nothing can be sent afterwards.
    func shutdown() async
}
