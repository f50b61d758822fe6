import Files
import Glibc
import Testing

@Suite struct FolderTests {
    private let scratch: TemporaryFolder

    init() throws {
        scratch = try TemporaryFolder()
    }

    private func write(_ text: String, to path: String) throws {
        try WholeFile.write(Array(text.utf8), to: "\(scratch.path)/\(path)")
    }

    @Test(arguments: ["../outside", "a/../../outside", "/etc/passwd", ".", "a//b", ""])
    func `a path that leads out is refused`(path: String) throws {
        _ = try scratch.folder.folder("a", creating: true)
        #expect { try scratch.folder.file(path) } throws: { ($0 as? FileError)?.code == .outside }
        #expect { try scratch.folder.remove(path) } throws: { ($0 as? FileError)?.code == .outside }
    }

    @Test func `neither a linked file nor a file below a linked folder is opened`() throws {
        try write("secret", to: "target")
        _ = try scratch.folder.folder("real", creating: true)
        try write("x", to: "real/file")
        #expect(symlink("target", "\(scratch.path)/link") == 0)
        #expect(symlink("real", "\(scratch.path)/linked") == 0)
        #expect { try scratch.folder.file("link") } throws: { ($0 as? FileError)?.code == .link }
        #expect { try scratch.folder.file("linked/file") } throws: { ($0 as? FileError)?.code == .link }
        #expect(try scratch.folder.file("real/file").readToEnd(limit: 10) == Array("x".utf8))
        #expect { try scratch.folder.read("link", limit: 10) } throws: { ($0 as? FileError)?.code == .link }
        #expect { try scratch.folder.read("linked/file", limit: 10) } throws: { ($0 as? FileError)?.code == .link }
        #expect { try scratch.folder.read("real", limit: 10) } throws: { ($0 as? FileError)?.code == .notRegular }
        #expect { try scratch.folder.read("nothing", limit: 10) } throws: { ($0 as? FileError)?.code == .notFound }
        #expect(try scratch.folder.read("real/file", limit: 1) == Array("x".utf8))
    }

    @Test func `a file above the limit is refused before it is read`() throws {
        try write("x", to: "big")
        #expect(truncate("\(scratch.path)/big", off_t(1) << 40) == 0)
        #expect { try scratch.folder.read("big", limit: 1 << 22) } throws: { ($0 as? FileError)?.code == .tooLarge }
    }

    @Test func `a pipe in the place of a file is refused and does not block`() throws {
        #expect(mkfifo("\(scratch.path)/pipe", 0o600) == 0)
        #expect { try scratch.folder.file("pipe") } throws: { ($0 as? FileError)?.code == .notRegular }
    }

    @Test func `absence is told from every other failure`() throws {
        #expect(try scratch.folder.status("nothing") == nil)
        #expect(try scratch.folder.remove("nothing/at/all") == false)
        try write("x", to: "file")
        #expect { try scratch.folder.status("file/below") } throws: { ($0 as? FileError)?.code == .notFolder }
        #expect { try Folder("\(scratch.path)/nothing") } throws: { ($0 as? FileError)?.code == .notFound }
    }

    @Test func `a walk has one order, lists links and does not follow them`() throws {
        for folder in ["b/c", "a", "b-"] { _ = try scratch.folder.folder(folder, creating: true) }
        for file in ["b/c/z", "b/a", "a/x", "b-/y", "top"] { try write("x", to: file) }
        #expect(symlink("/", "\(scratch.path)/b/root") == 0)
        let paths = try scratch.folder.walk().map(\.path)
        #expect(paths == ["a", "a/x", "b", "b/a", "b/c", "b/c/z", "b/root", "b-", "b-/y", "top"])
        let shallow = try scratch.folder.walk { $0.path != "b" }.map(\.path)
        #expect(shallow == ["a", "a/x", "b", "b-", "b-/y", "top"])
        #expect { try scratch.folder.walk(limit: 3) } throws: { ($0 as? FileError)?.code == .tooLarge }
    }

    @Test func `removing a tree removes a link and not what it leads to`() throws {
        _ = try scratch.folder.folder("kept", creating: true)
        _ = try scratch.folder.folder("doomed/deep", creating: true)
        try write("x", to: "kept/file")
        try write("x", to: "doomed/deep/file")
        #expect(symlink("../kept", "\(scratch.path)/doomed/link") == 0)
        try scratch.folder.removeTree("doomed")
        #expect(try scratch.folder.status("doomed") == nil)
        #expect(try scratch.folder.status("kept/file") != nil)
    }

    @Test func `a temporary folder is private and goes with its owner`() throws {
        var mine: TemporaryFolder? = try TemporaryFolder(in: scratch.path)
        let path = try #require(mine?.path)
        _ = try mine?.folder.folder("a/b", creating: true)
        #expect(try FileStatus.of(path)?.permissions == 0o700)
        mine = nil
        #expect(try FileStatus.of(path) == nil)
    }

    @Test func `an existing folder is taken as it is when folders are made`() throws {
        let made = try Folder.create("\(scratch.path)/x/y/z")
        try made.writeAtomically([1], to: "file")
        #expect(try Folder.create("\(scratch.path)/x/y/z").entries().map(\.path) == ["file"])
        #expect { try Folder.create("\(scratch.path)/x/y/z/file/more") } throws: { ($0 as? FileError)?.code == .notFolder }
    }
}
