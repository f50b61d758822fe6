internal import RegistryTestSupport

/// An error of the management API: its code and words (reference of ICR, section D). Codes that the reference does not know begin with
/// `CRX`.
package struct ICRProblem: Error, Hashable, Sendable {
    package var status: Int
    package var code: String
    package var message: String

    package init(_ status: Int, _ code: String, _ message: String) {
        self.status = status
        self.code = code
        self.message = message
    }

    static let notAuthenticated = ICRProblem(401, "CRG0014E", "There was a problem authenticating with IBM Cloud.")
    static let notAuthorized = ICRProblem(403, "CRG0020E", "You are not authorized to access the specified resource.")

    static func wrongAccount(_ status: Int) -> ICRProblem {
        ICRProblem(status, "CRG0009E", "You are not authorized to access the specified account.")
    }

    static func badRequest(_ message: String) -> ICRProblem { ICRProblem(400, "CRX0400E", message) }
    static func unknown(_ what: String, _ status: Int = 404) -> ICRProblem { ICRProblem(status, "CRX0404E", "\(what) does not exist.") }

    func reply(requestID: String, contentType: String) -> LoopbackReply {
        let json = #"{"code":\#(quoted(code)),"message":\#(quoted(message)),"request-id":\#(quoted(requestID))}"#
        return LoopbackReply(status, headers: ["X-Request-Id": requestID], json: json, type: contentType)
    }
}
