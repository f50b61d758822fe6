internal import FoundationEssentials
internal import OCI
package import RegistryTestSupport

/// IBM Cloud IAM: credentials to access tokens (reference of ICR, section C.1).
extension ICRAccount {
    private static let grantPrefix = "urn:ibm:params:oauth:grant-type:"

    /// `POST /identity/token`.
    package mutating func iamToken(_ request: LoopbackRequest, body: [UInt8], at now: Double) -> LoopbackReply {
        guard request.method == "POST" else { return iamProblem(405, "BXNIM0406E", "The method is not supported.") }
        let form = LoopbackRequest.parameters(String(decoding: body, as: UTF8.self))
        func field(_ name: String) -> String? { form.first { $0.name == name }?.value }
        switch field("grant_type") {
        case Self.grantPrefix + "apikey":
            guard let key = field("apikey"), let owner = owner(ofKey: key) else {
                return iamProblem(400, "BXNIM0415E", "Provided API key could not be found.")
            }
            return session(for: owner, at: now)
        case Self.grantPrefix + "cr-token":
            let profile = identities.values.first { $0.id == field("profile_id") || $0.name == field("profile_name") }
            guard let profile, let token = field("cr_token"), profile.computeTokens.contains(token) else {
                return iamProblem(400, "BXNIM0437E", "The compute resource token does not allow this trusted profile.")
            }
            return session(for: profile, at: now)
        case Self.grantPrefix + "assume":
            let caller = field("access_token").flatMap { identity(accessToken: $0, at: now) }
            let profile = identities.values.first { $0.id == field("profile_id") || $0.name == field("profile_name") }
            guard let caller, let profile, caller.profiles.contains(profile.id) else {
                return iamProblem(400, "BXNIM0437E", "The identity may not assume this trusted profile.")
            }
            return session(for: profile, at: now)
        case "refresh_token":
            // It takes the client id and secret that the token was made with, which API keys alone have not.
            return iamProblem(400, "BXNIM0408E", "The refresh token cannot be used by this client.")
        default: return iamProblem(400, "BXNIM0109E", "The grant type is not supported.")
        }
    }

    func owner(ofKey key: String) -> ICRIdentity? { identities.values.first { $0.apiKeys.contains(key) } }

    private mutating func session(for identity: ICRIdentity, at now: Double) -> LoopbackReply {
        switch identity.condition {
        case .disabled: return iamProblem(400, "BXNIM0462E", "Provided API key is disabled.")
        case .userGone: return iamProblem(400, "BXNIM0410E", "User not found or active.")
        case .suspended: return iamProblem(401, "BXNIM0436E", "Account is suspended.")
        case .active: break
        }
        let life = switches.iamTokenSeconds
        let expires = now + Double(life)
        let token = newToken([
            "iam_id": .string(identity.id), "account": .object(["valid": .bool(true), "bss": .string(identity.account)]),
            "iat": .integer(Int64(now)), "exp": .integer(Int64(expires)), "scope": .string("ibm openid"),
        ])
        iamTokens[token] = IAMSession(identity: identity.id, expires: expires)
        var refresh = "not_supported"
        if switches.hasRefreshTokens {
            refresh = "refresh-\(nextNumber())"
            iamTokens[refresh] = IAMSession(identity: identity.id, expires: now + 72 * 3600, isRefresh: true)
        }
        return .value(
            .object([
                "access_token": .string(token), "refresh_token": .string(refresh), "token_type": .string("Bearer"),
                "expires_in": .integer(Int64(life)), "expiration": .integer(Int64(expires)), "scope": .string("ibm openid"),
                "ims_user_id": .integer(1),
            ])
        )
    }

    /// In the form of a JWT; it is known by its text, its signature is none.
    mutating func newToken(_ claims: [String: JSONValue]) -> String {
        let numbered = JSONValue.object(claims.merging(["jti": .string("token-\(nextNumber())")]) { first, _ in first })
        func encoded(_ text: String) -> String {
            String(Data(text.utf8).base64EncodedString().compactMap { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 == "=" ? nil : $0 })
        }
        return [#"{"alg":"RS256","typ":"JWT"}"#, numbered.canonicalText, "not signed"].map(encoded).joined(separator: ".")
    }

    private mutating func iamProblem(_ status: Int, _ code: String, _ message: String) -> LoopbackReply {
        let id = "iam-\(nextNumber())"
        let body = JSONValue.object([
            "errorCode": .string(code), "errorMessage": .string(message), "context": .object(["requestId": .string(id)]),
        ])
        return LoopbackReply(status, headers: ["Transaction-Id": id], json: body.canonicalText)
    }
}
