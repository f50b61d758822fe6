internal import ArgumentParser
internal import Files
internal import Inspection
internal import OCI
internal import Reporting

struct CacheCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cache",
        abstract: "Manage the manifests that are kept between runs.",
        subcommands: [Clear.self]
    )

    struct Clear: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "clear",
            abstract: "Remove every manifest that is kept.",
            discussion: """
                They stand in $XDG_CACHE_HOME/crplan, or ~/.cache/crplan. Runs that use them at the moment go on, and read what they lack \
                anew.

                Example:
                  crplan cache clear
                """
        )

        @OptionGroup var talk: TalkOptions

        func run() async throws {
            let console = talk.console
            try await console.reportingFailures {
                guard let path = Folders.cache() else { throw CommandFailure("there is no home folder, so nothing is kept") }
                guard let cache = ManifestCache(path: path) else {
                    throw CommandFailure("the cache \(path.withVisibleControls) cannot be used; nothing is kept there")
                }
                do throws(FileError) {
                    let removed = try cache.clear()
                    let amount = "\(removed.count) manifests and configs, \(Amounts.bytes(removed.bytes))"
                    console.result("Removed \(amount), from \(path.withVisibleControls).\n")
                } catch {
                    throw CommandFailure("cannot clear the cache \(path.withVisibleControls): \(error)")
                }
                return .done
            }
        }
    }
}
