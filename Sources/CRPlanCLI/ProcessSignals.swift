internal import Glibc

/// A write that the kernel refuses is an error where it happened, not the end of the process.
package enum ProcessSignals {
    /// Call once, before anything else: for a reader that has gone away (a login helper, an unpacking program, `| head`), and for a limit
    /// on the size of files. The signals would end an apply in the middle, without a word.
    package static func ignoreThoseOfWrites() {
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
    }
}
