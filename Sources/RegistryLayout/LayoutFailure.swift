internal import Files
internal import OCI

/// Puts failures of one repository of a layout registry into the words of the seam.
struct LayoutFailure: Sendable {
    let registry: RegistryID
    let repository: RepositoryName

    /// `./mirror/payments/api:1.4`.
    func object(_ suffix: String = "") -> String { "\(registry)/\(repository)\(suffix)" }

    func error(
        _ code: RegistryError.Code,
        _ action: String,
        _ suffix: String = "",
        reason: String,
        help: String? = nil
    ) -> RegistryError {
        RegistryError(code, action: action, object: object(suffix), registry: registry, reason: reason.withVisibleControls, help: help)
    }

    func unreadable(_ suffix: String, reason: String) -> RegistryError {
        error(.corrupt, "read", suffix, reason: reason, help: "put the image there again, or repair the folder")
    }

    func error(_ error: FileError) -> RegistryError { Self.error(error, registry: registry) }

    static func error(_ error: FileError, registry: RegistryID) -> RegistryError {
        RegistryError(
            code(error.code),
            action: error.action,
            object: error.path.withVisibleControls,
            registry: registry,
            reason: error.reason,
            help: help(error.code)
        )
    }

    private static func code(_ code: FileError.Code) -> RegistryError.Code {
        switch code {
        case .notFound: .notFound
        case .cancelled: .cancelled
        case .busy: .unavailable
        default: .localFile
        }
    }

    private static func help(_ code: FileError.Code) -> String? {
        switch code {
        case .noSpace: "make room and run it again; what is there is still whole"
        case .permission: "check owner and mode of the folder"
        case .link: "replace the link by the file itself"
        default: nil
        }
    }

    /// Runs `body`, whose failures are those of files.
    func files<Result>(_ body: () throws(FileError) -> Result) throws(RegistryError) -> Result {
        do throws(FileError) {
            return try body()
        } catch {
            throw self.error(error)
        }
    }

    /// As `files`; `nil`: what `body` asks for is not there.
    func filesIfPresent<Result>(_ body: () throws(FileError) -> Result) throws(RegistryError) -> Result? {
        do throws(FileError) {
            return try body()
        } catch {
            if error.code == .notFound { return nil }
            throw self.error(error)
        }
    }
}
