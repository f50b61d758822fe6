import Glibc
import SystemPackage
import Testing

@testable import Files

@Suite struct WritingTests {
    private let scratch: TemporaryFolder

    init() throws {
        scratch = try TemporaryFolder()
    }

    private func path(_ name: String) -> String { "\(scratch.path)/\(name)" }

    @Test func `a file is replaced whole, with the mode asked for, and nothing is left beside it`() throws {
        try WholeFile.write(Array("old".utf8), to: path("plan"), mode: 0o600)
        try WholeFile.write(Array("new".utf8), to: path("plan"), mode: 0o600)
        #expect(try WholeFile.read(path("plan"), limit: 3) == Array("new".utf8))
        #expect(try FileStatus.of(path("plan"))?.permissions == 0o600)
        #expect(try scratch.folder.entries().map(\.path) == ["plan"])
    }

    @Test func `a file that is not committed leaves nothing`() throws {
        var pending: PendingFile? = try PendingFile(in: scratch.folder)
        try pending?.write([1, 2, 3])
        #expect(try scratch.folder.entries().count == 1)
        pending = nil
        #expect(try scratch.folder.entries().isEmpty)
    }

    @Test func `a link named by the user stays, and its target is replaced`() throws {
        try WholeFile.write([1], to: path("target"))
        #expect(symlink("target", path("link")) == 0)
        try WholeFile.write([2], to: path("link"))
        #expect(try WholeFile.read(path("target"), limit: 1) == [2])
        #expect(try scratch.folder.status("link")?.kind == .link)
    }

    @Test func `more than the limit is refused, exactly the limit is not`() throws {
        try WholeFile.write(Array(repeating: 7, count: 3 << 20), to: path("big"))
        #expect(try WholeFile.read(path("big"), limit: 3 << 20).count == 3 << 20)
        #expect { try WholeFile.read(path("big"), limit: 3 << 20 - 1) } throws: { ($0 as? FileError)?.code == .tooLarge }
    }

    @Test func `failures say what, where and why`() throws {
        func message(_ body: () throws -> Void) -> String {
            do {
                try body()
                return "no error"
            } catch { return "\(error)" }
        }
        #expect(message { _ = try WholeFile.read("./nothing", limit: 1) } == "cannot read ./nothing: there is no such file or folder")
        #expect(message { try WholeFile.write([1], to: "/dev/full") } == "cannot write /dev/full: it is not a regular file")
        #expect(message { _ = try WholeFile.read(scratch.path, limit: 1) } == "cannot read \(scratch.path): it is a folder")
        #expect(message { try WholeFile.write([1], to: "/proc/crplan") }.hasPrefix("cannot write /proc/crplan: "))
    }

    @Test(arguments: [
        (Errno.noSpace, FileError.Code.noSpace, "cannot write ./a: no space left on the device"),
        (.diskQuotaExceeded, .noSpace, "cannot write ./a: the disk quota is used up"),
        (.permissionDenied, .permission, "cannot write ./a: permission denied"),
        (.readOnlyFileSystem, .permission, "cannot write ./a: the file system is read-only"),
        (.ioError, .io, "cannot write ./a: the device reports an input/output error"),
        (.brokenPipe, .io, "cannot write ./a: broken pipe"),
    ])
    func `a failure of the device is told in words`(errno: Errno, code: FileError.Code, sentence: String) {
        let error = FileError(errno, action: "write", path: "./a")
        #expect(error.code == code)
        #expect(error.description == sentence)
    }

    @Test func `a journal grows by whole lines and keeps what was there`() throws {
        try AppendingFile(path("journal")).append(Array("one".utf8))
        let journal = try AppendingFile(path("journal"))
        try journal.append(Array("two".utf8))
        #expect(try WholeFile.read(path("journal"), limit: 100) == Array("one\ntwo\n".utf8))
        #expect(try FileStatus.of(path("journal"))?.permissions == 0o600)
        #expect { try AppendingFile(path("journal"), mustBeNew: true) } throws: { ($0 as? FileError)?.code == .exists }
    }
}
