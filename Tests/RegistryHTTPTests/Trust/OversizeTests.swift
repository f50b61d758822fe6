import OCI
import Registry
import RegistryTestSupport
import Synchronization
import Testing

@testable import RegistryHTTP

/// Answers that are too large, endless, too deep, or that say something else than they are.
@Suite(.timeLimit(.minutes(5))) struct OversizeTests {
    private static func failure(
        _ options: LoopbackRegistryServer.Options = .init(),
        _ script: @escaping LoopbackRegistryServer.Script,
        _ work: @escaping @Sendable (Wire) async throws(RegistryError) -> Void
    ) async throws -> RegistryError {
        let result = Kept<RegistryError>()
        try await withWire(options, credentials: FixedCredentials(user: "u", password: "p")) { wire in
            wire.server.script(script)
            result.value = try await wire.failure { () async throws(RegistryError) in try await work(wire) }
        }
        return try #require(result.value)
    }

    enum Answer: String, CaseIterable, Sendable, CustomTestStringConvertible {
        case manifest, manifestByHead, tags, referrers, token, error

        var testDescription: String { rawValue }
    }

    @Test(arguments: Answer.allCases)
    func anEndlessAnswerIsReadNoFurtherThanItsLimit(_ answer: Answer) async throws {
        let bearer = LoopbackRegistryServer.Options(authentication: .bearer(.init(user: "u", password: "p")))
        let error = try await Self.failure(answer == .token ? bearer : .init()) { request in
            switch answer {
            case .token: request.path == "/token" ? .endless(200) : nil
            case .manifestByHead where request.method == "HEAD": .reply(405)
            case .error: .endless(403)
            default: .endless(200)
            }
        } _: { (wire) async throws(RegistryError) in
            let digest = Digest.sha256(of: [1])
            switch answer {
            case .manifest, .error: _ = try await wire.client.manifest(.digest(digest), in: wire.repository)
            case .manifestByHead: _ = try await wire.client.head(.digest(digest), in: wire.repository)
            case .tags, .token: _ = try await wire.client.tags(in: wire.repository)
            case .referrers: _ = try await wire.client.referrers(of: digest, in: wire.repository)
            }
        }
        #expect(error.code == (answer == .error ? .denied : .badAnswer), "\(error)")
    }

    @Test(arguments: [70_000, 90_000, 3_000_000])
    func aHeaderOfMoreThan64KiBIsRefused(_ size: Int) async throws {
        let error = try await Self.failure { _ in
            // In fields of 30 kB, since one that is larger is refused by itself.
            let fields = (0...(size / 30_000)).map { ("X-\($0)", String(repeating: "x", count: 30_000)) }
            return .reply(200, headers: Dictionary(fields) { $1 }, body: Array("{}".utf8))
        } _: { (wire) async throws(RegistryError) in
            _ = try await wire.client.tags(in: wire.repository)
        }
        #expect(error.code == .untrusted && error.reason.contains("header"), "\(error)")
    }

    @Test(arguments: [1, 100])
    func aLengthThatIsALieIsFound(_ length: Int) async throws {
        let manifest = try Samples.image().root
        let error = try await Self.failure { request in
            guard request.path.contains("/manifests/") else { return nil }
            var answer = ScriptedAnswer.reply(
                200,
                headers: ["Content-Length": "\(length * manifest.bytes.count / 10)"],
                body: manifest.bytes
            )
            if length > 10 { answer.delivery = .cut(afterBytes: manifest.bytes.count) }
            return answer
        } _: { (wire) async throws(RegistryError) in
            _ = try await wire.client.manifest(.digest(manifest.digest), in: wire.repository)
        }
        #expect([.corrupt, .unavailable, .badAnswer].contains(error.code), "\(error)")
    }

    private static let digest = "sha256:\(String(repeating: "a", count: 64))"
    private static func image(_ members: String) -> String {
        let config = #""config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"\#(digest)","size":2}"#
        return #"{"schemaVersion":2,"mediaType":"\#(MediaType.ociManifest)",\#(config),\#(members)}"#
    }
    private static func layer(_ size: String, _ more: String = "") -> String {
        #""layers":[{"mediaType":"x/y","digest":"\#(digest)","size":\#(size)\#(more)}]"#
    }

    /// Documents that one program reads as one image and another as a second, or as none.
    static let hostile: [(name: String, body: String)] = [
        ("two members of one name", image(#""layers":[],"layers":[]"#)), ("another case", image(#""layers":[],"Layers":[]"#)),
        ("another case alone", image(#""Layers":[]"#)), ("another case within", image(layer("1", #","DIGEST":"\#(digest)""#))),
        ("two digests", image(layer("1", #","digest":"\#(digest)""#))), ("a long s", image(#""layer\u017f":[],"layers":[]"#)),
        ("a byte order mark", "\u{feff}" + image(#""layers":[]"#)), ("a size in words", image(layer("1e3"))),
        ("a fraction", image(layer("1.0"))), ("a negative size", image(layer("-1"))),
        ("a size of 2^64", image(layer("18446744073709551616"))),
        ("half a character", image(#""layers":[],"annotations":{"a":"\ud800"}"#)), ("text after its end", image(#""layers":[]"#) + "x"),
        ("65 levels", image(#""layers":[],"x":"# + String(repeating: "[", count: 65) + String(repeating: "]", count: 65))),
        ("100,000 levels", image(#""layers":[],"x":"# + String(repeating: "[", count: 100_000))),
        ("a digest that leads out", image(#""layers":[{"mediaType":"x/y","digest":"sha256:../../../etc/passwd","size":1}]"#)),
        (
            "10,001 children",
            #"{"schemaVersion":2,"mediaType":"\#(MediaType.ociIndex)","manifests":["#
                + [String](repeating: #"{"mediaType":"x/y","digest":"\#(digest)","size":1}"#, count: 10_001).joined(separator: ",") + "]}"
        ),
    ]

    @Test func aManifestThatProgramsReadDifferentlyIsRefused() async throws {
        try await withWire { wire in
            for (name, body) in Self.hostile {
                let type = body.contains(#""manifests":["#) ? MediaType.ociIndex : MediaType.ociManifest
                wire.server.forgetScripts()
                wire.server.script { _ in .reply(200, headers: ["Content-Type": type], body: Array(body.utf8)) }
                let error = try await wire.failure { () async throws(RegistryError) in
                    _ = try await wire.client.manifest(.tag(try tag("1")), in: wire.repository)
                }
                #expect(error.code == .corrupt, "\(name): \(error)")
                #expect(
                    error.description.utf8.count < 400 && !error.description.contains("Swift") && !error.description.contains("Int64"),
                    "\(error)"
                )
            }
        }
    }

    @Test func aManifestInAnotherEncodingIsRefused() async throws {
        try await withWire { wire in
            let body = Self.image(#""layers":[]"#).utf16.flatMap { [UInt8($0 & 0xff), UInt8($0 >> 8)] }
            wire.server.script { _ in .reply(200, headers: ["Content-Type": MediaType.ociManifest], body: body) }
            let error = try await wire.failure { () async throws(RegistryError) in
                _ = try await wire.client.manifest(.tag(try tag("1")), in: wire.repository)
            }
            #expect(error.code == .corrupt)
        }
    }
}

/// A valid tag, for closures that throw nothing but errors of registries.
private func tag(_ text: String) throws(RegistryError) -> TagName {
    do throws(InvalidName) {
        return try TagName(text)
    } catch {
        throw RegistryError(.rejected, action: "write", object: text, reason: error.description)
    }
}

private final class Kept<Value: Sendable>: Sendable {
    private let kept = Mutex<Value?>(nil)

    var value: Value? {
        get { kept.withLock { $0 } }
        set { kept.withLock { $0 = newValue } }
    }
}
