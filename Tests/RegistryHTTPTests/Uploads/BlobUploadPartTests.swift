import OCI
import Testing

@testable import RegistryHTTP

extension BlobUploadTests {
    static let partPaths: [Path] = [
        Path(
            "parts go one after the other, the last one shorter, and the end is proved",
            size: 2 * part + 5,
            byParts(a) + [
                Step(opened(b), .patch(b, 0..<part)), Step(took(part - 1, c), .patch(c, part..<2 * part)),
                Step(took(2 * part - 1, d), .patch(d, 2 * part..<2 * part + 5)), Step(took(2 * part + 4, e), .commit(e)),
                Step(.stored(isProven: true), .findBlob), Step(.found(2 * part + 5), .succeed),
            ]
        ),
        Path(
            "a part is as long as the registry wants at least",
            byParts(a) + [Step(opened(b, least: 20 << 20), .patch(b, 0..<20 << 20))]
        ),
        Path(
            "a least length beyond reason is not honoured",
            byParts(a) + [Step(opened(b, least: 1 << 40), .patch(b, 0..<64 << 20))]
        ),
        Path(
            "an answer without a range is believed, since the end is proved",
            byParts(a) + [Step(opened(b), .patch(b, 0..<part)), Step(took(nil), .patch(b, part..<2 * part))]
        ),
        Path(
            "the registry's range decides, not our count",
            byParts(a) + [
                Step(opened(b), .patch(b, 0..<part)), Step(took(99), .patch(b, 100..<100 + part)),
                Step(broke(sent: 100 + part), .askStatus(b)), Step(kept(49), .patch(b, 50..<50 + part)),
            ]
        ),
        Path(
            "a single byte's range is not ambiguous in the answer to it",
            size: 1,
            [
                Step(.found(nil), .openSession), Step(opened(a), .putWhole(a)), Step(broke(sent: 1), .findBlob, wait: 1),
                Step(.found(nil), .askStatus(a)), Step(.gone, .openSession), Step(opened(a), .putWhole(a)),
                Step(broke(sent: 1), .findBlob, wait: 1), Step(.found(nil), .askStatus(a)), Step(.gone, .openSession),
                Step(opened(b), .patch(b, 0..<1)), Step(took(0), .commit(b)),
            ]
        ),
        Path(
            "a part that broke is continued where the registry stands, without a wait",
            byParts(a) + [
                Step(opened(b), .patch(b, 0..<part)), Step(took(part - 1), .patch(b, part..<2 * part)),
                Step(broke(sent: part + 4000), .askStatus(b)), Step(kept(part + 999, c), .patch(c, part + 1000..<2 * part + 1000)),
            ]
        ),
        Path(
            "a session lost between parts starts anew",
            byParts(a) + [
                Step(opened(b), .patch(b, 0..<part)), Step(took(part - 1), .patch(b, part..<2 * part)),
                Step(failed(.sessionGone), .findBlob, wait: 1), Step(.found(nil), .openSession), Step(opened(c), .patch(c, 0..<part)),
            ]
        ),
        Path(
            "a lost commit is settled by a look, then by the status",
            size: part + 1,
            byParts(a) + [
                Step(opened(b), .patch(b, 0..<part)), Step(took(part - 1), .patch(b, part..<part + 1)), Step(took(part), .commit(b)),
                Step(broke(sent: part + 1), .findBlob, wait: 1), Step(.found(nil), .askStatus(b)), Step(kept(part), .commit(b)),
                Step(answered(503, sent: part + 1), .findBlob, wait: 2), Step(.found(part + 1), .succeed),
            ]
        ),
        Path(
            "parts that were spoilt are sent as a whole",
            size: part,
            [
                Step(.found(nil), .openSession), Step(opened(a), .putWhole(a)), Step(broke(sent: 100), .findBlob, wait: 1),
                Step(.found(nil), .askStatus(a)), Step(kept(49), .patch(a, 50..<part)), Step(took(part - 1), .commit(a)),
                Step(failed(.spoilt, sent: part), .findBlob), Step(.found(nil), .openSession), Step(opened(b), .putWhole(b)),
            ]
        ),
    ]

    static let refusedPaths: [Path] = [
        Path(
            "a PUT that is too large goes by parts from what the session has",
            [
                Step(.found(nil), .openSession), Step(opened(a), .putWhole(a)), Step(failed(.tooLarge), .askStatus(a)),
                Step(kept(0, b), .patch(b, 0..<part)),
            ]
        ),
        Path(
            "a PUT of less than a part that is too large goes by smaller ones",
            size: small + 1,
            [
                Step(.found(nil), .openSession), Step(opened(a), .putWhole(a)), Step(failed(.tooLarge), .askStatus(a)),
                Step(.gone, .openSession), Step(opened(b), .patch(b, 0..<small)),
            ]
        ),
        Path(
            "a PUT that is too large and small ends it",
            size: small,
            [
                Step(.found(nil), .openSession), Step(opened(a), .putWhole(a)),
                Step(failed(.tooLarge, sent: 1, "too large"), gaveUp("too large, after 1 of \(small) bytes"), leaving: a),
            ]
        ),
        Path(
            "416 for the length: smaller parts, once",
            byParts(a) + [
                Step(opened(b), .patch(b, 0..<part)), Step(failed(.outOfRange), .askStatus(b)), Step(kept(0, c), .patch(c, 0..<small)),
                Step(took(small - 1, d), .patch(d, small..<2 * small)), Step(failed(.outOfRange, sent: small), .askStatus(d), wait: 1),
                Step(kept(small - 1), .patch(d, small..<2 * small)),
            ]
        ),
        Path(
            "416 with a status that is not certain: smaller parts in a new session",
            byParts(a) + [
                Step(opened(b), .patch(b, 0..<part)), Step(failed(.outOfRange, sent: 10), .askStatus(b)),
                Step(kept(0), .openSession, leaving: b), Step(opened(c), .patch(c, 0..<small)),
            ]
        ),
        Path(
            "416 since the registry stands elsewhere: from there, as long as before",
            byParts(a) + [
                Step(opened(b), .patch(b, 0..<part)), Step(took(part - 1), .patch(b, part..<2 * part)),
                Step(failed(.outOfRange, sent: part), .askStatus(b)), Step(kept(999), .patch(b, 1000..<1000 + part)),
            ]
        ),
        Path(
            "413 for a small part ends it",
            byParts(a) + [
                Step(opened(b), .patch(b, 0..<part)), Step(failed(.tooLarge), .askStatus(b)), Step(.gone, .openSession),
                Step(opened(c), .patch(c, 0..<small)),
                Step(failed(.tooLarge, "too large"), gaveUp("too large, after 5 of \(large) bytes, also when sent in parts"), leaving: c),
            ]
        ),
        Path(
            "smaller parts than the registry's least are not tried",
            byParts(a) + [
                Step(opened(b, least: part), .patch(b, 0..<part)),
                Step(failed(.tooLarge, "too large"), gaveUp("too large, after 5 of \(large) bytes, also when sent in parts"), leaving: b),
            ]
        ),
    ]

    static let fruitlessPaths: [Path] = [
        Path(
            "parts that the registry takes but does not keep end it after three",
            byParts(a) + [
                Step(opened(b), .patch(b, 0..<part)), Step(took(0), .openSession, wait: 1, leaving: b),
                Step(opened(c), .patch(c, 0..<part)), Step(took(0), .openSession, wait: 2, leaving: c),
                Step(opened(d), .patch(d, 0..<part)),
                Step(
                    took(0),
                    gaveUp("the registry takes parts of it, but keeps none after 0 of \(large) bytes", .badAnswer),
                    leaving: d
                ),
            ]
        ),
        Path(
            "five breaks without progress end it, and the error says how far it came",
            byParts(a) + [
                Step(opened(b), .patch(b, 0..<part)), Step(took(part - 1), .patch(b, part..<2 * part)),
                Step(broke(sent: part + 7), .askStatus(b)), Step(kept(part - 1), .patch(b, part..<2 * part)),
            ]
                + [2, 4, 8].flatMap { wait in
                    [
                        Step(broke(sent: part + 7), .askStatus(b), wait: wait),
                        Step(kept(part - 1), .patch(b, part..<part + small)),
                    ]
                }
                + [
                    Step(
                        broke(sent: part + 7),
                        gaveUp("it broke, after \(part + 7) of \(large) bytes, also when sent in parts"),
                        leaving: b
                    )
                ]
        ),
        Path(
            "five minutes without progress end it",
            byParts(a) + [
                Step(opened(b), .patch(b, 0..<part)), Step(broke(sent: 7), .askStatus(b), now: 1000), Step(.gone, .openSession),
                Step(opened(c), .patch(c, 0..<part)),
                Step(broke(sent: 7), gaveUp("it broke, after 7 of \(large) bytes, also when sent in parts"), leaving: c, now: 1299),
            ]
        ),
        Path(
            "five sessions that came no further end it",
            byParts(a) + [Step(opened(b), .patch(b, 0..<part)), Step(took(part - 1), .patch(b, part..<2 * part))]
                + (1...4).flatMap { _ in
                    [
                        Step(broke(sent: part + 7), .askStatus(b)), Step(.gone, .openSession), Step(opened(b), .patch(b, 0..<part)),
                        Step(took(part - 1), .patch(b, part..<2 * part)),
                    ]
                }
                + [
                    Step(broke(sent: part + 7), .askStatus(b)),
                    Step(.gone, gaveUp("it broke, after \(part + 7) of \(large) bytes, also when sent in parts"), leaving: b),
                ]
        ),
        Path(
            "a registry that loses bytes again and again is given up",
            byParts(a) + [
                Step(opened(b), .patch(b, 0..<part)), Step(took(part - 1), .patch(b, part..<2 * part)),
                Step(broke(sent: part + 7), .askStatus(b)), Step(kept(9), .patch(b, 10..<10 + part)),
                Step(took(part - 1), .patch(b, part..<2 * part)),
            ]
                + [2, 4, 8].flatMap { wait in
                    [
                        Step(broke(sent: part + 7), .askStatus(b), wait: wait), Step(kept(9), .patch(b, 10..<10 + small)),
                        Step(took(9 + small), .patch(b, 10 + small..<10 + 2 * small)),
                    ]
                }
                + [
                    Step(
                        broke(sent: 10 + small),
                        gaveUp("it broke, after \(part + 7) of \(large) bytes, also when sent in parts"),
                        leaving: b
                    )
                ]
        ),
        Path(
            "a registry that says it is stored and does not have it is found out",
            size: part,
            [
                Step(.found(nil), .openSession), Step(opened(a), .putWhole(a)), Step(broke(sent: 100), .findBlob, wait: 1),
                Step(.found(nil), .askStatus(a)), Step(kept(49), .patch(a, 50..<part)), Step(took(nil), .commit(a)),
                Step(.stored(isProven: true), .findBlob), Step(.found(nil), .findBlob, wait: 1), Step(.found(nil), .findBlob, wait: 2),
                Step(.found(nil), gaveUp("the registry took all of it, but does not have it", .badAnswer)),
            ]
        ),
        Path(
            "a registry that dropped a part is found out by the size",
            size: part,
            [
                Step(.found(nil), .openSession), Step(opened(a), .putWhole(a)), Step(broke(sent: 100), .findBlob, wait: 1),
                Step(.found(nil), .askStatus(a)), Step(kept(49), .patch(a, 50..<part)), Step(took(nil), .commit(a)),
                Step(.stored(isProven: true), .findBlob),
                Step(.found(50), gaveUp("the registry took all of it, but has 50 of its \(part) bytes", .badAnswer)),
            ]
        ),
    ]

    @Test func twentyCutsWithProgressAreOvercome() {
        var upload = BlobUpload(size: 1 << 31, purpose: Self.purpose)
        _ = upload.next(after: .found(nil), at: .init(now: 0, jitter: 1))
        _ = upload.next(after: Self.opened(Self.a), at: .init(now: 0, jitter: 1))
        _ = upload.next(after: Self.broke(sent: 105 << 20), at: .init(now: 50, jitter: 1))
        _ = upload.next(after: .found(nil), at: .init(now: 50, jitter: 1))
        var held: Int64 = 100 << 20
        for cut in 1...20 {
            let moment = BlobUpload.Moment(now: Double(cut) * 400, jitter: 1)
            let again = upload.next(after: Self.kept(held - 1), at: moment)
            #expect(again.action == .patch(Self.a, held..<min(1 << 31, held + Self.part)))
            #expect(upload.next(after: Self.broke(sent: held + (6 << 20)), at: moment).action == .askStatus(Self.a))
            held += 5 << 20
        }
    }

    @Test(
        arguments: [
            ("0-0", 0), ("0-99", 99), ("bytes=0-99", 99), ("bytes 0-99", 99), (" 0 - 7 ", 7), ("5-9", nil), ("0--1", nil), ("0-", nil),
            ("x", nil),
            (nil, nil),
        ] as [(String?, Int64?)]
    )
    func rangesOfSessions(_ text: String?, _ last: Int64?) {
        #expect(BlobUpload.Status.lastByte(of: text) == last)
    }
}
