import ArgumentParser
import CRPlanCLI

@main
struct CRPlan {
    static func main() async {
        ProcessSignals.ignoreThoseOfWrites()
        await CRPlanCommand.main()
    }
}
