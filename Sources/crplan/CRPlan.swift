import ArgumentParser
import CMalloc
import CRPlanCLI

@main
struct CRPlan {
    static func main() async {
        // Each of malloc's arenas keeps what was freed in it: some MiB of pieces of blobs. Small requests come from each thread's own cache,
        // so that threads hardly wait for the one arena that is left.
        mallopt(M_ARENA_MAX, 1)
        ProcessSignals.ignoreThoseOfWrites()
        await CRPlanCommand.main()
    }
}
