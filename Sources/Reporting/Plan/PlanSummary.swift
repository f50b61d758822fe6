internal import OCI
internal import Planning

/// The first line of a plan, and the sentence that stands for a plan without changes.
enum PlanSummary {
    static func sentence(_ plan: Plan) -> String {
        plan.changes.isEmpty ? noChanges(plan) : changes(plan)
    }

    static func irreversible(_ changes: [Change]) -> Int { changes.count { !$0.undo.isPossible } }

    private static func changes(_ plan: Plan) -> String {
        var text = "Plan: \(counts(plan.changes).joined(separator: ", "))."
        let bytes = plan.changes.reduce(Int64(0)) { $0 + (plan.estimates[$1.id]?.bytesToSend ?? 0) }
        if bytes > 0 { text += " \(Amounts.bytes(bytes)) to upload." }
        let lost = irreversible(plan.changes)
        text += lost == 0 ? " All can be undone." : " \(Amounts.count(lost)) cannot be undone (needs --allow-irreversible)."
        return text
    }

    /// What is counted, and how it is said before and after.
    private struct Verb {
        var before: String
        var after: String

        static let create = Verb(before: "to create", after: "created")
        static let assign = Verb(before: "to assign", after: "assigned")
        static let set = Verb(before: "to set", after: "set")
        static let copy = Verb(before: "to copy", after: "copied")
        static let push = Verb(before: "to push", after: "pushed")
        static let restore = Verb(before: "to restore", after: "restored")
        static let add = Verb(before: "to add", after: "added")
        static let move = Verb(before: "to move", after: "moved")
        static let untag = Verb(before: "to untag", after: "untagged")
        static let delete = Verb(before: "to delete", after: "deleted")
    }

    /// ` (9 images)`: what goes with namespaces and by retention.
    private static func taking(_ changes: [Change]) -> String {
        let images = changes.reduce(0) { $0 + ($1.consequences.images ?? []).count { !$0.isTrashed } }
        return images == 0 ? "" : " (\(Amounts.count(images, "image")))"
    }

    /// In the order of the engine's kinds: `1 namespace to create`, …, `1 image (2 tags) to delete`; `areDone`: `1 namespace created`.
    static func counts(_ changes: [Change], areDone: Bool = false) -> [String] {
        var counts: [String] = []
        func add(_ number: Int, _ noun: String, _ verb: Verb, plural: String? = nil, with: String = "") {
            guard number > 0 else { return }
            counts.append("\(Amounts.count(number, noun, plural: plural))\(with) \(areDone ? verb.after : verb.before)")
        }
        let puts = changes.filter { $0.kind == .put }
        let tags = puts.filter { !$0.isReferrerPut }
        add(changes.count { $0.kind == .namespace && !$0.isNamespaceRemoval && !$0.isAssignment }, "namespace", .create)
        add(changes.count(where: \.isAssignment), "namespace", .assign)
        let policies = changes.filter { $0.kind == .retention }
        add(policies.count, "retention policy", .set, plural: "retention policies", with: taking(policies))
        add(images(tags, .copy), "image", .copy)
        add(images(tags, .push), "image", .push)
        add(puts.count - tags.count, "referrer", .copy)
        add(changes.count { $0.kind == .restore }, "image", .restore)
        // The noun stands once: `3 tags to add, 3 to move, 1 to untag`.
        let tagRows: [(Int, Verb)] = [
            (tags.count { !$0.isMove }, .add), (tags.count(where: \.isMove), .move), (changes.count { $0.kind == .untag }, .untag),
        ]
        for (place, row) in tagRows.filter({ $0.0 > 0 }).enumerated() {
            if place == 0 {
                add(row.0, "tag", row.1)
            } else {
                counts.append("\(Amounts.count(row.0)) \(areDone ? row.1.after : row.1.before)")
            }
        }
        let deletes = changes.filter { $0.kind == .delete }
        let lost = deletes.reduce(0) { $0 + $1.consequences.removedTags.count }
        add(deletes.count, "image", .delete, with: lost == 0 ? "" : " (\(Amounts.count(lost, "tag")))")
        let namespaces = changes.filter(\.isNamespaceRemoval)
        add(namespaces.count, "namespace", .delete, with: taking(namespaces))
        return counts
    }

    /// An image under several new tags of one repository is sent once.
    private static func images(_ puts: [Change], _ method: ChangeMethod) -> Int {
        struct Place: Hashable {
            var address: RepositoryAddress?
            var digest: Digest?
        }
        return Set(puts.filter { $0.method == method }.map { Place(address: $0.target.address, digest: $0.newDigest) }).count
    }

    private static func noChanges(_ plan: Plan) -> String {
        let scope = plan.scope
        let files = Amounts.count(plan.specFiles.count, "file")
        var clauses: [String]
        if scope.declaredTags == 0 {
            clauses = ["No tags are declared (\(files))"]
        } else {
            let registries = Amounts.count(scope.registries, "registry", plural: "registries")
            let subject =
                scope.declaredTags == 1
                ? "The one declared tag in \(registries) is" : "All \(Amounts.count(scope.declaredTags)) declared tags in \(registries) are"
            clauses = ["\(plan.leftOut.isEmpty ? subject : "In what could be read, " + lowercasedFirst(subject)) as declared (\(files))"]
        }
        if scope.undeclaredTags > 0 {
            let verb = scope.undeclaredTags == 1 ? "was" : "were"
            clauses.append("\(Amounts.count(scope.undeclaredTags, "undeclared tag")) \(verb) not looked at")
        }
        if scope.alreadyAbsent > 0 {
            let entries = Amounts.count(scope.alreadyAbsent, "entry", plural: "entries")
            clauses.append("\(entries) of 'absent' \(scope.alreadyAbsent == 1 ? "is" : "are") met already")
        }
        return "No changes. \(clauses.joined(separator: "; "))."
    }

    private static func lowercasedFirst(_ text: String) -> String { text.prefix(1).lowercased() + text.dropFirst() }
}
