/// One challenge of a `WWW-Authenticate` field (RFC 9110, section 11.6.1).
struct Challenge: Hashable, Sendable {
    /// Lower case.
    var scheme: String
    /// By lower-case name; of duplicates the first counts.
    var parameters: [String: String] = [:]

    var realm: String? { parameters["realm"].flatMap { $0.isEmpty ? nil : $0 } }

    /// All challenges of all fields, in order. Tolerates what registries send: unquoted URLs, missing parameters, a trailing comma.
    static func parse(_ fields: [String]) -> [Challenge] {
        fields.flatMap { parse($0) }
    }

    private static func parse(_ field: String) -> [Challenge] {
        var scanner = HeaderScanner(field)
        var challenges: [Challenge] = []
        while true {
            scanner.skip { $0 == "," || $0.isWhitespace }
            guard !scanner.isAtEnd else { return challenges }
            let name = scanner.text { $0 != "=" && $0 != "," && !$0.isWhitespace }
            if name.isEmpty {
                // A stray '=': nothing to read here.
                scanner.skip { $0 != "," }
                continue
            }
            let hadSpace = scanner.peek?.isWhitespace ?? false
            scanner.skip(while: \.isWhitespace)
            let isParameter = scanner.peek == "=" && !challenges.isEmpty
            if isParameter {
                _ = scanner.take("=")
                scanner.skip(while: \.isWhitespace)
                let value = scanner.quoted() ?? scanner.text { $0 != "," && !$0.isWhitespace }
                let key = name.lowercased()
                let last = challenges.count - 1
                if challenges[last].parameters[key] == nil { challenges[last].parameters[key] = value }
                continue
            }
            challenges.append(Challenge(scheme: name.lowercased()))
            if hadSpace { skipToken68(&scanner) }
        }
    }

    /// Negotiate and others carry one opaque token (`YII=`) instead of parameters.
    private static func skipToken68(_ scanner: inout HeaderScanner) {
        var ahead = scanner
        let token = ahead.text { $0 != "," && !$0.isWhitespace && $0 != "=" && $0 != "\"" }
        ahead.skip { $0 == "=" }
        ahead.skip(while: \.isWhitespace)
        // `realm =` is a parameter, not a token.
        if !token.isEmpty, ahead.isAtEnd || ahead.peek == "," { scanner = ahead }
    }
}

/// How a registry wants to be told who asks.
enum AuthenticationScheme: Hashable, Sendable {
    case basic
    /// `realm` is not resolved yet; `nil`: the one already known.
    case bearer(realm: String?, service: String?)

    /// Bearer where it can be used, else Basic. `nil`: none that crplan speaks.
    static func choose(_ challenges: [Challenge], knowsRealm: Bool) -> AuthenticationScheme? {
        for challenge in challenges where challenge.scheme == "bearer" {
            guard challenge.realm != nil || knowsRealm else { continue }
            return .bearer(realm: challenge.realm, service: challenge.parameters["service"])
        }
        return challenges.contains { $0.scheme == "basic" } ? .basic : nil
    }
}
