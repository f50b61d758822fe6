internal import OCI

/// What is known so far: question → answer. Only grows during a run. Large plans know of millions of tags, so that these are kept by
/// repository, and small: with its name, a tag takes 60 bytes and the room that a dictionary of names leaves free.
package struct Facts: Sendable {
    private var heads: [RepositoryAddress: TagHeads] = [:]
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
            let known = heads[address]
            result.insert(known.map { known in tags.filter { known[$0] == nil } } ?? tags, in: address)
        }
        return result
    }

    package mutating func record(_ answer: Answer, to question: Question) {
        let isNew: Bool
        if case .head(let address, .tag(let tag)) = question {
            isNew = heads[address, default: TagHeads()].record(TagHead(answer), of: tag)
        } else {
            isNew = others.updateValue(answer, forKey: question) == nil
        }
        if isNew { count += 1 }
    }
}

/// The answers to `.head` of the tags of one repository. The answers stand in a list, since a dictionary has room for twice as many.
private struct TagHeads: Sendable {
    private var places: [TagName: UInt32] = [:]
    private var heads: [TagHead] = []

    subscript(_ tag: TagName) -> TagHead? { places[tag].map { heads[Int($0)] } }

    /// False: there was an answer already, which is replaced.
    mutating func record(_ head: TagHead, of tag: TagName) -> Bool {
        if let place = places[tag] {
            heads[Int(place)] = head
            return false
        }
        places[tag] = UInt32(heads.count)
        heads.append(head)
        return true
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
