internal import Diagnostics
internal import OCI
internal import Planning
internal import Specification

/// The specs of the workspace at an earlier git revision.
struct EarlierSpecs {
    /// As it was asked for.
    let revision: String
    let commit: String
    let desired: DesiredState

    /// What cannot be read whole is an error: nothing is removed on a guess.
    init(_ checkout: GitCheckout?, revision: String, variables: [String: String]) async throws {
        let shown = revision.withVisibleControls
        guard let checkout, let commit = await checkout.commit(of: revision),
            let files = await checkout.workspace(at: commit)
        else {
            throw CommandFailure(
                "cannot read the workspace at the git revision '\(shown)': git does not know it here, or it has no "
                    + "crplan.yaml; check the name, and fetch the revision if the clone is shallow"
            )
        }
        let earlier = Specification.read(
            SpecificationInput(files: files, mode: .workspace(crplanFile: WorkspaceFiles.fileName), variables: variables)
        )
        if let problem = earlier.diagnostics.first(where: { $0.severity == .error }) {
            throw CommandFailure(
                "cannot read the specs at the git revision '\(shown)': \(problem.message); name a revision whose specs are valid"
            )
        }
        self.revision = revision
        self.commit = commit
        desired = earlier.desired
    }

    func removed(from specs: LoadedSpecs, deletes: Bool) -> PlanningOptions.RemovedSince {
        PlanningOptions.RemovedSince(
            revision: revision.withVisibleControls,
            commit: commit,
            desired: desired,
            deletes: deletes,
            declared: specs.result.aliases.values
        )
    }
}
