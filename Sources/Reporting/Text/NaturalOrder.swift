/// The order people expect: `1.9` before `1.10`.
enum NaturalOrder {
    static func precedes(_ left: String, _ right: String) -> Bool {
        // Plans sort tens of thousands of names: slices of text are too slow for that.
        let inPlace = left.utf8.withContiguousStorageIfAvailable { first in
            right.utf8.withContiguousStorageIfAvailable { second in precedes(first, second) }
        }
        return (inPlace ?? nil) ?? precedes(ContiguousArray(left.utf8), ContiguousArray(right.utf8))
    }

    private static func precedes<Bytes: RandomAccessCollection<UInt8>>(_ left: Bytes, _ right: Bytes) -> Bool where Bytes.Index == Int {
        var (a, b) = (left.startIndex, right.startIndex)
        while a < left.endIndex, b < right.endIndex {
            if isDigit(left[a]), isDigit(right[b]) {
                let (one, other) = (number(in: left, from: &a), number(in: right, from: &b))
                if one.count != other.count { return one.count < other.count }
                if let (first, second) = zip(one, other).first(where: { left[$0] != right[$1] }) { return left[first] < right[second] }
            } else {
                if left[a] != right[b] { return left[a] < right[b] }
                a += 1
                b += 1
            }
        }
        if (a == left.endIndex) != (b == right.endIndex) { return a == left.endIndex }
        return left.lexicographicallyPrecedes(right)
    }

    /// Where the digits stand that begin at `place`, without leading zeros; `place` goes behind them.
    private static func number<Bytes: RandomAccessCollection<UInt8>>(in text: Bytes, from place: inout Int) -> Range<Int>
    where Bytes.Index == Int {
        while place < text.endIndex, text[place] == UInt8(ascii: "0") { place += 1 }
        let start = place
        while place < text.endIndex, isDigit(text[place]) { place += 1 }
        return start..<place
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
