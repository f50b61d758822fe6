internal import OCI

/// One blob's way into a registry, as decisions alone: what happened comes in, what to do next comes out.
///
/// One `PUT` of the whole comes first, since not every registry takes parts as the specification says. Where that breaks twice, is too
/// large, or leaves a part that the registry kept, `PATCH` requests go on (distribution-spec, "Pushing a blob in chunks"). A session whose
/// request failed is asked for its status before it gets another byte, and a lost reply is settled by a look for the blob.
struct BlobUpload: Sendable {
    private enum Phase: Hashable, Sendable {
        case beginning
        /// Looks whether the blob came through all the same; `isUsable`: the session may go on if not.
        case settling(isUsable: Bool)
        case opening, sendingWhole, asking, committing, proving
        case sendingPart(Range<Int64>)
    }

    /// A cut costs no more than one part, and every part one round trip.
    static let usualPart: Int64 = 16 << 20
    /// GitHub's registry takes no larger parts.
    static let smallPart: Int64 = 4 << 20
    /// The most that a registry's least is honoured.
    static let largestPart: Int64 = 64 << 20
    /// How often the registry may take something and then lack it.
    static let fruitlessTries = 3

    private let size: Int64
    private let purpose: Purpose
    private let isKnownMissing: Bool
    private var phase = Phase.beginning
    private var session: Session?
    /// What the session holds, in the registry's words.
    private var offset: Int64 = 0
    /// The session cannot hold more than it was sent.
    private var sentToSession: Int64 = 0
    private var furthestOfSession: Int64 = 0
    private var goesByParts = false
    private var partLimit = usualPart
    /// The last part may have been too large.
    private var mayBeTooLarge = false

    /// The failures since the session last held more than before.
    private var retry: RetryPolicy?
    private var breaksOfWhole = 0
    private var fruitless = 0
    /// The sessions since one held more than all before.
    private var sessions = 0
    private var furthest: Int64 = 0
    private var mostSent: Int64 = 0
    private var wasRenewed = false
    private var wasSpoilt = false
    private var latest: RegistryError?

    /// `session`: one that is open already, such as a refused mount leaves. `isKnownMissing`: it is sent without a look for it.
    init(size: Int64, purpose: Purpose, session: Session? = nil, isKnownMissing: Bool = false) {
        self.size = size
        self.purpose = purpose
        self.session = session
        self.isKnownMissing = isKnownMissing
    }

    /// The first action; its outcome goes to `next`.
    mutating func begin() -> Move { isKnownMissing ? send() : Move(.findBlob) }

    struct Moment: Sendable {
        var now: Double
        /// From 0 to 1.
        var jitter: Double
    }

    mutating func next(after event: Event, at moment: Moment) -> Move {
        switch event {
        case .found(let found): return looked(found == size, found, moment)
        case .cannotBeFound: return looked(nil, nil, moment)
        case .opened(let opened):
            session = opened
            return send()
        case .accepted(let status): return accepted(status, moment)
        case .stored(let isProven):
            if isProven, phase == .sendingWhole { return Move(.succeed) }
            // Some registries say so although they dropped a part.
            phase = .proving
            return Move(.findBlob)
        case .status(let status): return resume(status)
        case .gone: return openAnew()
        case .failed(let failure): return failed(failure, moment)
        case .ended(let error): return stop(error)
        }
    }

    // MARK: Actions

    private mutating func send(_ pause: Pause? = nil) -> Move {
        guard let session else { return open(pause) }
        if !goesByParts || size == 0 {
            (phase, sentToSession) = (.sendingWhole, size)
            return Move(.putWhole(session.address), pause: pause)
        }
        guard offset < size else {
            phase = .committing
            return Move(.commit(session.address), pause: pause)
        }
        let length = min(max(partLimit, session.smallestPart ?? 0), Self.largestPart)
        let part = offset..<min(size, offset + length)
        (phase, sentToSession) = (.sendingPart(part), part.upperBound)
        return Move(.patch(session.address, part), pause: pause)
    }

    private mutating func open(_ pause: Pause? = nil, leaving: WebAddress? = nil) -> Move {
        sessions += 1
        if sessions > RetryPolicy.tries, let latest { return giveUp(latest) }
        (session, offset, sentToSession, furthestOfSession, phase) = (nil, 0, 0, 0, .opening)
        return Move(.openSession, pause: pause, leaving: leaving)
    }

    /// The session is of no use any more.
    private mutating func openAnew(_ pause: Pause? = nil, leaving: WebAddress? = nil) -> Move {
        if mayBeTooLarge { partLimit = Self.smallPart }
        mayBeTooLarge = false
        return open(pause, leaving: leaving)
    }

    private mutating func ask(_ pause: Pause? = nil) -> Move {
        guard let session else { return open(pause) }
        phase = .asking
        return Move(.askStatus(session.address), pause: pause)
    }

    private mutating func look(isUsable: Bool, _ pause: Pause? = nil) -> Move {
        phase = .settling(isUsable: isUsable)
        return Move(.findBlob, pause: pause)
    }

    /// Ends after failed tries: says how far they came.
    private func giveUp(_ error: RegistryError) -> Move {
        var error = error
        let reached = max(mostSent, furthest)
        if reached > 0, size > 0 { error.reason += ", after \(reached) of \(size) bytes" }
        if goesByParts { error.reason += ", also when sent in parts" }
        return stop(error)
    }

    private func stop(_ error: RegistryError) -> Move {
        let isUnreachable = error.code == .unavailable && error.status == nil && error.registry == purpose.registry && mostSent == 0
        return Move(.giveUp(error), leaving: error.code == .cancelled || isUnreachable ? nil : session?.address)
    }

    // MARK: Answers

    /// `isThere` nil: unknown.
    private mutating func looked(_ isThere: Bool?, _ found: Int64?, _ moment: Moment) -> Move {
        switch phase {
        case .proving: return proved(isThere, found, moment)
        case .settling(let isUsable):
            if isThere == true { return Move(.succeed) }
            return isUsable ? ask() : open()
        default: return isThere == true ? Move(.succeed, leaving: session?.address) : send()
        }
    }

    private mutating func proved(_ isThere: Bool?, _ found: Int64?, _ moment: Moment) -> Move {
        session = nil
        guard isThere == false else { return Move(.succeed) }
        if let found { return stop(purpose.error(.badAnswer, "the registry took all of it, but has \(found) of its \(size) bytes")) }
        fruitless += 1
        guard fruitless < Self.fruitlessTries, case .again(let pause) = count(.broken, moment) else {
            return stop(purpose.error(.badAnswer, "the registry took all of it, but does not have it"))
        }
        return Move(.findBlob, pause: pause)
    }

    private mutating func accepted(_ status: Status, _ moment: Moment) -> Move {
        guard case .sendingPart(let part) = phase else { return ask() }
        if let address = status.address { session?.address = address }
        let kept = status.lastByte == nil ? part.upperBound : keptBytes(status.lastByte, isOfPart: true)
        if let kept, kept > offset {
            note(kept)
            return send()
        }
        fruitless += 1
        latest = purpose.error(.badAnswer, "the registry takes parts of it, but keeps none after \(offset) of \(size) bytes")
        guard fruitless < Self.fruitlessTries, case .again(let pause) = count(.broken, moment) else {
            return stop(latest ?? purpose.cancelled)
        }
        guard let kept else { return openAnew(pause, leaving: session?.address) }
        offset = kept
        return send(pause)
    }

    /// After a failure: goes on behind what the registry kept, if that is certain.
    private mutating func resume(_ status: Status) -> Move {
        if let address = status.address { session?.address = address }
        guard let kept = keptBytes(status.lastByte, isOfPart: false) else { return openAnew(leaving: session?.address) }
        // What it kept of the whole shows that it takes parts.
        if kept > 0 { goesByParts = true }
        if mayBeTooLarge, kept == offset { partLimit = Self.smallPart }
        mayBeTooLarge = false
        note(kept)
        return send()
    }

    /// How many bytes a `Range` stands for; nil: that is not certain, or cannot be.
    private func keptBytes(_ lastByte: Int64?, isOfPart: Bool) -> Int64? {
        guard let lastByte, lastByte >= 0 else { return nil }
        if lastByte == 0 {
            if sentToSession == 0 { return 0 }
            return isOfPart && sentToSession == 1 ? 1 : nil
        }
        return lastByte < sentToSession ? lastByte + 1 : nil
    }

    /// Only more than ever in this session counts as progress, so that a registry which loses bytes again and again is given up.
    private mutating func note(_ kept: Int64) {
        if kept > furthestOfSession { (furthestOfSession, retry, fruitless, wasRenewed) = (kept, nil, 0, false) }
        if kept > furthest { (furthest, sessions) = (kept, 1) }
        offset = kept
    }

    // MARK: Failures

    private enum Patience {
        case again(Pause?)
        case over
    }

    private mutating func count(_ outcome: RetryPolicy.Outcome, _ moment: Moment) -> Patience {
        var policy = retry ?? RetryPolicy(startedAt: moment.now)
        let decision = policy.decide(outcome, now: moment.now, jitter: moment.jitter)
        retry = policy
        guard case .wait(let seconds, let wholeHost) = decision else { return .over }
        return .again(seconds > 0 ? Pause(seconds: seconds, wholeHost: wholeHost) : nil)
    }

    private mutating func failed(_ failure: Failure, _ moment: Moment) -> Move {
        latest = failure.error
        mostSent = max(mostSent, failure.sent)
        sentToSession = min(sentToSession, max(failure.sent, offset))
        switch failure.kind {
        case .transient(let outcome): return broke(outcome, failure.error, moment)
        case .unauthorized:
            // The look gets a new token.
            guard !wasRenewed else { return giveUp(failure.error) }
            wasRenewed = true
            return look(isUsable: true)
        case .outOfRange where isSendingPart: return refusedPart(isSurelyTooLarge: false, failure.error, moment)
        case .outOfRange, .sessionGone:
            guard case .again(let pause) = count(.broken, moment) else { return giveUp(failure.error) }
            return look(isUsable: false, pause)
        case .tooLarge where isSendingPart: return refusedPart(isSurelyTooLarge: true, failure.error, moment)
        case .tooLarge: return refusedWhole(failure.error)
        case .spoilt:
            guard !wasSpoilt else { return giveUp(failure.error) }
            (wasSpoilt, goesByParts, breaksOfWhole) = (true, false, 0)
            return look(isUsable: false)
        }
    }

    private var isSendingPart: Bool {
        if case .sendingPart = phase { return true }
        return false
    }

    private mutating func broke(_ outcome: RetryPolicy.Outcome, _ error: RegistryError, _ moment: Moment) -> Move {
        if phase == .sendingWhole, outcome.isBreak {
            breaksOfWhole += 1
            // Another way deserves tries of its own.
            if breaksOfWhole == 2 { (goesByParts, retry) = (true, nil) }
        }
        let isFirst = retry == nil
        guard case .again(let pause) = count(outcome, moment) else { return giveUp(error) }
        guard isSendingPart else { return look(isUsable: true, pause) }
        // Smaller parts may get through between two breaks.
        if !isFirst { partLimit = Self.smallPart }
        return ask(isFirst && outcome == .broken ? nil : pause)
    }

    /// Why a part was refused shows in the status: where the session stands elsewhere, it was not for its size.
    private mutating func refusedPart(isSurelyTooLarge: Bool, _ error: RegistryError, _ moment: Moment) -> Move {
        guard case .sendingPart(let part) = phase else { return giveUp(error) }
        let least = max(Self.smallPart, session?.smallestPart ?? 0)
        mayBeTooLarge = Int64(part.count) > least
        if isSurelyTooLarge, !mayBeTooLarge { return giveUp(error) }
        guard case .again(let pause) = count(.broken, moment) else { return giveUp(error) }
        return ask(mayBeTooLarge ? nil : pause)
    }

    private mutating func refusedWhole(_ error: RegistryError) -> Move {
        if size <= Self.usualPart { partLimit = Self.smallPart }
        guard !goesByParts, size > max(partLimit, session?.smallestPart ?? 0) else { return giveUp(error) }
        goesByParts = true
        return ask()
    }
}
