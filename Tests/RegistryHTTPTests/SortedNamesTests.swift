import Testing

@testable import RegistryHTTP

struct SortedNamesTests {
    struct Pages: Sendable {
        var pages: [[String]]
        var added: [Int]
    }

    static let cases = [
        Pages(pages: [], added: []), Pages(pages: [[]], added: [0]), Pages(pages: [["a", "b"], ["c"]], added: [2, 1]),
        Pages(pages: [["b", "a", "b"]], added: [2]), Pages(pages: [["c", "e"], ["a", "d", "f"], ["c", "b", "b"]], added: [2, 3, 1]),
        Pages(pages: [["a", "b"], ["a", "b"]], added: [2, 0]), Pages(pages: [["a", "b"], ["b", "c"]], added: [2, 1]),
        Pages(pages: [["b"], ["a", "a"], ["c", "c"]], added: [1, 1, 1]),
    ]

    @Test(arguments: cases)
    func pagesInAnyOrderGiveOneSortedList(_ pages: Pages) {
        var names = SortedNames<String>()
        #expect(pages.pages.map { names.add($0) } == pages.added)
        let all = Set(pages.pages.joined())
        #expect(names.names == all.sorted())
        #expect(all.allSatisfy(names.contains))
        #expect(!names.contains("0") && !names.contains("bb") && !names.contains("z"))
    }
}
