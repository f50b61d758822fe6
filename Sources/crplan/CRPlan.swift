import ArgumentParser
import CMalloc
import CRPlanCLI
import Glibc

@main
struct CRPlan {
    static func main() async {
        // Each of malloc's arenas keeps what was freed in it: some MiB of pieces of blobs. Small requests come from each thread's own cache,
        // so that threads hardly wait for the one arena that is left.
        mallopt(M_ARENA_MAX, 1)
        // Where other work shares the processors, it is woken less often then, and does more each time.
        let batch: Int32 = 3  // SCHED_BATCH of <sched.h>, which the module Glibc leaves out.
        var parameter = sched_param()
        if sched_getscheduler(0) == SCHED_OTHER { sched_setscheduler(0, batch, &parameter) }
        ProcessSignals.ignoreThoseOfWrites()
        await CRPlanCommand.main()
    }
}
