extension StringProtocol {
    /// The text without what looks like a secret: registries, stores and helpers repeat addresses, headers and logins in what they say.
    /// Values of known names (`password=`, `_state=`, `X-Amz-Signature=`), tokens after `Bearer` and `Basic`, logins in URLs, upload sessions
    /// and long words that are no digest become `…`.
    package var withMaskedSecrets: String {
        let bytes = Array(utf8)
        var result: [UInt8] = []
        var place = 0
        while place < bytes.count {
            let isStart = place == 0 || !SecretNames.isWordByte(bytes[place - 1])
            if let (start, end) = isStart ? SecretNames.secret(in: bytes, at: place) : nil {
                result += bytes[place..<start]
                result += "…".utf8
                place = end
            } else {
                result.append(bytes[place])
                place += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}

private enum SecretNames {
    /// A secret follows `=`, `:` or `>`.
    private static let certain = [
        "password", "passwd", "secret", "identitytoken", "registrytoken", "refresh_token", "access_token", "id_token", "apikey", "api_key",
        "client_secret", "x-amz-signature", "x-amz-credential", "x-amz-security-token", "x-goog-signature", "x-goog-credential",
        "x-ms-signature", "signatureprovided", "stringtosign", "canonicalrequest", "awsaccesskeyid", "_state",
    ]
    /// Common words: a secret follows `=` alone.
    private static let common = ["token", "signature", "sig", "auth", "state", "key", "se", "sv", "policy", "key-pair-id"]
    private static let schemes = ["bearer", "basic"]
    /// The session of an upload follows.
    private static let uploads = Array("/blobs/uploads/".utf8)
    /// Nothing but tokens and digests is longer.
    private static let longestWord = 64

    private static func isHex(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0) }
    }

    static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: byte >= 0x80
        }
    }

    /// Where the secret stands whose name begins at `place`.
    static func secret(in bytes: [UInt8], at place: Int) -> (start: Int, end: Int)? {
        if let login = userInfo(in: bytes, at: place) { return login }
        if bytes[..<place].suffix(uploads.count).elementsEqual(uploads) { return value(in: bytes, from: place) }
        let end = bytes[place...].firstIndex { !isWordByte($0) } ?? bytes.count
        guard end > place else { return nil }
        if end - place > longestWord { return isHex(bytes[place..<end]) ? nil : (place, end) }
        let word = String(decoding: bytes[place..<end], as: UTF8.self).lowercased()
        if schemes.contains(word) { return token(in: bytes, after: end) }
        let isCertain = certain.contains(word)
        guard isCertain || common.contains(word) else { return nil }
        var next = end
        while next < bytes.count, [UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: " ")].contains(bytes[next]) { next += 1 }
        guard next < bytes.count else { return nil }
        switch bytes[next] {
        case UInt8(ascii: "="): break
        case UInt8(ascii: ":"), UInt8(ascii: ">"):
            guard isCertain else { return nil }
        default: return nil
        }
        next += 1
        while next < bytes.count, [UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: " ")].contains(bytes[next]) { next += 1 }
        return value(in: bytes, from: next)
    }

    /// Up to what ends a value in a query, a header, JSON or XML.
    private static func value(in bytes: [UInt8], from start: Int) -> (start: Int, end: Int)? {
        let end = bytes[start...].firstIndex { $0 <= 0x20 || "?&\"'<>,;)}]".utf8.contains($0) } ?? bytes.count
        return end > start ? (start, end) : nil
    }

    /// `Bearer eyJ…`; in `Basic authentication` no digit and no capital within the word speaks for a token.
    private static func token(in bytes: [UInt8], after end: Int) -> (start: Int, end: Int)? {
        var next = end
        while next < bytes.count, bytes[next] == 0x20 { next += 1 }
        guard next > end, let found = value(in: bytes, from: next), found.end - found.start >= 6 else { return nil }
        let looksRandom = bytes[(found.start + 1)..<found.end].contains { byte in
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
        }
        return looksRandom ? found : nil
    }

    /// `user:password` in `://user:password@host`.
    private static func userInfo(in bytes: [UInt8], at start: Int) -> (start: Int, end: Int)? {
        guard start >= 3, bytes[(start - 3)..<start].elementsEqual("://".utf8) else { return nil }
        let end = bytes[start...].firstIndex { $0 <= 0x20 || "/?#\"'<>".utf8.contains($0) } ?? bytes.count
        guard let at = bytes[start..<end].lastIndex(of: UInt8(ascii: "@")), at > start else { return nil }
        return (start, at)
    }
}
