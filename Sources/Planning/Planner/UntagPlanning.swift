internal import OCI

extension PlanningRun {
    /// How a tag can be removed. `known(nil)`: it cannot, which is reported.
    mutating func untagMethod(_ name: String, in address: RepositoryAddress, for origin: Origin) -> Lookup<ChangeMethod?> {
        switch kind(of: address.registry) {
        case .layout: return .known(.layoutEdit)
        case .icr:
            guard case .known(let capability) = capability(.deleteTag, address) else { return .waiting }
            if capability != .no { return .known(.management) }
            reportNoLogin(to: address.registry, for: "untagging \(name)", at: origin)
            return .known(nil)
        case .oci:
            let allowsPlaceholder = desired.registries[address.registry]?.untag == .placeholder
            switch removal(.deleteTag, in: address, for: origin) {
            case .waiting: return .waiting
            case .failed: return .failed
            case .known(.yes): return .known(.deleteTag)
            case .known(.unknown): return .known(allowsPlaceholder ? .deleteTagElsePlaceholder : .deleteTag)
            case .known(.no): break
            }
            guard allowsPlaceholder else {
                reportCannotUntag(
                    name,
                    "\(address.registry) cannot delete a single tag",
                    help: "take the entry out, delete the image by digest if no other tag of it is needed, "
                        + "or allow 'untag: placeholder' for the registry",
                    at: origin
                )
                return .known(nil)
            }
            return placeholderMethod(name, in: address, for: origin)
        }
    }

    /// Where the registry cannot delete a tag: a placeholder needs that it can delete by digest.
    private mutating func placeholderMethod(
        _ name: String,
        in address: RepositoryAddress,
        for origin: Origin
    ) -> Lookup<ChangeMethod?> {
        switch removal(.deleteManifest, in: address, for: origin) {
        case .waiting: return .waiting
        case .failed: return .failed
        case .known(.no):
            reportCannotUntag(
                name,
                "\(address.registry) can delete neither a tag nor an image",
                help: "enable deletion in the registry, or take the entry out",
                at: origin
            )
            return .known(nil)
        case .known(.yes): return .known(options.probes ? .placeholder : .deleteTagElsePlaceholder)
        case .known(.unknown): return .known(.deleteTagElsePlaceholder)
        }
    }

    private mutating func removal(
        _ feature: RegistryFeature,
        in address: RepositoryAddress,
        for origin: Origin
    ) -> Lookup<Capability> {
        options.probes ? probe(feature, address, for: origin) : capability(feature, address)
    }

    private mutating func reportCannotUntag(_ name: String, _ reason: String, help: String, at origin: Origin) {
        error("cannot-untag", "\(reason), so \(name) cannot be untagged", at: origin, help: help)
    }
}
