internal import OCI
internal import Planning
internal import Registry

/// What a visible write must come to, and how that is read back.
struct Goal: Sendable {
    /// How long the registry may take to show it.
    let patience: Duration
    /// Reads once. Nil: it is reached; else what is there instead, as a clause.
    let gap: @Sendable () async throws(RegistryError) -> String?
}

extension Goal {
    /// `target` holds this digest; nil: nothing.
    static func holding(_ wanted: Digest?, at target: ManifestTarget) -> Goal {
        Goal(patience: wanted == nil ? Proof.removalPatience : Proof.putPatience) { () async throws(RegistryError) in
            switch (wanted, try await target.digest()) {
            case (let wanted, let found) where wanted == found: nil
            case (let wanted?, let found?): "it holds \(found), not \(wanted)"
            case (_?, nil): "it is not there"
            case (nil, _): "it is still there"
            }
        }
    }

    /// The namespace is as `setting` wants it.
    static func set(_ setting: NamespaceSetting, _ namespace: NamespaceReader) -> Goal {
        Goal(patience: setting == .remove ? Proof.removalPatience : Proof.putPatience) { () async throws(RegistryError) in
            switch setting {
            case .create(let group):
                guard let found = try await namespace.details() else { return "it is not there" }
                return group.flatMap { Self.gap(in: found, to: $0) }
            case .assign(let group):
                guard let found = try await namespace.details() else { return "it is not there" }
                return Self.gap(in: found, to: group)
            case .remove: return try await namespace.details() == nil ? nil : "it is still there"
            case .retention(_, let after):
                let found = try await namespace.retention()
                return found == after ? nil : "its policy is \(found.map(\.summary) ?? "not there"), not \(after.summary)"
            }
        }
    }

    private static func gap(in found: NamespaceDetails, to group: String) -> String? {
        found.resourceGroup == group ? nil : "it is in \(found.place), not in the resource group \(group)"
    }
}
