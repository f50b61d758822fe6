package import OCI

/// Questions, each once. Large plans ask for millions of tags, so that these are kept by repository, as in `Facts`: with its name, one
/// takes 16 bytes and the room that a set leaves free.
package struct QuestionSet: Hashable, Sendable {
    /// The tags of `.head`; no set is empty.
    package private(set) var tags: [RepositoryAddress: Set<TagName>] = [:]
    /// All other questions.
    package private(set) var others: Set<Question> = []
    package private(set) var count = 0

    package init() {}

    package init(_ questions: some Sequence<Question>) {
        for question in questions { insert(question) }
    }

    package var isEmpty: Bool { count == 0 }

    package func contains(_ question: Question) -> Bool {
        guard case .head(let address, .tag(let tag)) = question else { return others.contains(question) }
        return tags[address]?.contains(tag) ?? false
    }

    /// False: it was there.
    @discardableResult
    package mutating func insert(_ question: Question) -> Bool {
        let isNew =
            if case .head(let address, .tag(let tag)) = question {
                tags[address, default: []].insert(tag).inserted
            } else {
                others.insert(question).inserted
            }
        if isNew { count += 1 }
        return isNew
    }

    /// The `.head` of each of the tags.
    package mutating func insert(_ new: Set<TagName>, in address: RepositoryAddress) {
        guard !new.isEmpty else { return }
        let before = tags[address]?.count ?? 0
        if before == 0 { tags[address] = new } else { tags[address]?.formUnion(new) }
        count += (tags[address]?.count ?? 0) - before
    }

    /// False: it was not there.
    @discardableResult
    package mutating func remove(_ question: Question) -> Bool {
        let wasThere: Bool
        if case .head(let address, .tag(let tag)) = question {
            wasThere = tags[address]?.remove(tag) != nil
            if wasThere, tags[address]?.isEmpty == true { tags[address] = nil }
        } else {
            wasThere = others.remove(question) != nil
        }
        if wasThere { count -= 1 }
        return wasThere
    }

    package mutating func formUnion(_ questions: QuestionSet) {
        for (address, tags) in questions.tags { insert(tags, in: address) }
        for question in questions.others { insert(question) }
    }
}

extension QuestionSet: Sequence {
    package func makeIterator() -> some IteratorProtocol<Question> {
        let heads = tags.lazy.flatMap { address, tags in tags.lazy.map { Question.head(address, .tag($0)) } }
        var (first, second) = (heads.makeIterator(), others.makeIterator())
        return AnyIterator { first.next() ?? second.next() }
    }
}

extension QuestionSet: ExpressibleByArrayLiteral {
    package init(arrayLiteral questions: Question...) { self.init(questions) }
}
