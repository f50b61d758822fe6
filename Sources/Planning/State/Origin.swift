/// Where in the spec something was asked for: the file as shown to the user, and the line from 1.
package struct Origin: Hashable, Sendable, Comparable, CustomStringConvertible, Codable {
    package var file: String
    package var line: Int

    package init(file: String, line: Int) {
        self.file = file
        self.line = line
    }

    package var description: String { "\(file):\(line)" }

    package static func < (left: Origin, right: Origin) -> Bool { (left.file, left.line) < (right.file, right.line) }
}
