internal import Diagnostics
internal import OCI

/// One line of a source file with a marker below a range of it. Tabs become blanks and invisible characters are spelled out, so that the
/// marker stands right on every terminal; a long line is cut around the marker.
struct SourceExcerpt {
    let text: String
    let marker: String

    /// Columns that a cut line takes at most.
    static let widest = 120
    private static let tabStop = 4

    private struct Cell {
        var text: String
        var width: Int
    }

    /// `nil` when the file has no such line. A range that goes on below its first line is marked to the end of that line.
    init?(of range: SourceRange, in source: SourceLines) {
        guard let line = source.line(range.start.line) else { return nil }
        let cells = Self.cells(line)
        let first = min(max(range.start.column - 1, 0), cells.count)
        let end = range.end.line > range.start.line ? cells.count : min(max(range.end.column - 1, first), cells.count)
        let window = Self.window(cells, around: first, end)
        let cut = (before: window.lowerBound > 0, after: window.upperBound < cells.count)
        text = (cut.before ? "…" : "") + cells[window].map(\.text).joined() + (cut.after ? "…" : "")
        let blanks = cells[window.lowerBound..<first].reduce(cut.before ? 1 : 0) { $0 + $1.width }
        let length = cells[first..<min(end, window.upperBound)].reduce(0) { $0 + $1.width }
        marker = String(repeating: " ", count: blanks) + "^" + String(repeating: "~", count: max(0, length - 1))
    }

    private static func cells(_ scalars: Substring.UnicodeScalarView) -> [Cell] {
        var column = 0
        return scalars.map { scalar in
            let cell: Cell
            if scalar == "\t" {
                let width = tabStop - column % tabStop
                cell = Cell(text: String(repeating: " ", count: width), width: width)
            } else {
                let text = String(scalar).withVisibleControls
                cell = Cell(text: text, width: DisplayWidth.of(text))
            }
            column += cell.width
            return cell
        }
    }

    /// The cells to show: all, or as many around the marker as fit.
    private static func window(_ cells: [Cell], around first: Int, _ end: Int) -> Range<Int> {
        var width = cells.reduce(0) { $0 + $1.width }
        guard width > widest else { return 0..<cells.count }
        // From the marker's start, first to the right over the marker, then on both sides in turn.
        var (low, high) = (first, first)
        width = 0
        func fits(_ cell: Cell) -> Bool { width + cell.width <= widest - 2 }
        while high < end, fits(cells[high]) {
            width += cells[high].width
            high += 1
        }
        var grows = true
        while grows {
            grows = false
            if low > 0, fits(cells[low - 1]) {
                low -= 1
                width += cells[low].width
                grows = true
            }
            if high < cells.count, fits(cells[high]) {
                width += cells[high].width
                high += 1
                grows = true
            }
        }
        return low..<high
    }
}
