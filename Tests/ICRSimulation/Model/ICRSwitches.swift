/// What public material does not say about the service (reference of ICR, section G.4). Each member is a switch by its name; the defaults
/// are the likeliest readings.
package struct ICRSwitches: Hashable, Sendable, Codable {
    package enum Wording: String, Hashable, Sendable, Codable {
        /// `HOST/NS/REPO:TAG` or `HOST/NS/REPO@DIGEST`.
        case full
        /// The tag or digest alone.
        case bare
    }

    package enum Absence: String, Hashable, Sendable, Codable {
        case empty, null
    }

    /// How a namespace or repository has to be written to restrict a list.
    package enum Restriction: String, Hashable, Sendable, Codable {
        /// Without the host.
        case path
        /// With it.
        case host
        /// Either.
        case any
        /// Nothing is restricted, whatever is asked.
        case ignored
    }

    package enum TrashRight: String, Hashable, Sendable, Codable {
        /// Reader or Manager.
        case list
        /// Writer or Manager.
        case delete
    }

    // MARK: Statuses of errors (G.4.1)

    package var wrongAccountStatus = 403
    package var foreignNamespaceStatus = 403
    package var namespaceLimitStatus = 403
    package var quotaOverPlanStatus = 400
    package var unknownImageStatus = 404
    package var untaggableStatus = 400
    /// Zero images per repository, or fewer than -1.
    package var oddRetentionStatus = 400
    package var errorContentType = "application/json"

    // MARK: Tokens (G.4.2)

    package var iamTokenSeconds = 3600
    package var hasRefreshTokens = true
    package var registryTokenSeconds = 300
    /// Whether the token service says how long its tokens live; clients that are not told take 60 seconds.
    package var announcesTokenLife = true
    /// `access_token` beside `token`.
    package var hasAccessTokenMember = false
    /// Without a login the token service gives tokens for public repositories, else it refuses.
    package var hasAnonymousTokens = true
    package var insufficientScopeStatus = 401

    // MARK: Shapes of answers (G.4.3)

    package var restriction = Restriction.path
    package var untaggedShape = Absence.empty
    package var tagWithoutVerdict = Absence.empty
    package var vulnerable = "false"
    package var untaggedWording = Wording.full
    package var trashTagWording = Wording.bare
    package var restoredTagWording = Wording.bare
    package var analysisTagWording = Wording.bare
    package var bulkResultWording = Wording.full
    /// The most references in one bulk deletion; 0: any number.
    package var largestBulkDeletion = 0

    // MARK: Partial updates (G.4.4)

    /// A member that a `PATCH` leaves out stays as it is; else it goes back to its default.
    package var patchIsPartial = true
    /// The resource group of a namespace that is created without one; empty: none.
    package var defaultResourceGroup = ""
    /// A policy without `deletion_threshold_days` takes the former one back; else that stays.
    package var retentionIsReplacedWhole = true
    package var analysisHonoursThreshold = true

    // MARK: Content (G.4.5)

    /// The most entries of a page of `tags/list`; 0: all at once.
    package var tagsPageSize = 0
    package var catalogStatus = 401
    package var hasReferrers = false
    package var hasMount = true
    package var contentDeleteStatus = 405
    package var hasRanges = true
    /// Blobs are answered with a redirect to another host, which rejects credentials.
    package var redirectsBlobs = true

    // MARK: Consistency and quota (G.4.6)

    /// How many lists after a write still show what was there before it.
    package var staleLists = 0
    /// How many reads of a tag after a write still show what was there before it.
    package var staleTagReads = 0
    package var restoreChecksQuota = false
    package var taggingChecksQuota = false
    /// A digest deleted again while it is in the trash has 30 days anew.
    package var secondDeletionRestartsExpiry = true
    package var restoreKeepsEntry = true
    /// How long the name of a deleted namespace cannot be had again.
    package var heldNameSeconds = 0
    package var trashRight = TrashRight.list

    // MARK: Indexes and artifacts (G.4.7, G.4.8)

    /// Retention spares the children of indexes.
    package var protectsChildren = false
    package var inspectIndexStatus = 200
    package var indexTypeName = "OCI Image Index v1"

    package init() {}
}
