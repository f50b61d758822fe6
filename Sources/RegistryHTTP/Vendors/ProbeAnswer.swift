/// What an answer to the deletion of something that is not there tells of the registry (oci-client reference, sections 6.1 and 6.2).
enum ProbeAnswer: Hashable, Sendable {
    /// It would delete: it says that the thing is not there, or takes anything.
    case able
    /// It says that it cannot.
    case unable
    /// A 404 without a code: absence, or an unknown request. The answer to reading the same tells them apart.
    case asForReading
    /// No right, a limit, a failure: it says nothing of what the registry can.
    case refused

    init(status: Int, _ error: ErrorBody) {
        guard status == 404 else {
            switch TagDeletion(status: status, error) {
            case .accepted: self = .able
            case .unsupported: self = .unable
            case .lookAtTag, .refused: self = .refused
            }
            return
        }
        if error.isHTML || error.contains("UNSUPPORTED") {
            self = .unable
        } else if error.code != nil || error.text.isEmpty {
            self = .able
        } else {
            self = .asForReading
        }
    }
}
