internal import Files
internal import FoundationEssentials
internal import Planning
internal import Specification

/// Reads the lists under `policy.inUse`. What cannot be read is no failure yet: only a plan that removes something needs the lists.
struct InUseFiles {
    /// 512 MiB: `kubectl get pods -A -o json` writes some ten kilobytes a pod.
    private static let largestFile = 512 << 20

    /// The folder that relative paths start at.
    let root: String
    /// When the age of the files is told.
    let now: Date

    func read(_ inUse: InUse) -> InUse {
        var result = inUse
        result.lists = inUse.lists.map { list in
            var read = list
            read.content = content(of: list)
            return read
        }
        return result
    }

    private func content(of list: InUseList) -> InUseList.Content {
        let path = list.path.hasPrefix("/") ? list.path : "\(root)/\(list.path)"
        do throws(FileError) {
            let file = try OpenFile(reading: path)
            let written = try file.status().modified / 1_000_000_000
            if let problem = list.ageProblem(written: written, now: Int64(now.timeIntervalSince1970)) { return .unusable([problem]) }
            return InUseParser.content(of: try file.readToEnd(limit: Self.largestFile), as: list.kind, name: list.name)
        } catch {
            return .unusable(["\(list.name) cannot be read: \(error.reason)"])
        }
    }
}
