/// Rows whose columns stand below each other. The last cell of a row widens no column, and a cell beyond the bound moves only its own row.
struct Table {
    struct Row {
        var cells: [String]
        var colour: Styling.Colour?

        /// The number of cells, empty ones at the end aside.
        var used: Int { (cells.lastIndex { !$0.isEmpty } ?? -1) + 1 }
    }

    var rows: [Row] = []
    /// The widest that a column is made for.
    var widestColumn = 100
    var gap = 3

    mutating func add(_ cells: [String], colour: Styling.Colour? = nil) { rows.append(Row(cells: cells, colour: colour)) }

    func lines(indent: String = "", styling: Styling = .plain) -> [String] {
        let count = rows.map(\.cells.count).max() ?? 0
        let widths = (0..<count).map { column in
            rows.filter { column < $0.used - 1 }.map { DisplayWidth.of($0.cells[column]) }.filter { $0 <= widestColumn }.max() ?? 0
        }
        return rows.map { row in
            var line = indent
            for column in 0..<row.used {
                let cell = row.cells[column]
                line += column == row.used - 1 ? cell : cell.padded(to: widths[column]) + String(repeating: " ", count: gap)
            }
            return styling.paint(line, row.colour)
        }
    }
}
