internal import OCI

/// Runs `work` on every item, at most `limit` at a time. The results stand in the order of the items.
func concurrently<Item: Sendable, Output: Sendable>(
    _ items: [Item],
    limit: Int,
    _ work: @escaping @Sendable (Item) async -> Output
) async -> [Output] {
    await withTaskGroup(of: (Int, Output).self) { group in
        var outputs: [(Int, Output)] = []
        for (place, item) in items.enumerated() {
            if place >= limit, let output = await group.next() { outputs.append(output) }
            group.addTask { (place, await work(item)) }
        }
        for await output in group { outputs.append(output) }
        return outputs.sorted { $0.0 < $1.0 }.map(\.1)
    }
}

/// As `concurrently`; the first failure cancels the rest and is thrown.
func concurrentlyTrying<Item: Sendable, Output: Sendable>(
    _ items: [Item],
    limit: Int,
    _ work: @escaping @Sendable (Item) async throws(RegistryError) -> Output
) async throws(RegistryError) -> [Output] {
    let result = await withTaskGroup(of: Result<(Int, Output), RegistryError>.self) { group -> Result<[Output], RegistryError> in
        var outputs: [(Int, Output)] = []
        var rest = items.enumerated().makeIterator()
        var running = 0
        while true {
            while running < max(limit, 1), let (place, item) = rest.next() {
                running += 1
                group.addTask {
                    do throws(RegistryError) {
                        return .success((place, try await work(item)))
                    } catch {
                        return .failure(error)
                    }
                }
            }
            guard let next = await group.next() else { break }
            running -= 1
            switch next {
            case .success(let output): outputs.append(output)
            case .failure(let error):
                group.cancelAll()
                return .failure(error)
            }
        }
        return .success(outputs.sorted { $0.0 < $1.0 }.map(\.1))
    }
    return try result.get()
}
