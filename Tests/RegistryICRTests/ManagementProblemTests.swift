import OCI
import Testing

@testable import RegistryICR

@Suite struct ManagementProblemTests {
    struct Body: Sendable, CustomTestStringConvertible {
        var text: String
        var problem: ManagementProblem

        var testDescription: String { text }
    }

    static let bodies: [Body] = [
        Body(
            text: #"{"code":"CRG0009E","message":"You are not authorized","request-id":"1044-1"}"#,
            problem: .init(code: "CRG0009E", message: "You are not authorized", requestID: "1044-1")
        ),
        Body(
            text: #"{"errors":[{"code":"A","message":"first"},{"code":"B"}]}"#,
            problem: .init(code: "A", message: "first", requestID: "head")
        ),
        Body(
            text: #"{"errorCode":"BXNIM0415E","errorMessage":"Provided API key could not be found."}"#,
            problem: .init(code: "BXNIM0415E", message: "Provided API key could not be found.", requestID: "head")
        ),
        Body(text: #"{"error":"words"}"#, problem: .init(code: nil, message: "words", requestID: "head")),
        Body(text: #"{"code":7,"message":"a\u001b[2J  b\n"}"#, problem: .init(code: nil, message: "a\\u{1b}[2J b", requestID: "head")),
        Body(text: "<html>", problem: .init(code: nil, message: nil, requestID: "head")),
        Body(text: "", problem: .init(code: nil, message: nil, requestID: "head")),
    ]

    @Test("the words are found in every form, and made safe", arguments: bodies)
    func forms(_ body: Body) {
        #expect(ManagementProblem(body: Array(body.text.utf8), header: "head") == body.problem)
    }

    struct Answer: Sendable, CustomTestStringConvertible {
        var status: Int
        var problem: ManagementProblem
        var code: RegistryError.Code
        var help: String

        var testDescription: String { "\(status) \(problem.code ?? "")" }
    }

    static let answers: [Answer] = [
        Answer(status: 403, problem: .init(code: "CRG0020E", message: "no"), code: .denied, help: "Writer on namespace birds"),
        Answer(status: 403, problem: .init(code: "CRG0009E", message: "no"), code: .unauthorized, help: "another account"),
        Answer(status: 401, problem: .init(code: nil, message: nil), code: .unauthorized, help: "ibmcloud login"),
        Answer(status: 403, problem: .init(code: nil, message: "Private-only access is enabled"), code: .denied, help: "private: true"),
        Answer(
            status: 403,
            problem: .init(code: nil, message: "Your account has exceeded its image storage quota for the current month."),
            code: .denied,
            help: "quota"
        ),
        Answer(status: 409, problem: .init(code: "CRT0500E", message: "exists"), code: .rejected, help: "untag the live image"),
        Answer(status: 400, problem: .init(code: "CRI0304E", message: "missing"), code: .rejected, help: "needs an image that is gone"),
        Answer(status: 429, problem: .init(code: nil, message: nil), code: .rateLimited, help: "later"),
        Answer(status: 503, problem: .init(code: nil, message: nil), code: .unavailable, help: "later"),
    ]

    @Test("every failure says what to do", arguments: answers)
    func helps(_ answer: Answer) throws {
        let error = answer.problem.error(
            status: answer.status,
            action: "untag",
            object: "us.icr.io/birds/a:1",
            registry: try RegistryID(host: "us.icr.io"),
            right: .writer(namespace: "birds")
        )
        #expect(error.code == answer.code)
        #expect(error.status == answer.status)
        #expect(error.help?.contains(answer.help) == true, "\(error)")
        #expect(error.description.contains("us.icr.io/birds/a:1"))
    }

    @Test("one item of a bulk call that is not authorized names the role, too")
    func itemOfBulkCall() throws {
        let error = ManagementProblem(code: "CRG0020E", message: "no").error(
            status: nil,
            action: "delete",
            object: "us.icr.io/birds/a@sha256:1",
            registry: try RegistryID(host: "us.icr.io"),
            right: .writer(namespace: "birds")
        )
        #expect(error.code == .denied && error.status == nil)
        #expect(error.help?.contains("Writer on namespace birds") == true)
    }
}
