internal import RegistryTestSupport

/// Something that goes wrong, once or several times.
package struct SimulatedFault: Sendable, Codable {
    package enum Kind: String, Sendable, Codable {
        /// `status` is answered, and nothing is done.
        case answer
        /// The connection is closed, and nothing is done.
        case close
        /// The work is done, and the connection is closed.
        case loseReply
    }

    package var kind = Kind.answer
    /// Nil: any.
    package var method: String?
    /// What the request's target has in it; nil: any.
    package var contains: String?
    package var host: String?
    /// How many such requests pass before.
    package var skips = 0
    package var times = 1
    package var status = 503
    package var headers: [String: String] = [:]
    package var body = ""

    package init(
        _ kind: Kind = .answer,
        method: String? = nil,
        contains: String? = nil,
        host: String? = nil,
        skips: Int = 0,
        times: Int = 1,
        status: Int = 503,
        headers: [String: String] = [:],
        body: String = ""
    ) {
        self.kind = kind
        self.method = method
        self.contains = contains
        self.host = host
        self.skips = skips
        self.times = times
        self.status = status
        self.headers = headers
        self.body = body
    }

    package init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            try members.decodeIfPresent(Kind.self, forKey: .kind) ?? .answer,
            method: try members.decodeIfPresent(String.self, forKey: .method),
            contains: try members.decodeIfPresent(String.self, forKey: .contains),
            host: try members.decodeIfPresent(String.self, forKey: .host),
            skips: try members.decodeIfPresent(Int.self, forKey: .skips) ?? 0,
            times: try members.decodeIfPresent(Int.self, forKey: .times) ?? 1,
            status: try members.decodeIfPresent(Int.self, forKey: .status) ?? 503,
            headers: try members.decodeIfPresent([String: String].self, forKey: .headers) ?? [:],
            body: try members.decodeIfPresent(String.self, forKey: .body) ?? ""
        )
    }

    func concerns(_ request: LoopbackRequest, at place: ICRSimulator.Place) -> Bool {
        (method == nil || method == request.method) && (host == nil || host == place.host)
            && (contains.map { request.target.contains($0) } ?? true)
    }

    var answer: ScriptedAnswer {
        switch kind {
        case .answer: .reply(status, headers: headers, body: Array(body.utf8))
        case .close: .close
        case .loseReply: .loseReply
        }
    }
}
