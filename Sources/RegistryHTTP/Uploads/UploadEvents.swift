internal import OCI

extension BlobUpload {
    struct Session: Hashable, Sendable {
        /// The newest `Location`.
        var address: WebAddress
        /// `OCI-Chunk-Min-Length`
        var smallestPart: Int64?
    }

    enum Action: Hashable, Sendable {
        case findBlob
        case openSession
        case putWhole(WebAddress)
        case patch(WebAddress, Range<Int64>)
        case askStatus(WebAddress)
        /// `PUT` without a body, after all parts.
        case commit(WebAddress)
        case succeed
        case giveUp(RegistryError)
    }

    struct Pause: Hashable, Sendable {
        var seconds: Double
        /// Nothing may be sent to the host meanwhile.
        var wholeHost: Bool
    }

    struct Move: Hashable, Sendable {
        var pause: Pause?
        /// A session that is no longer needed, to be cancelled before the action.
        var leaving: WebAddress?
        var action: Action

        init(_ action: Action, pause: Pause? = nil, leaving: WebAddress? = nil) {
            self.action = action
            self.pause = pause
            self.leaving = leaving
        }
    }

    /// What the registry says about a session.
    struct Status: Hashable, Sendable {
        var address: WebAddress?
        /// The end of its `Range`, which counts from 0: with 0, one byte is there, or none.
        var lastByte: Int64?

        /// Reads `0-99`; nil: it is missing, or no such range.
        static func lastByte(of range: String?) -> Int64? {
            guard var text = range?.lowercased().filter({ !$0.isWhitespace })[...] else { return nil }
            if text.hasPrefix("bytes") { text = text.dropFirst(5).drop { $0 == "=" } }
            guard text.hasPrefix("0-"), let last = Int64(text.dropFirst(2)), last >= 0 else { return nil }
            return last
        }
    }

    enum Event: Hashable, Sendable {
        /// The size of the blob that is there; nil: none is.
        case found(Int64?)
        /// The registry does not say whether it has the blob.
        case cannotBeFound
        case opened(Session)
        case accepted(Status)
        /// The `PUT` succeeded. `isProven`: by a status that says so without doubt.
        case stored(isProven: Bool)
        case status(Status)
        /// The session has no status any more.
        case gone
        case failed(Failure)
        /// No repetition helps.
        case ended(RegistryError)
    }

    /// Why a `PUT` or `PATCH` did not do its work.
    struct Failure: Hashable, Sendable {
        enum Kind: Hashable, Sendable {
            case transient(RetryPolicy.Outcome)
            case unauthorized, sessionGone, outOfRange, tooLarge
            /// The registry got other bytes than it was to get.
            case spoilt

            /// Of an answer that is not transient; nil: no repetition helps.
            init?(status: Int, _ error: ErrorBody) {
                switch status {
                case 401: self = .unauthorized
                case 404: self = .sessionGone
                case 413: self = .tooLarge
                case 416: self = .outOfRange
                case 400 where error.contains("BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN"): self = .sessionGone
                case 400 where error.contains("RANGE_INVALID"): self = .outOfRange
                case 400 where error.contains("DIGEST_INVALID", "SIZE_INVALID"): self = .spoilt
                default: return nil
                }
            }
        }

        var kind: Kind
        var error: RegistryError
        /// Up to where the content was handed to the connection.
        var sent: Int64
    }
}

extension RetryPolicy.Outcome {
    /// Whether the request was cut off on its way, which shorter requests may not be.
    var isBreak: Bool {
        switch self {
        case .broken: true
        case .unreachable: false
        case .status(let status, _, _): [408, 499, 502, 504].contains(status) || (520...524).contains(status)
        }
    }
}

extension BlobUpload.Action {
    /// For the log: no address, since that holds the upload's state.
    var words: String {
        switch self {
        case .findBlob: "look for it"
        case .openSession: "open an upload session"
        case .putWhole: "send the whole"
        case .patch(_, let part): "send bytes \(part.lowerBound) to \(part.upperBound - 1)"
        case .askStatus: "ask for the session's status"
        case .commit: "commit"
        case .succeed: "done"
        case .giveUp: "give up"
        }
    }
}

extension BlobUpload.Event {
    var words: String {
        switch self {
        case .found(let size): size.map { "there, \($0) bytes" } ?? "not there"
        case .cannotBeFound: "the registry does not say"
        case .opened: "opened"
        case .accepted(let status), .status(let status): status.lastByte.map { "it has up to byte \($0)" } ?? "no range"
        case .stored: "stored"
        case .gone: "the session is gone"
        case .failed(let failure): "failed after byte \(failure.sent): \(failure.error.reason)"
        case .ended(let error): "ended: \(error.reason)"
        }
    }
}
