import ArgumentParser
import CRPlanCLI

@main
struct CRPlan {
    static func main() async {
        await CRPlanCommand.main()
    }
}
