internal import OCI

/// What is known so far: question → answer. Only grows during a run. Large plans know of millions of tags, so that these are kept by
/// repository, and small: with its name, a tag takes 56 bytes and the room that a dictionary leaves free.
package struct Facts: Sendable {
    private var heads: [RepositoryAddress: [TagName: TagHead]] = [:]
    private var others: [Question: Answer] = [:]
    package private(set) var count = 0

    package init() {}

    package init(_ answers: [Question: Answer]) {
        for (question, answer) in answers { record(answer, to: question) }
    }

    package subscript(_ question: Question) -> Answer? {
        guard case .head(let address, .tag(let tag)) = question else { return others[question] }
        return heads[address]?[tag]?.answer
    }

    /// Those that have no answer yet.
    package func unanswered(_ questions: QuestionSet) -> QuestionSet {
        var result = QuestionSet(questions.others.lazy.filter { others[$0] == nil })
        for (address, tags) in questions.tags {
            let known = heads[address] ?? [:]
            result.insert(known.isEmpty ? tags : tags.filter { known[$0] == nil }, in: address)
        }
        return result
    }

    package mutating func record(_ answer: Answer, to question: Question) {
        let isNew: Bool
        if case .head(let address, .tag(let tag)) = question {
            isNew = heads[address, default: [:]].updateValue(TagHead(answer), forKey: tag) == nil
        } else {
            isNew = others.updateValue(answer, forKey: question) == nil
        }
        if isNew { count += 1 }
    }
}

/// The answer to `.head` of a tag, in 40 bytes.
enum TagHead: Sendable {
    case absent
    case found(Digest, mediaType: UInt8, size: UInt32)
    indirect case other(Answer)

    /// Hardly any manifest has another type.
    private static let mediaTypes = MediaType.acceptedManifests

    init(_ answer: Answer) {
        switch answer {
        case .absent: self = .absent
        case .found(.head(let head)):
            if let place = Self.mediaTypes.firstIndex(of: head.mediaType), let place = UInt8(exactly: place),
                let size = UInt32(exactly: head.size)
            {
                self = .found(head.digest, mediaType: place, size: size)
            } else {
                self = .other(answer)
            }
        case .found, .unreadable: self = .other(answer)
        }
    }

    var answer: Answer {
        switch self {
        case .absent: .absent
        case .found(let digest, let mediaType, let size):
            .found(.head(ManifestHead(digest: digest, mediaType: Self.mediaTypes[Int(mediaType)], size: Int64(size))))
        case .other(let answer): answer
        }
    }
}
