import OCI
import Testing

@testable import RegistryHTTP

struct TagDeletionTests {
    struct Reply: Sendable, CustomTestStringConvertible {
        var status: Int
        var code: String?
        var message = "words"
        var meaning: TagDeletion
        var testDescription: String { "\(status) \(code ?? "without a code")" }

        var body: ErrorBody {
            guard let code else { return ErrorBody(bytes: Array("404 page not found".utf8), contentType: "text/plain") }
            let json = #"{"errors":[{"code":"\#(code)","message":"\#(message)"}]}"#
            return ErrorBody(bytes: Array(json.utf8), contentType: "application/json")
        }
    }

    static let replies: [Reply] = [
        Reply(status: 200, code: "", meaning: .accepted), Reply(status: 202, code: "", meaning: .accepted),
        Reply(status: 204, code: "", meaning: .accepted),
        Reply(status: 400, code: "DIGEST_INVALID", meaning: .unsupported), Reply(status: 400, code: "UNSUPPORTED", meaning: .unsupported),
        Reply(status: 405, code: "UNSUPPORTED", meaning: .unsupported), Reply(status: 405, code: nil, meaning: .unsupported),
        Reply(status: 404, code: "MANIFEST_UNKNOWN", meaning: .lookAtTag), Reply(status: 404, code: nil, meaning: .lookAtTag),
        Reply(status: 405, code: "REGISTRY_DISALLOWED_OPERATION", meaning: .refused), Reply(status: 405, code: "DENIED", meaning: .refused),
        Reply(status: 405, code: "UNSUPPORTED", message: "The operation is disallowed on this registry", meaning: .refused),
        Reply(status: 400, code: "NAME_INVALID", meaning: .refused), Reply(status: 400, code: nil, meaning: .refused),
        Reply(status: 401, code: "UNAUTHORIZED", meaning: .refused), Reply(status: 403, code: "UNSUPPORTED", meaning: .refused),
        Reply(status: 409, code: "DENIED", meaning: .refused), Reply(status: 412, code: "PRECONDITION", meaning: .refused),
        Reply(status: 429, code: "TOOMANYREQUESTS", meaning: .refused), Reply(status: 500, code: "UNSUPPORTED", meaning: .refused),
        Reply(status: 503, code: nil, meaning: .refused),
    ]

    @Test(arguments: replies)
    func onlyARegistryThatCannotLeadsToAnotherWay(_ reply: Reply) {
        #expect(TagDeletion(status: reply.status, reply.body) == reply.meaning)
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        var action: String
        var status: Int
        var code: String
        var message: String
        var help: String?
        var testDescription: String { "\(action) \(status) \(code)" }
    }

    static let refusals: [Refusal] = [
        Refusal(
            action: "delete",
            status: 400,
            code: "GOOGLE_MANIFEST_DANGLING_TAG",
            message: "Manifest is still referenced by tag: v1",
            help: "untag it first"
        ),
        Refusal(
            action: "delete",
            status: 405,
            code: "DENIED",
            message: "manifest is referenced",
            help: "something else in the repository needs it"
        ),
        Refusal(action: "delete", status: 409, code: "MANIFEST_INVALID", message: "collision", help: "several tags lead to it"),
        Refusal(
            action: "delete",
            status: 405,
            code: "REGISTRY_DISALLOWED_OPERATION",
            message: "The operation is disallowed",
            help: "unlock it"
        ),
        Refusal(action: "untag", status: 412, code: "PRECONDITION", message: "configured as immutable", help: "a rule makes it immutable"),
        Refusal(action: "untag", status: 403, code: "DENIED", message: "x", help: nil),
        Refusal(
            action: "push",
            status: 412,
            code: "PRECONDITION",
            message: "a:1 configured as immutable",
            help: "the tag may not be changed"
        ),
        Refusal(action: "push", status: 409, code: "TAG_ALREADY_EXISTS", message: "x", help: "the tag may not be changed"),
        Refusal(
            action: "push",
            status: 400,
            code: "TAG_INVALID",
            message: "ImageTagAlreadyExistsException: the tag exists",
            help: "the tag may not be changed"
        ),
        Refusal(
            action: "push",
            status: 412,
            code: "PRECONDITION",
            message: "will exceed the configured upper limit of 1 GiB",
            help: "the project's storage quota"
        ),
        Refusal(action: "push", status: 413, code: "DENIED", message: "Quota exceeded", help: "the project's storage quota"),
        Refusal(
            action: "push",
            status: 404,
            code: "NAME_UNKNOWN",
            message: "The repository does not exist",
            help: "the registry may want the repository created first"
        ),
        Refusal(action: "push", status: 400, code: "MANIFEST_INVALID", message: "x", help: nil),
        Refusal(action: "read", status: 412, code: "PRECONDITION", message: "immutable", help: nil),
    ]

    @Test(arguments: refusals)
    func aRefusalSaysWhatToDo(_ refusal: Refusal) throws {
        let json = #"{"errors":[{"code":"\#(refusal.code)","message":"\#(refusal.message)"}]}"#
        let body = ErrorBody(bytes: Array(json.utf8), contentType: "application/json")
        let help = RefusalHelp.help(status: refusal.status, body, action: refusal.action)
        if let expected = refusal.help {
            #expect(try #require(help).hasPrefix(expected))
        } else {
            #expect(help == nil)
        }
    }
}
