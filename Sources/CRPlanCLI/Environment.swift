internal import FoundationEssentials

/// Every environment variable.
func environment() -> [String: String] { ProcessInfo.processInfo.environment }

func currentFolder() -> String { FileManager.default.currentDirectoryPath }
