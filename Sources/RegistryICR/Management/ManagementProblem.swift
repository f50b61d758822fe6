internal import FoundationEssentials
internal import OCI

/// What the management API says about a failure: IBM's code, the words, and the request's id (reference of ICR, sections C.6 and D).
struct ManagementProblem: Hashable, Sendable, Decodable {
    var code: String?
    /// Safe to show.
    var message: String?
    /// For IBM's support.
    var requestID: String?

    init(code: String?, message: String?, requestID: String? = nil) {
        self.code = code
        self.message = message
        self.requestID = requestID
    }

    private enum Keys: String, CodingKey {
        case code, message, error, errorMessage, errorCode, errors
        case requestID = "request-id"
    }

    /// The forms that IBM's services answer with: the members themselves, or the first of `errors`.
    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Keys.self)
        if let list = try? container.decode([ManagementProblem].self, forKey: .errors), let first = list.first {
            self = first
            return
        }
        func text(_ keys: Keys...) -> String? {
            keys.lazy.compactMap { try? container.decode(String.self, forKey: $0) }.first { !$0.isEmpty }
        }
        code = text(.code, .errorCode).map { String($0.prefix(64)).withVisibleControls }
        message = text(.message, .error, .errorMessage).map(Self.shown)
        requestID = text(.requestID).map { String($0.prefix(100)).withVisibleControls }
    }

    /// The body of an error answer; anything that is not JSON, such as a proxy's page, gives no code and no message.
    init(body: [UInt8], header requestID: String?) {
        let read = try? JSONDecoder().decode(ManagementProblem.self, from: Data(body))
        self = read ?? ManagementProblem(code: nil, message: nil)
        if self.requestID == nil { self.requestID = requestID.map { String($0.prefix(100)).withVisibleControls } }
    }

    private static func shown(_ text: String) -> String {
        // Services repeat what they were sent.
        let words = text.withMaskedSecrets.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return (words.count > 300 ? words.prefix(299) + "…" : words[...]).withVisibleControls
    }
}

extension ManagementProblem {
    /// The error of a call that was answered with `status`. `right`: the role that the call needs, and where it has to be granted.
    /// `status`: `nil` for one item of a bulk call.
    func error(status answered: Int?, action: String, object: String, registry: RegistryID, right: Right) -> RegistryError {
        // One item of a bulk call has no status, but is refused for the same reasons.
        let status = answered ?? (code == "CRG0020E" ? 403 : nil)
        var reason = message ?? ""
        if let requestID { reason += (reason.isEmpty ? "" : ", ") + "request \(requestID)" }
        return RegistryError(
            status.map(errorCode) ?? .rejected,
            action: action,
            object: object,
            registry: registry,
            status: answered,
            registryCode: code,
            reason: reason,
            help: help(status, registry, right)
        )
    }

    private func errorCode(_ status: Int) -> RegistryError.Code {
        switch status {
        case 401: .unauthorized
        // No lack of a role: it is another account's login.
        case 403 where code == "CRG0009E": .unauthorized
        case 403: .denied
        case 404: .notFound
        case 405, 501: .unsupported
        case 429: .rateLimited
        case 408, 500...: .unavailable
        case 400..<500: .rejected
        default: .badAnswer
        }
    }

    private func help(_ status: Int?, _ registry: RegistryID, _ right: Right) -> String? {
        switch code {
        case "CRG0009E": return "the API key belongs to another account than the one asked for: check 'account' of \(registry) and the key"
        case "CRG0014E": return "log in to IBM Cloud again"
        case "CRI0301E", "CRI0302E": return "the image has an old format; pull it, and push it again with a current tool"
        case "CRI0304E": return "the index needs an image that is gone; push that again first"
        case "CRT0500E": return "untag the live image first, or restore by digest"
        default: break
        }
        let words = (message ?? "").lowercased()
        if let help = ContentProblem.quotaHelp(words, registry) { return help }
        if words.contains("forbidden to create an ibm cloud container registry instance") {
            return "an administrator of the account has to allow the service in the catalog"
        }
        switch status {
        case 401: return "the IBM Cloud token was refused; check the API key, or run 'ibmcloud login'"
        case 403: return "it needs \(right); check the region (\(registry)) and the account, too"
        case 429: return "try again later"
        case .some(500...): return "IBM Cloud has a problem of its own; try again later"
        default: return nil
        }
    }

    /// A role of the service, and where it has to be granted (reference of ICR, section C.5).
    enum Right: Hashable, Sendable, CustomStringConvertible {
        /// For namespaces themselves, quota and plan.
        case accountManager
        /// To list and analyse.
        case reader(namespace: String)
        case writer(namespace: String)
        /// To set retention: it lists too.
        case readerAndWriter(namespace: String)
        case any

        var description: String {
            switch self {
            case .accountManager: "the role Manager, granted for the whole account (not for a resource group)"
            case .reader(let namespace): "the role Reader on namespace \(namespace) (Writer alone cannot list)"
            case .writer(let namespace): "the role Writer on namespace \(namespace)"
            case .readerAndWriter(let namespace): "the roles Reader and Writer on namespace \(namespace)"
            case .any: "a role on the registry"
            }
        }
    }
}
