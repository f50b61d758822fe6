internal import ArgumentParser
internal import Diagnostics
internal import Files
internal import OCI
internal import Planning
internal import Reporting
internal import Specification

extension Console {
    var styling: Styling { isColorWanted ? .coloured : .plain }

    private var talkStyling: Styling { isColorWanted && isErrorTerminal ? .coloured : .plain }

    /// Runs a command's body. A failure is said in one sentence on stderr, and ends the command with its status.
    func reportingFailures(_ body: () async throws -> ExitStatus) async throws {
        var status = ExitStatus.error
        do {
            status = try await body()
        } catch let failure as CommandFailure {
            talk("crplan: \(failure.message)")
            status = failure.status
        } catch let error as ExitCode {
            throw error
        } catch {
            talk("crplan: \(Self.sentence(error))")
        }
        if let resultFailure {
            talk("crplan: \(resultFailure)")
            try max(status, .error).exit()
        }
        try status.exit()
    }

    /// Every error that is expected here says in words what happened.
    private static func sentence(_ error: any Error) -> String {
        switch error {
        case let error as FileError: error.description
        case let error as RegistryError: error.description
        case let error as PlanFile.Invalid: error.description
        case let error as NameProblem: error.description
        case is CancellationError: "interrupted"
        default: "something failed that should not; this is a defect of crplan, please report it with the command that shows it"
        }
    }

    /// Findings with the lines they are about, on stderr.
    func show(_ diagnostics: [Diagnostic], of specs: LoadedSpecs) {
        guard !diagnostics.isEmpty else { return }
        talk(
            DiagnosticText.render(diagnostics, styling: talkStyling) { file in specs.bytes[file].map { String(decoding: $0, as: UTF8.self) }
            }
        )
    }

    func show(_ refusals: [Refusal]) { talk(RefusalText.render(refusals, styling: talkStyling)) }

    /// Specs with mistakes: nothing else is done with them.
    func refuse(_ specs: LoadedSpecs, format: OutputFormat) -> ExitStatus {
        if format == .json { result(DiagnosticJSON.render(specs.result.diagnostics)) } else { show(specs.result.diagnostics, of: specs) }
        return .error
    }

    /// The plan goes to stdout; errors and refusals go to stderr, after it.
    func show(
        _ result: PlanResult,
        _ specs: LoadedSpecs,
        pulls: [PullForecast],
        format: OutputFormat,
        full: Bool,
        toStandardError: Bool = false
    ) throws {
        let findings = specs.result.diagnostics + result.diagnostics
        guard format == .text else {
            self.result(try PlanJSON.render(result.plan, refusals: result.refusals, diagnostics: findings))
            return
        }
        // What is refused is not in the plan: "No changes" would be the opposite of what was asked for.
        if !findings.hasErrors, result.refusals.isEmpty || !result.plan.changes.isEmpty {
            let remarks = result.diagnostics.filter { $0.severity == .note }
            let options = PlanText.Options(full: full, styling: toStandardError ? talkStyling : styling)
            write(PlanText.render(result.plan, remarks: remarks, pulls: pulls, options: options), toStandardError: toStandardError)
        }
        show(findings.filter { $0.severity != .note || findings.hasErrors }, of: specs)
        show(result.refusals)
    }

    func write(_ text: String, toStandardError: Bool) {
        if toStandardError { talk(text) } else { result(text) }
    }

    /// Errors end with 1; warnings do so when `strict`.
    func status(of diagnostics: [Diagnostic], strict: Bool) -> ExitStatus {
        let worst = diagnostics.map(\.severity).max() ?? .note
        return worst == .error || (strict && worst == .warning) ? .error : .done
    }
}

extension LoadedSpecs {
    func pattern(_ text: String, option: String) throws -> ReferencePattern {
        do throws(NameProblem) {
            return try result.pattern(text)
        } catch {
            throw CommandFailure("\(option) '\(text.withVisibleControls)' is not usable: \(error.description)")
        }
    }
}
