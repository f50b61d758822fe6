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
                guard let path = Folders.cache() else {
                    throw CommandFailure("there is no home folder, so nothing is kept; set HOME or XDG_CACHE_HOME if that is a slip")
                }
                do throws(FileError) {
                    let removed = try ManifestCache.clear(path)
                    let files = removed.count == 1 ? "1 file" : "\(removed.count) files"
                    console.result("Removed \(files), \(Amounts.bytes(removed.bytes)), from \(path.withVisibleControls).\n")
                } catch {
                    throw CommandFailure(
                        "cannot clear the cache: \(error); correct that and try again, or work without it (--no-cache)"
                    )
                }
                return .done
            }
        }
    }
}
