import FoundationEssentials
import RegistryTestSupport
import Testing

/// The security list of an OCI client, and where each of its items is tested. Every item has at least one test that goes through the client
/// or the program; the others beside it are of the values that decide.
@Suite struct TrustTableTests {
    struct Item: Sendable, CustomTestStringConvertible {
        var number: Int
        var subject: String
        /// As they are declared: the function's name, with or without back-quotes.
        var tests: [String]
        var testDescription: String { "\(number) \(subject)" }

        init(_ number: Int, _ subject: String, _ tests: String...) {
            self.number = number
            self.subject = subject
            self.tests = tests
        }
    }

    static let items: [Item] = [
        Item(
            1,
            "names from outside never become paths",
            "a digest in index.json never becomes a path",
            "a layer's name in manifest.json leads nowhere outside the archive",
            "members whose names lead out harm nothing and are not found",
            "otherTagsAreRefusedWithAReason",
            "otherPathsAreRefusedWithAReason",
            "aManifestThatProgramsReadDifferentlyIsRefused"
        ),
        Item(
            2,
            "links in layouts",
            "a blob that is a link is not followed",
            "a linked blob is refused by every way to it",
            "a linked repository is refused, and a linked index too",
            "a linked blob, a short one, and another manifest than the digest says are refused"
        ),
        Item(
            3,
            "archives",
            "a layer that is a link out of the archive, or to itself, is refused",
            "an archive with two manifest.json is refused",
            "absurd sizes are refused",
            "two files of one name that decide what is read are refused, and a linked blob too",
            "an archive that was cut off is refused"
        ),
        Item(4, "bombs", "a bomb is not unpacked to its end, and what was unpacked is gone", "a bomb is stopped at a thousandfold"),
        Item(
            5,
            "oversized and ambiguous input",
            "anEndlessAnswerIsReadNoFurtherThanItsLimit",
            "aHeaderOfMoreThan64KiBIsRefused",
            "aLengthThatIsALieIsFound",
            "aManifestThatProgramsReadDifferentlyIsRefused",
            "aManifestInAnotherEncodingIsRefused",
            "aManifestLargerThan4MiBIsRefused",
            "indexes within indexes end somewhere",
            "what programs would read differently is refused"
        ),
        Item(
            6,
            "digests",
            "content that is not what its digest says ends in an error, and never under a tag",
            "otherBytesThanAskedAreCorrupt",
            "aHeadOfAnotherDigestIsCorrupt",
            "anAnswerWithAnotherDigestIsCorrupt"
        ),
        Item(
            7,
            "addresses in answers",
            "noAnswerOfAPublicRegistryLeadsInside",
            "onlyPlainWebAddressesAreFollowed",
            "theAddressThatWasCheckedIsTheOneConnectedTo",
            "eachHopIsChecked",
            "redirectLoopsEnd",
            "unsafeTargetsAreRefused",
            "uploadsNeverStepDownToHTTP",
            "addressesAreClassed",
            "answersNeverLeadFurtherInside"
        ),
        Item(
            8,
            "where logins go",
            "aForeignTokenServerGetsTheLoginOverTLSAndTheUserIsToldOnce",
            "aForeignTokenServerOverPlainHTTPGetsNothing",
            "aTokenServersRedirectIsNotFollowed",
            "aReadyTokenGoesToNoTokenServer",
            "aRedirectBackFromAnotherHostCarriesNoLogin",
            "anotherPortOfTheSameHostGetsNoLogin",
            "cookiesAreNeverSentBack",
            "anUploadElsewhereGetsNoCredentials",
            "redirectsLeadToStorageWithoutCredentials"
        ),
        Item(
            9,
            "secrets in output",
            "the log says where the login came from and never what it is",
            "nothingThatIsSaidHoldsASecret",
            "aRejectedLoginIsNamedWithoutItsSecret",
            "whatLooksLikeASecretIsMasked",
            "whatIsShownHoldsNoQueryNoSessionAndNoLongToken",
            "docker's config file gives the login, and a wrong password gives one clear error without it"
        ),
        Item(
            10,
            "the terminal",
            "what a registry says stays text",
            "tags that are no tags are passed over, and what they say stays text",
            "a helper's words stay text",
            "names in layouts and archives stay text",
            "the names of files and what stands in them stay text",
            "controlsAreSpelledOut"
        ),
        Item(
            11,
            "YAML",
            "a spec that unfolds without end, nests too deep or means several things is refused",
            "aliasBomb",
            "mergeBomb",
            "depth",
            "duplicate"
        ),
        Item(
            12,
            "TLS",
            "anUnknownAuthorityIsNot",
            "anotherHostsCertificateIsNot",
            "olderVersionsThan12AreRefused",
            "skippingTheCheckHoldsForTheRegistryAlone",
            "plainHTTPWhereTLSIsWantedIsNamed",
            "anotherHostIsCheckedByItsNameThoughItsAddressIsPinned"
        ),
        Item(
            13,
            "helpers",
            "a helper's words stay text",
            "namesThatAreNoSuffixAreNeverRun",
            "aProgramThatIsNotThereIsSaid",
            "aProgramThatHangsIsEnded",
            "tooLongAnAnswerIsRefused",
            "aHelperThatFailsIsNamed",
            "namedVariablesMustBothBeSet"
        ),
        Item(
            14,
            "plans",
            "a plan file that somebody changed is refused before any request",
            "a plan made from files takes no login from a variable that only it names",
            "a tag that moves between plan and apply is left alone, with all that depends on it, and the rest is done"
        ),
        Item(
            15,
            "denial by deletion",
            "a list that was not read whole removes nothing",
            "aBrokenPageIsNeverAShorterList",
            "without --keep-going one clear error ends the run, and nothing is written"
        ),
        Item(
            16,
            "temporary files",
            "what is unpacked is private while it is there, and gone after Ctrl-C",
            "what was unpacked is private and goes when asked",
            "what cannot be written is told with place and reason, and changes nothing"
        ),
        Item(
            17,
            "two runs at once",
            "two runs of one spec at the same time leave what one would",
            "two registries over one folder, as two processes have, lose no tag",
            "other processes see the locks"
        ),
    ]

    @Test func `every item of the list stands in the table`() {
        #expect(Self.items.map(\.number) == Array(1...17))
    }

    @Test(arguments: items)
    func `each test that the table names is there`(item: Item) throws {
        let declared = try Self.declared.get()
        #expect(!item.tests.isEmpty)
        for test in item.tests { #expect(declared.contains(test), "no test is called '\(test)'") }
    }

    /// The names of all test functions below `Tests`.
    private static let declared: Result<Set<String>, any Error> = Result {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        var names: Set<String> = []
        for path in try FileManager.default.subpathsOfDirectory(atPath: folder.path) where path.hasSuffix(".swift") {
            let text = String(decoding: try readFile("\(folder.path)/\(path)"), as: UTF8.self)
            for part in text.split(separator: "func ", omittingEmptySubsequences: true).dropFirst() {
                let isQuoted = part.hasPrefix("`")
                names.insert(String(isQuoted ? part.dropFirst().prefix { $0 != "`" } : part.prefix { $0 != "(" && $0 != "<" }))
            }
        }
        return names
    }
}
