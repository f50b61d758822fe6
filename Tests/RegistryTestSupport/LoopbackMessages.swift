internal import NIOHTTP1

/// The head of a request as the loopback server got it.
package struct LoopbackRequest: Sendable, Hashable {
    /// Counts from 1 over all connections, token requests included.
    package var number: Int
    package var method: String
    /// As it stood in the request line, with the query.
    package var target: String
    package var headers: [String: String]

    package init(number: Int, method: String, target: String, headers: [String: String]) {
        self.number = number
        self.method = method
        self.target = target
        self.headers = headers
    }

    /// Header names are in lower case; repeated fields are joined by a comma.
    init(number: Int, _ head: HTTPRequestHead) {
        var headers: [String: String] = [:]
        for (name, value) in head.headers {
            let name = name.lowercased()
            headers[name] = headers[name].map { "\($0), \(value)" } ?? value
        }
        self.init(number: number, method: head.method.rawValue, target: head.uri, headers: headers)
    }

    package var path: String { String(target.prefix { $0 != "?" }) }

    /// The raw text after `?`.
    package var query: String { String(target.drop { $0 != "?" }.dropFirst()) }

    /// The decoded value of a query's parameter.
    package func parameter(_ name: String) -> String? { Self.parameters(query).first { $0.name == name }?.value }

    package func parameters(_ name: String) -> [String] { Self.parameters(query).filter { $0.name == name }.map(\.value) }

    package static func parameters(_ query: String) -> [(name: String, value: String)] {
        query.split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (decode(parts[0]), parts.count > 1 ? decode(parts[1]) : "")
        }
    }

    private static func decode(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// What the server answers.
package struct LoopbackReply: Sendable, Hashable {
    package var status: Int
    package var headers: [String: String]
    package var body: [UInt8]

    package init(_ status: Int, headers: [String: String] = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    package init(_ status: Int, headers: [String: String] = [:], json: String, type: String = "application/json") {
        self.init(status, headers: headers.merging(["Content-Type": type]) { given, _ in given }, body: Array(json.utf8))
    }

    /// The error body of the distribution specification.
    package static func error(_ status: Int, _ code: String, _ message: String = "", headers: [String: String] = [:]) -> LoopbackReply {
        LoopbackReply(status, headers: headers, json: #"{"errors":[{"code":\#(quoted(code)),"message":\#(quoted(message))}]}"#)
    }

    package static func text(_ status: Int, _ text: String) -> LoopbackReply {
        LoopbackReply(status, headers: ["Content-Type": "text/plain; charset=utf-8"], body: Array(text.utf8))
    }
}

/// One line of the server's log. Secrets are left out.
package struct LoggedRequest: Sendable, Hashable {
    package var request: LoopbackRequest
    package var bodySize: Int
    /// Nil: the connection was closed without an answer.
    package var status: Int?

    package var method: String { request.method }
    package var path: String { request.path }
    /// `GET /v2/a/tags/list`.
    package var line: String { "\(method) \(path)" }
}

/// What a test says the server does with one request. Each part may be changed on its own.
package struct ScriptedAnswer: Sendable {
    package enum Delivery: Sendable, Hashable {
        case whole
        /// The connection is closed instead of a reply.
        case close
        /// The head goes out whole, then this many bytes of the body, then the connection is closed.
        case cut(afterBytes: Int)
        /// The body, which goes out in chunks, has no end.
        case endless
    }

    /// Waited at before anything is done.
    package var gate: Gate?
    /// Nil: the server does its usual work.
    package var reply: LoopbackReply?
    /// Applied to the reply, whoever made it.
    package var change: (@Sendable (inout LoopbackReply) -> Void)?
    package var delivery: Delivery = .whole
    /// Waited at in the middle of the body, after half of its bytes.
    package var gateInBody: Gate?
    /// The connection is closed when this many bytes of the request's body have come.
    package var closeAfterRequestBytes: Int?
    /// The reply is sent before the request's body is read; only for a scripted `reply`.
    package var isEarly = false

    package init(reply: LoopbackReply? = nil) {
        self.reply = reply
    }

    package static func reply(_ status: Int, headers: [String: String] = [:], body: [UInt8] = []) -> ScriptedAnswer {
        ScriptedAnswer(reply: LoopbackReply(status, headers: headers, body: body))
    }

    package static func error(_ status: Int, _ code: String, _ message: String = "", headers: [String: String] = [:]) -> ScriptedAnswer {
        ScriptedAnswer(reply: .error(status, code, message, headers: headers))
    }

    /// Closes the connection; nothing is done.
    package static var close: ScriptedAnswer {
        var answer = ScriptedAnswer.reply(500)
        answer.delivery = .close
        return answer
    }

    /// Does the work, then closes the connection.
    package static var loseReply: ScriptedAnswer {
        var answer = ScriptedAnswer()
        answer.delivery = .close
        return answer
    }

    /// Does the work, and breaks off in the body of the reply.
    package static func cut(afterBytes count: Int) -> ScriptedAnswer {
        var answer = ScriptedAnswer()
        answer.delivery = .cut(afterBytes: count)
        return answer
    }

    /// A reply whose body never ends.
    package static func endless(_ status: Int, headers: [String: String] = [:]) -> ScriptedAnswer {
        var answer = ScriptedAnswer.reply(status, headers: headers.merging(["Transfer-Encoding": "chunked"]) { $1 })
        answer.delivery = .endless
        return answer
    }

    /// Does the work once the gate is open.
    package static func held(by gate: Gate) -> ScriptedAnswer {
        var answer = ScriptedAnswer()
        answer.gate = gate
        return answer
    }

    /// Does the work, and waits in the middle of the body until the gate is open.
    package static func heldInBody(by gate: Gate) -> ScriptedAnswer {
        var answer = ScriptedAnswer()
        answer.gateInBody = gate
        return answer
    }

    /// Does the work, and changes the reply.
    package static func changed(_ change: @escaping @Sendable (inout LoopbackReply) -> Void) -> ScriptedAnswer {
        var answer = ScriptedAnswer()
        answer.change = change
        return answer
    }

    /// Closes the connection in the middle of an upload.
    package static func dropUpload(afterBytes count: Int) -> ScriptedAnswer {
        var answer = ScriptedAnswer()
        answer.closeAfterRequestBytes = count
        return answer
    }
}

/// A JSON string with its quotes.
package func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case _ where scalar.value < 0x20:
            let hex = String(scalar.value, radix: 16)
            result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + "\""
}
