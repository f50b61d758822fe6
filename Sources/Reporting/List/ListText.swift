internal import OCI
package import Planning

/// A listing as aligned tables, one for each kind of row.
package enum ListText {
    /// Ends with a line break. `full` shows whole digests. Layouts are called by their alias in `registries`, as on the command line.
    package static func render(_ listing: Listing, registries: [RegistryDeclaration] = [], full: Bool = false) -> String {
        let names = RegistryNames(registries)
        var blocks: [[String]] = []
        if !listing.namespaces.isEmpty { blocks.append(namespaces(listing.namespaces, names)) }
        if !listing.repositories.isEmpty { blocks.append(repositories(listing.repositories, names)) }
        if !listing.tags.isEmpty { blocks.append(tags(listing.tags, names, full)) }
        if let trash = listing.trash, !trash.isEmpty { blocks.append(self.trash(trash, names, full)) }
        guard !blocks.isEmpty else { return listing.trash == nil ? "Nothing found.\n" : "The trash is empty.\n" }
        return blocks.map { $0.joined(separator: "\n") + "\n" }.joined(separator: "\n")
    }

    private static func namespaces(_ rows: [Listing.Namespace], _ names: RegistryNames) -> [String] {
        table(["NAMESPACE", "REPOSITORIES"], rows.map { [names.place($0.name, in: [$0.registry]), number($0.repositories)] })
    }

    private static func repositories(_ rows: [Listing.Repository], _ names: RegistryNames) -> [String] {
        table(["REPOSITORY", "TAGS"], rows.map { [names.place($0.address), number($0.tags)] })
    }

    private static func tags(_ rows: [Listing.Tag], _ names: RegistryNames, _ full: Bool) -> [String] {
        table(
            ["REPOSITORY", "TAG", "DIGEST", "SIZE", "CREATED", "PLATFORMS"],
            rows.map { row in
                let platforms = row.platforms.map(\.description).joined(separator: ", ")
                return [
                    names.place(row.address), row.tag?.description ?? "<none>", row.digest.map { full ? $0.description : $0.brief } ?? "-",
                    row.size.map(Amounts.bytes) ?? "-", row.created.map(CalendarDate.day) ?? "-",
                    row.problem.map { "! \($0)" } ?? (platforms.isEmpty ? "-" : platforms),
                ]
            }
        )
    }

    private static func trash(_ rows: [Listing.Trashed], _ names: RegistryNames, _ full: Bool) -> [String] {
        table(
            ["REPOSITORY IN THE TRASH", "DIGEST", "TAGS", "KEPT FOR"],
            rows.map { row in
                let tags = row.tags.map(\.description).joined(separator: ", ")
                return [
                    names.place(row.address), full ? row.digest.description : row.digest.brief, tags.isEmpty ? "<none>" : tags,
                    "\(row.daysLeft) day\(row.daysLeft == 1 ? "" : "s")",
                ]
            }
        )
    }

    private static func number(_ number: Int?) -> String { number.map { Amounts.count($0) } ?? "-" }

    private static func table(_ header: [String], _ rows: [[String]]) -> [String] {
        var table = Table()
        table.add(header)
        for row in rows { table.add(row.map(\.withVisibleControls)) }
        return table.lines()
    }
}
