/// What to do about refusals that registries give in words of their own.
enum RefusalHelp {
    /// `nil`: nothing better is known than what the status alone says.
    static func help(status: Int, _ error: ErrorBody, action: String) -> String? {
        switch action {
        case "delete", "untag": forRemoval(status, error)
        default: action.hasPrefix("push") ? forPush(status, error) : nil
        }
    }

    private static func forPush(_ status: Int, _ error: ErrorBody) -> String? {
        if [403, 412, 413].contains(status), error.mentions("quota", "upper limit") {
            return "the project's storage quota is used up: remove images or raise the quota"
        }
        if [400, 409, 412].contains(status), error.isImmutability || (error.code == nil && status != 400) {
            return "the tag may not be changed: use another tag, or change the rule that makes it immutable"
        }
        switch status {
        case 404 where error.contains("NAME_UNKNOWN"):
            return "the registry may want the repository created first"
        case 405 where error.isLock: return "unlock it in the registry, or leave it out of the spec"
        default: return nil
        }
    }

    private static func forRemoval(_ status: Int, _ error: ErrorBody) -> String? {
        switch status {
        case 400 where error.contains("GOOGLE_MANIFEST_DANGLING_TAG"):
            return "untag it first: this registry deletes no image that still has a tag"
        case 400 where error.contains("GOOGLE_MANIFEST_DANGLING_PARENT_IMAGE"):
            return "delete the index that holds it first"
        case 405 where error.isLock: return "unlock it in the registry, or leave it out of the spec"
        case 405 where error.contains("DENIED"), 409 where error.contains("DENIED"), 409 where error.mentions("referenced"):
            return "something else in the repository needs it: delete the index or untag the other tags first"
        case 409: return "several tags lead to it, or it is in use: untag the others first"
        case _ where status == 412 || status == 400 && error.isImmutability:
            return "a rule makes it immutable: change the rule in the registry, or leave it out of the spec"
        default: return nil
        }
    }
}

extension ErrorBody {
    /// Azure says so for what is locked against deletion or writing.
    var isLock: Bool { contains("REGISTRY_DISALLOWED_OPERATION") || mentions("operation is disallowed", "is locked") }

    /// ECR, Harbor, GAR and others.
    var isImmutability: Bool {
        contains("TAG_ALREADY_EXISTS", "ImageTagAlreadyExistsException")
            || mentions("immutab", "ImageTagAlreadyExists", "cannot be overwritten")
    }

    func mentions(_ words: String...) -> Bool {
        let lower = text.lowercased()
        return words.contains { lower.range(of: $0.lowercased()) != nil }
    }
}
