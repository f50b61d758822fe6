import OCI
import Testing

@testable import RegistryHTTP

/// Every path of an upload, as a table: an event, and the move that must follow it.
@Suite struct BlobUploadTests {
    typealias Action = BlobUpload.Action
    typealias Event = BlobUpload.Event

    struct Step: Sendable {
        var event: Event
        var move: BlobUpload.Move
        var now: Double

        init(_ event: Event, _ action: Action, wait: Double? = nil, wholeHost: Bool = false, leaving: WebAddress? = nil, now: Double = 0) {
            self.event = event
            let pause = wait.map { BlobUpload.Pause(seconds: $0, wholeHost: wholeHost) }
            move = BlobUpload.Move(action, pause: pause, leaving: leaving)
            self.now = now
        }
    }

    struct Path: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var size: Int64
        var kept: BlobUpload.Session?
        var steps: [Step]

        init(_ description: String, size: Int64 = large, kept: BlobUpload.Session? = nil, _ steps: [Step]) {
            testDescription = description
            self.size = size
            self.kept = kept
            self.steps = steps
        }
    }

    @Test(arguments: simplePaths + brokenPaths + partPaths + refusedPaths + fruitlessPaths)
    func itGoesAsTheTableSays(_ path: Path) throws {
        var upload = BlobUpload(size: path.size, purpose: Self.purpose, session: path.kept)
        #expect(upload.begin() == BlobUpload.Move(.findBlob))
        for (number, step) in path.steps.enumerated() {
            let move = upload.next(after: step.event, at: BlobUpload.Moment(now: step.now, jitter: 1))
            #expect(move == step.move, "step \(number + 1)")
        }
    }

    @Test func whatIsKnownToBeMissingIsSentAtOnce() {
        var upload = BlobUpload(size: 3, purpose: Self.purpose, isKnownMissing: true)
        #expect(upload.begin() == BlobUpload.Move(.openSession))
        let opened = upload.next(after: .opened(.init(address: Self.a)), at: BlobUpload.Moment(now: 0, jitter: 1))
        #expect(opened == BlobUpload.Move(.putWhole(Self.a)))
        var mounted = BlobUpload(size: 3, purpose: Self.purpose, session: .init(address: Self.b), isKnownMissing: true)
        #expect(mounted.begin() == BlobUpload.Move(.putWhole(Self.b)))
    }

    // MARK: The words of the tables

    static let large: Int64 = 100 << 20
    static let part = BlobUpload.usualPart
    static let small = BlobUpload.smallPart
    static let (a, b, c, d, e) = (address("a"), address("b"), address("c"), address("d"), address("e"))

    static func address(_ name: String) -> WebAddress {
        guard let address = try? WebAddress("https://r.example/v2/x/blobs/uploads/\(name)") else {
            preconditionFailure("no address: \(name)")
        }
        return address
    }

    static let purpose = Purpose(
        action: "push",
        object: "r.example/x@sha256:0",
        registry: (try? RegistryID(host: "r.example")) ?? .dockerHub,
        repository: nil
    )

    static func error(_ reason: String = "it broke", _ code: RegistryError.Code = .unavailable) -> RegistryError {
        purpose.error(code, reason)
    }

    static func opened(_ address: WebAddress, least: Int64? = nil) -> Event {
        .opened(BlobUpload.Session(address: address, smallestPart: least))
    }

    static func failed(_ kind: BlobUpload.Failure.Kind, sent: Int64 = 0, _ reason: String = "it broke") -> Event {
        .failed(BlobUpload.Failure(kind: kind, error: error(reason), sent: sent))
    }

    static func broke(sent: Int64) -> Event { failed(.transient(.broken), sent: sent) }

    static func answered(_ status: Int, retryAfter: Double? = nil, sent: Int64 = 0) -> Event {
        failed(.transient(.status(status, permanent: false, retryAfter: retryAfter)), sent: sent)
    }

    static func kept(_ lastByte: Int64?, _ address: WebAddress? = nil) -> Event {
        .status(BlobUpload.Status(address: address, lastByte: lastByte))
    }

    static func took(_ lastByte: Int64?, _ address: WebAddress? = nil) -> Event {
        .accepted(BlobUpload.Status(address: address, lastByte: lastByte))
    }

    static func gaveUp(_ reason: String, _ code: RegistryError.Code = .unavailable) -> Action { .giveUp(error(reason, code)) }

    /// The way up to parts: the whole was too large for a proxy.
    static func byParts(_ address: WebAddress, least: Int64? = nil) -> [Step] {
        [
            Step(.found(nil), .openSession), Step(opened(a, least: least), .putWhole(a)), Step(failed(.tooLarge, sent: 5), .askStatus(a)),
            Step(.gone, .openSession),
        ]
    }

    // MARK: The tables

    static let simplePaths: [Path] = [
        Path("what is there is not sent", [Step(.found(large), .succeed)]),
        Path(
            "a session that a mount left is cancelled where the blob is there",
            kept: BlobUpload.Session(address: a),
            [Step(.found(large), .succeed, leaving: a)]
        ),
        Path(
            "a session that a mount left is used",
            kept: BlobUpload.Session(address: a),
            [Step(.found(nil), .putWhole(a)), Step(.stored(isProven: true), .succeed)]
        ),
        Path(
            "one PUT of the whole",
            [Step(.found(nil), .openSession), Step(opened(a), .putWhole(a)), Step(.stored(isProven: true), .succeed)]
        ),
        Path("a blob of another size counts as absent", [Step(.found(7), .openSession)]),
        Path("a registry that does not say is sent the blob", [Step(.cannotBeFound, .openSession)]),
        Path(
            "an answer that proves nothing is looked into",
            [
                Step(.found(nil), .openSession), Step(opened(a), .putWhole(a)), Step(.stored(isProven: false), .findBlob),
                Step(.found(large), .succeed),
            ]
        ),
        Path(
            "an empty blob",
            size: 0,
            [Step(.found(nil), .openSession), Step(opened(a), .putWhole(a)), Step(.stored(isProven: true), .succeed)]
        ),
        Path(
            "the source's failure ends it unchanged, and the session with it",
            [
                Step(.found(nil), .openSession), Step(opened(a), .putWhole(a)),
                Step(.ended(error("corrupt", .corrupt)), gaveUp("corrupt", .corrupt), leaving: a),
            ]
        ),
        Path(
            "cancelled, nothing more is sent",
            [
                Step(.found(nil), .openSession), Step(opened(a), .putWhole(a)),
                Step(.ended(error("stop", .cancelled)), gaveUp("stop", .cancelled)),
            ]
        ),
        Path("no session, no upload", [Step(.found(nil), .openSession), Step(.ended(error("no", .denied)), gaveUp("no", .denied))]),
    ]

    static let brokenPaths: [Path] = [
        Path(
            "a lost reply is settled by a look",
            [
                Step(.found(nil), .openSession), Step(opened(a), .putWhole(a)), Step(broke(sent: large), .findBlob, wait: 1),
                Step(.found(large), .succeed),
            ]
        ),
        Path(
            "a session that broke is asked, and gone; the whole is sent once more",
            [
                Step(.found(nil), .openSession), Step(opened(a), .putWhole(a)), Step(broke(sent: 9), .findBlob, wait: 1),
                Step(.found(nil), .askStatus(a)), Step(.gone, .openSession), Step(opened(b), .putWhole(b)),
                Step(.stored(isProven: true), .succeed),
            ]
        ),
        Path(
            "0-0 after bytes were sent is not certain: the session is left",
            [
                Step(.found(nil), .openSession), Step(opened(a), .putWhole(a)), Step(broke(sent: 9), .findBlob, wait: 1),
                Step(.found(nil), .askStatus(a)), Step(kept(0, b), .openSession, leaving: b), Step(opened(c), .putWhole(c)),
            ]
        ),
        Path(
            "0-0 when nothing was sent means nothing",
            [
                Step(.found(nil), .openSession), Step(opened(a), .putWhole(a)),
                Step(failed(.transient(.unreachable)), .findBlob, wait: 1), Step(.found(nil), .askStatus(a)),
                Step(kept(0, b), .putWhole(b)),
            ]
        ),
        Path(
            "what the registry kept is not sent again, and the newest location is used",
            [
                Step(.found(nil), .openSession), Step(opened(a), .putWhole(a)), Step(broke(sent: large - 10), .findBlob, wait: 1),
                Step(.found(nil), .askStatus(a)), Step(kept(large - 31, b), .patch(b, large - 30..<large)),
                Step(took(large - 1, c), .commit(c)), Step(.stored(isProven: true), .findBlob), Step(.found(large), .succeed),
            ]
        ),
        Path(
            "a registry that kept everything is only asked to commit",
            [
                Step(.found(nil), .openSession), Step(opened(a), .putWhole(a)), Step(broke(sent: large), .findBlob, wait: 1),
                Step(.found(nil), .askStatus(a)), Step(kept(large - 1), .commit(a)),
            ]
        ),
        Path(
            "a range beyond what was sent is not believed",
            [
                Step(.found(nil), .openSession), Step(opened(a), .putWhole(a)), Step(broke(sent: 500), .findBlob, wait: 1),
                Step(.found(nil), .askStatus(a)), Step(kept(500), .openSession, leaving: a),
            ]
        ),
        Path(
            "a whole that broke twice goes by parts",
            [
                Step(.found(nil), .openSession), Step(opened(a), .putWhole(a)), Step(broke(sent: 9), .findBlob, wait: 1),
                Step(.found(nil), .askStatus(a)), Step(.gone, .openSession), Step(opened(b), .putWhole(b)),
                Step(answered(502, sent: 9), .findBlob, wait: 1), Step(.found(nil), .askStatus(b)), Step(.gone, .openSession),
                Step(opened(c), .patch(c, 0..<part)),
            ]
        ),
        Path(
            "overload is no reason for parts, and Retry-After holds back the host",
            [
                Step(.found(nil), .openSession), Step(opened(a), .putWhole(a)),
                Step(answered(429, retryAfter: 10), .findBlob, wait: 11, wholeHost: true), Step(.found(nil), .askStatus(a)),
                Step(.gone, .openSession), Step(opened(b), .putWhole(b)), Step(answered(503), .findBlob, wait: 2),
                Step(.found(nil), .askStatus(b)), Step(.gone, .openSession), Step(opened(c), .putWhole(c)),
            ]
        ),
        Path(
            "500 twice is enough",
            [
                Step(.found(nil), .openSession), Step(opened(a), .putWhole(a)), Step(answered(500), .findBlob, wait: 1),
                Step(.found(nil), .askStatus(a)), Step(.gone, .openSession), Step(opened(b), .putWhole(b)),
                Step(answered(500, sent: 3), gaveUp("it broke, after 3 of \(large) bytes"), leaving: b),
            ]
        ),
        Path(
            "a lost session starts anew",
            [
                Step(.found(nil), .openSession), Step(opened(a), .putWhole(a)), Step(failed(.sessionGone), .findBlob, wait: 1),
                Step(.found(nil), .openSession), Step(opened(b), .putWhole(b)),
            ]
        ),
        Path(
            "a token that ran out is renewed once",
            [
                Step(.found(nil), .openSession), Step(opened(a), .putWhole(a)), Step(failed(.unauthorized), .findBlob),
                Step(.found(nil), .askStatus(a)), Step(kept(0), .putWhole(a)),
                Step(failed(.unauthorized, sent: 1), gaveUp("it broke, after 1 of \(large) bytes"), leaving: a),
            ]
        ),
        Path(
            "spoilt content is sent once more",
            [
                Step(.found(nil), .openSession), Step(opened(a), .putWhole(a)), Step(failed(.spoilt, sent: large), .findBlob),
                Step(.found(nil), .openSession), Step(opened(b), .putWhole(b)),
                Step(failed(.spoilt, sent: large), gaveUp("it broke, after \(large) of \(large) bytes"), leaving: b),
            ]
        ),
    ]
}
