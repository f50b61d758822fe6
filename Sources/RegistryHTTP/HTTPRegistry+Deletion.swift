internal import Logging
internal import NIOHTTP1
package import OCI
internal import Registry

extension HTTPRegistry {
    package func deleteManifest(_ digest: Digest, in repository: RepositoryName) async throws(RegistryError) {
        let purpose = purpose("delete", repository, ManifestReference.digest(digest).suffix)
        let document = try await documentBeforeDeletion(digest, in: repository)
        var incomplete: RegistryError?
        if try await deleteByDigest(digest, in: repository, purpose) == .brokenOff, let document {
            incomplete = try await deleteTagsLeft(by: document, in: repository, purpose)
        }
        if let subject = document?.subject?.digest { try await forgetReferrer(digest, of: subject, in: repository) }
        if let incomplete { throw incomplete }
    }

    // MARK: What Docker's registry leaves behind

    /// In seconds.
    private static let pausesBeforeDeletingAgain = [0, 0.2, 1]

    /// Docker's registry deletes a manifest first and looks for its tags then. It breaks that off with 500 when it meets a tag that is being
    /// written at this moment: the tags stay in its list, with nothing under them. They go with the same manifest, put back and deleted once
    /// more; another one put under them could take the place of what somebody has pushed meanwhile.
    ///
    /// Gives what is to be said of tags that stay all the same. Throws where the manifest is there again.
    private func deleteTagsLeft(
        by document: ManifestDocument,
        in repository: RepositoryName,
        _ purpose: Purpose
    ) async throws(RegistryError) -> RegistryError? {
        var left: [TagName] = []
        do throws(RegistryError) {
            left = try await (tags(in: repository) ?? []).filter { seen(.tag($0), repository) == document.digest }
            for pause in Self.pausesBeforeDeletingAgain {
                try await exchange.pause(pause, wholeHost: false, purpose)
                guard try await leadsNowhere(anyOf: left, in: repository) else { return nil }
                logger.notice("\(purpose.object): it is gone, but its tags are still listed; deleting it once more, with its tags")
                try await store(document, at: .digest(document.digest), in: repository)
                guard try await deleteByDigest(document.digest, in: repository, purpose) == .brokenOff else { return nil }
            }
            guard try await leadsNowhere(anyOf: left, in: repository) else { return nil }
            return tagsStay(left, purpose, because: nil)
        } catch {
            let found = try? await head(.digest(document.digest), in: repository)
            guard found == nil else { throw error }
            return tagsStay(left, purpose, because: error)
        }
    }

    /// Whether one of the tags that were just listed leads nowhere.
    private func leadsNowhere(anyOf listed: [TagName], in repository: RepositoryName) async throws(RegistryError) -> Bool {
        for tag in listed where try await head(.tag(tag), in: repository) == nil { return true }
        return false
    }

    private func tagsStay(_ tags: [TagName], _ purpose: Purpose, because cause: RegistryError?) -> RegistryError {
        let names = tags.isEmpty ? "" : ": \(tags.map(\.description).joined(separator: ", "))"
        let reason = "the registry deleted it, but may still list its tags, with nothing under them\(names)"
        let which = tags.isEmpty ? "each listed tag that cannot be pulled" : "each of these tags"
        return purpose.error(
            .incomplete,
            status: cause?.status,
            reason + (cause.map { "; taking them off failed: \($0.reason)" } ?? ""),
            help: "push any image to \(which), then delete that image"
        )
    }

    // MARK: The request

    private enum Deletion {
        case done
        /// The manifest is gone, but the registry failed on the way.
        case brokenOff
    }

    private func deleteByDigest(
        _ digest: Digest,
        in repository: RepositoryName,
        _ purpose: Purpose
    ) async throws(RegistryError) -> Deletion {
        let reference = ManifestReference.digest(digest)
        var request = manifestRequest(.DELETE, reference, repository, purpose)
        request.headers = [:]
        request.scopes = [.deletion(in: repository, at: exchange.watch.signs.vendor)]
        request.repetition = .unlessDone { () async throws(RegistryError) in try await self.head(reference, in: repository) == nil }
        let response = try await exchange.send(request)
        if response.isSuccess {
            response.finish()
            if response.wasSettled { return response.settledStatus == 500 ? .brokenOff : .done }
            learn(.deleteManifest, .yes, repository)
            return .done
        }
        // A page for an unknown path proves nothing, and Quay says 404 also of an image that has no tag but is still there.
        if response.status == 404 || response.status == 500, try await head(reference, in: repository) == nil {
            return response.status == 500 ? .brokenOff : .done
        }
        throw await refusal(of: response, repository, purpose)
    }

    private func refusal(of response: RegistryResponse, _ repository: RepositoryName, _ purpose: Purpose) async -> RegistryError {
        switch response.status {
        case 404:
            return purpose.error(
                .rejected,
                status: 404,
                registryCode: response.error.code,
                "the registry says that it is not there, but still gives it out",
                help: "a registry such as Quay keeps an image without tags for some time and removes it by itself; leave it out of the spec"
            )
        case 405 where response.error.isLock || response.error.contains("DENIED"): return await exchange.error(for: response, purpose)
        case 405,
            400 where response.error.contains("UNSUPPORTED"):
            learn(.deleteManifest, .no, repository)
            return purpose.error(
                .unsupported,
                status: response.status,
                registryCode: response.error.code,
                "\(id) does not allow manifest deletion",
                help: "enable deletion in the registry, or leave it out of the spec"
            )
        default: return await exchange.error(for: response, purpose)
        }
    }
}
