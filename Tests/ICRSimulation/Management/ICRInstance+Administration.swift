internal import OCI
internal import RegistryTestSupport

/// Authorization, plan, quota and settings (reference of ICR, sections D.1 and E.4).
extension ICRInstance {
    mutating func administer(_ call: ManagementCall, _ switches: ICRSwitches) throws(ICRProblem) -> LoopbackReply {
        switch call.operation {
        case .getAuth:
            try check(.accountConfigure, call)
            return .value(.object(["iam_authz": .bool(iamAuthz), "private_only": .bool(isPrivateOnly)]))
        case .setAuth:
            try check(.accountConfigure, call)
            let body = try call.json()
            iamAuthz = body["iam_authz"]?.bool ?? (switches.patchIsPartial ? iamAuthz : true)
            isPrivateOnly = body["private_only"]?.bool ?? (switches.patchIsPartial ? isPrivateOnly : false)
            return LoopbackReply(204)
        case .getPlan:
            try check(.planRead, call)
            return .value(.object(["plan": .string(plan)]))
        case .setPlan:
            try check(.accountConfigure, call)
            // There is only a way up.
            guard try call.json()["plan"]?.string?.lowercased() == "standard" else { throw .notAuthorized }
            if plan == "Free" { limits = Amounts(storage: -1, traffic: -1) }
            plan = "Standard"
            return LoopbackReply(200)
        case .getQuota:
            try check(.accountRead, call)
            return .value(.object(["limit": Self.json(limits), "usage": Self.json(Amounts(storage: storage, traffic: traffic))]))
        case .setQuota: return try setQuota(call, switches)
        case .getSettings:
            try check(.accountRead, call)
            return .value(.object(["platform_metrics": .bool(platformMetrics)]))
        case .setSettings:
            try check(.accountConfigure, call)
            platformMetrics = try call.json()["platform_metrics"]?.bool ?? (switches.patchIsPartial ? platformMetrics : false)
            return LoopbackReply(204)
        default: throw .unknown("The operation")
        }
    }

    private mutating func setQuota(_ call: ManagementCall, _ switches: ICRSwitches) throws(ICRProblem) -> LoopbackReply {
        try check(.accountConfigure, call)
        let body = try call.json()
        func bytes(_ member: String, former: Int64) -> Int64 {
            guard let megabytes = body[member]?.integer else { return switches.patchIsPartial ? former : -1 }
            return megabytes < 0 ? -1 : Int64(megabytes) << 20
        }
        let asked = Amounts(
            storage: bytes("storage_megabytes", former: limits.storage),
            traffic: bytes("traffic_megabytes", former: limits.traffic)
        )
        if plan == "Free" {
            func isWithin(_ value: Int64, _ most: Int64) -> Bool { value >= 0 && value <= most }
            guard isWithin(asked.storage, Self.freeLimits.storage), isWithin(asked.traffic, Self.freeLimits.traffic) else {
                throw ICRProblem(switches.quotaOverPlanStatus, "CRX0413E", "The quota is greater than your plan allows.")
            }
        }
        limits = asked
        return LoopbackReply(200)
    }

    private static func json(_ amounts: Amounts) -> JSONValue {
        .object(["storage_bytes": .integer(amounts.storage), "traffic_bytes": .integer(amounts.traffic)])
    }
}
