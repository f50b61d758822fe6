internal import Diagnostics
internal import Files
internal import OCI
internal import Planning
internal import Specification

/// A plan file, and what it is trusted with: no further than a file from elsewhere (design, section 5).
struct SavedPlan {
    let path: String
    let plan: Plan
    let digest: Digest

    /// 256 MiB: a plan for a million changes has less.
    private static let largestFile = 256 << 20

    init(path: String, pinned: String? = nil) throws {
        self.path = path
        var pin: Digest?
        if let pinned {
            guard let digest = try? Digest(pinned) else {
                throw CommandFailure("--plan-digest takes a digest such as sha256:…, not '\(pinned)'")
            }
            pin = digest
        }
        let bytes = try WholeFile.read(path, limit: Self.largestFile, allowsPipes: true)
        do throws(PlanFile.Invalid) {
            (plan, digest) = try PlanFile.decode(bytes, pinned: pin)
        } catch {
            throw CommandFailure("cannot use the plan \(path): \(error.description)")
        }
    }

    /// Holds the plan's registries and changes against the specs at hand: a plan made from them only names registries as they do.
    func check(against specs: LoadedSpecs) async throws -> [Refusal] {
        var known = specs.result.desired.registries.merging(specs.result.aliases.values.map { ($0.id, $0) }) { first, _ in first }
        let earlier = try await earlierSpecs(specs, known: Set(known.keys))
        if let earlier { known.merge(earlier.removed(from: specs, deletes: false).registries) { today, _ in today } }
        for registry in plan.registries {
            guard let expected = known[registry.id] else {
                throw CommandFailure(
                    "cannot use the plan \(path): \(specs.name) does not use the registry \(registry.id); "
                        + "apply it where it was made, or plan again"
                )
            }
            // How hard a registry may be used is the specs' to say, also after the plan was made.
            var planned = registry
            planned.limits = expected.limits
            guard expected == planned else {
                throw CommandFailure(
                    "cannot use the plan \(path): \(specs.name) describes the registry \(registry.id) in another way; plan again"
                )
            }
        }
        return PolicyCheck(policy: specs.result.policy)
            .refusals(ofSaved: plan, desired: specs.result.desired, earlier: earlier?.desired)
    }

    /// Of the commit of `--removed-since`, where only its specs can say who asked for a change, or which registry it is about.
    private func earlierSpecs(_ specs: LoadedSpecs, known: Set<RegistryID>) async throws -> EarlierSpecs? {
        guard let commit = plan.removedSince else { return nil }
        let isNeeded = !specs.result.policy.owners.isEmpty || plan.registries.contains { !known.contains($0.id) }
        guard isNeeded else { return nil }
        return try await EarlierSpecs(await GitCheckout(folder: specs.root), revision: commit, variables: specs.variables)
    }

    /// Without specs, the plan's own registries are used, but no login or key that only the plan names.
    func checkAlone(allowedVariables: Set<String>) throws -> [Refusal] {
        for registry in plan.registries {
            try checkCloudLogin(of: registry)
            if let file = registry.clientCertificate?.keyFile {
                throw CommandFailure(
                    "cannot use the plan \(path): only the plan names the key file \(file.withVisibleControls) for \(registry.id); give the spec files with -f"
                )
            }
            switch registry.credentials {
            case .anonymous: continue
            case .automatic:
                // Stored logins are made for a host: only a spec may send one elsewhere.
                guard let endpoint = registry.endpoint?.content else { continue }
                throw CommandFailure(
                    "cannot use the plan \(path): only the plan says that \(registry.id) is reached at \(endpoint.withVisibleControls), "
                        + "and a stored login for it would go there; give the spec files with -f, or plan with 'credentials: anonymous'"
                )
            case .variables(let username, let password):
                for name in [username, password] where !isAllowed(name, allowedVariables) {
                    throw CommandFailure(
                        "cannot use the plan \(path): only the plan names the variable \(name.withVisibleControls) for \(registry.id); "
                            + "give the spec files with -f, or allow it with --allow-env"
                    )
                }
            case .apiKeyVariable(let name), .bearerTokenVariable(let name):
                guard isAllowed(name, allowedVariables), registry.endpoint == nil else {
                    throw CommandFailure(
                        "cannot use the plan \(path): only the plan names the variable \(name.withVisibleControls) for \(registry.id)"
                            + (registry.endpoint == nil ? "" : ", and where it would be sent")
                            + "; give the spec files with -f" + (registry.endpoint == nil ? ", or allow it with --allow-env" : "")
                    )
                }
            case .apiKeyFile, .trustedProfile:
                throw CommandFailure(
                    "cannot use the plan \(path): only the plan names the credentials for \(registry.id); give the spec files with -f"
                )
            }
        }
        return PolicyCheck(policy: Policy()).refusals(ofSaved: plan)
    }

    /// An IBM login opens the whole account: what only a plan says gets it nowhere but to IBM.
    private func checkCloudLogin(of registry: RegistryDeclaration) throws {
        guard registry.kind == .icr, registry.credentials != .anonymous else { return }
        let isPlain = registry.plainHTTP || registry.insecureSkipVerify || registry.caFile != nil
        guard !IBMCloudHosts.isRegistry(registry.id) || isPlain else { return }
        throw CommandFailure(
            "cannot use the plan \(path): only the plan says that \(registry.id) is IBM's and how it is reached, and IBM Cloud's login would "
                + "go there; give the spec files with -f"
        )
    }

    private func isAllowed(_ name: String, _ allowed: Set<String>) -> Bool {
        name.hasPrefix("CRPLAN_") || name == "IBMCLOUD_API_KEY" || allowed.contains(name)
    }
}
