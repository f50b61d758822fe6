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

    /// In the order of the engine's kinds: `1 namespace to create`, …, `1 image (2 tags) to delete`.
    static func counts(_ changes: [Change]) -> [String] {
        var counts: [String] = []
        func add(_ number: Int, _ noun: String, _ verb: String, plural: String? = nil) {
            if number > 0 { counts.append("\(Amounts.count(number, noun, plural: plural)) to \(verb)") }
        }
        let puts = changes.filter { $0.kind == .put }
        let tags = puts.filter { !$0.isReferrerPut }
        add(changes.count { $0.kind == .namespace && !$0.isNamespaceRemoval }, "namespace", "create")
        add(changes.count { $0.kind == .retention }, "retention policy", "set", plural: "retention policies")
        add(images(tags, .copy), "image", "copy")
        add(images(tags, .push), "image", "push")
        add(puts.count - tags.count, "referrer", "copy")
        add(changes.count { $0.kind == .restore }, "image", "restore")
        counts += tagCounts(
            [(tags.count { !$0.isMove }, "add"), (tags.count(where: \.isMove), "move"), (changes.count { $0.kind == .untag }, "untag")]
        )
        let deletes = changes.filter { $0.kind == .delete }
        let lost = deletes.reduce(0) { $0 + $1.consequences.removedTags.count }
        if !deletes.isEmpty {
            let with = lost == 0 ? "" : " (\(Amounts.count(lost, "tag")))"
            counts.append("\(Amounts.count(deletes.count, "image"))\(with) to delete")
        }
        add(changes.count(where: \.isNamespaceRemoval), "namespace", "delete")
        return counts
    }

    /// `3 tags to add, 3 to move, 1 to untag`: the noun stands once.
    private static func tagCounts(_ rows: [(number: Int, verb: String)]) -> [String] {
        var result: [String] = []
        for row in rows where row.number > 0 {
            let number = result.isEmpty ? Amounts.count(row.number, "tag") : Amounts.count(row.number)
            result.append("\(number) to \(row.verb)")
        }
        return result
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
