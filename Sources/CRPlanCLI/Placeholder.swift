enum PlaceholderCRPlanCLI {}
