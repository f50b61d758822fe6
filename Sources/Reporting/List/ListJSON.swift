internal import OCI
internal import Planning

/// A listing for tools: `{"formatVersion": 1, "namespaces": […], "repositories": […], "tags": […]}`, and `trash` where it
/// was asked for. What is not known is left out.
package enum ListJSON {
    package static let formatVersion: Int64 = 1

    /// Ends with a line break.
    package static func render(_ listing: Listing) -> String {
        object([
            "formatVersion": .integer(formatVersion),
            "namespaces": .array(listing.namespaces.map(value)),
            "repositories": .array(listing.repositories.map(value)),
            "tags": .array(listing.tags.map(value)),
            "trash": listing.trash.map { .array($0.map(value)) },
        ]).prettyText
    }

    private static func value(_ row: Listing.Namespace) -> JSONValue {
        object([
            "registry": .string(row.registry.description), "name": .string(row.name),
            "repositories": row.repositories.map { .integer(Int64($0)) },
        ])
    }

    private static func value(_ row: Listing.Repository) -> JSONValue {
        object([
            "registry": .string(row.address.registry.description), "repository": .string(row.address.repository.description),
            "tags": row.tags.map { .integer(Int64($0)) },
        ])
    }

    private static func value(_ row: Listing.Tag) -> JSONValue {
        object([
            "registry": .string(row.address.registry.description), "repository": .string(row.address.repository.description),
            "tag": row.tag.map { .string($0.description) }, "digest": row.digest.map { .string($0.description) },
            "size": row.size.map(JSONValue.integer), "created": row.created.map { .string(CalendarDate.text($0)) },
            "platforms": .array(row.platforms.map { .string($0.description) }), "problem": row.problem.map(JSONValue.string),
        ])
    }

    private static func value(_ row: Listing.Trashed) -> JSONValue {
        object([
            "registry": .string(row.address.registry.description), "repository": .string(row.address.repository.description),
            "digest": .string(row.digest.description), "tags": .array(row.tags.map { .string($0.description) }),
            "daysLeft": .integer(Int64(row.daysLeft)),
        ])
    }

    private static func object(_ members: [String: JSONValue?]) -> JSONValue { .object(members.compactMapValues(\.self)) }
}
