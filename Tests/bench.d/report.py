"""The table."""

COLUMNS = ("Row", "Tool", "Wall s", "(min–max)", "crplan ÷", "CPU s", "crplan ÷", "Peak MiB", "Requests", "From source MiB", "Target")
MIB = 1024 * 1024


def number(value, digits=2):
    return "–" if value is None else f"{value:,.{digits}f}"


def divided(value, by):
    return "–" if value is None or not by else f"{value / by:.2f}"


def target_text(target, outcomes, full_size):
    value = target.value(outcomes)
    if value is None:
        return f"{target.text} ≤ {target.limit:.4g}: no figure"
    figure = f"{target.text}: {value:.4g} {target.unit}".rstrip() + f" (≤ {target.limit:.4g})"
    if not full_size:
        return f"{figure} not judged at this scale"
    return f"{figure} {'met' if value <= target.limit else 'MISSED'}"


def lines_of(name, result, full_size):
    """The row's lines: one for each tool, one for the bound, and more where there are more targets than those."""
    lines, first = [], result.outcomes[0]
    for outcome in result.outcomes:
        if outcome.wall is None:
            lines.append([name, f"{outcome.name}: {outcome.problem.split(':')[0]}", *[""] * 9])
            continue
        is_first = outcome is first
        lines.append([
            name,
            outcome.name + (" (!)" if outcome.problem else ""),
            number(outcome.wall, 3),
            f"{number(outcome.fastest, 3)}–{number(outcome.slowest, 3)}",
            "" if is_first else divided(first.wall, outcome.wall),
            number(outcome.cpu, 3),
            "" if is_first else divided(first.cpu, outcome.cpu),
            number(outcome.peak, 1),
            number(outcome.requests, 0),
            "–" if outcome.source_bytes is None else number(outcome.source_bytes / MIB, 1),
            "",
        ])
    if result.bound:
        lines.append([name, "bound (bare HEAD loop)", number(result.bound, 3), "", divided(first.wall, result.bound), *[""] * 6])
    texts = [target_text(target, result.outcomes, full_size) for target in result.targets]
    while len(lines) < len(texts):
        lines.append([name, *[""] * 10])
    for line, text in zip(lines, texts):
        line[-1] = text
    for line in lines[1:]:
        line[0] = ""
    return lines


def table(rows):
    """Aligned columns, which are a Markdown table too."""
    widths = [max(len(line[i]) for line in [COLUMNS, *rows]) for i in range(len(COLUMNS))]

    def text(line):
        cells = [cell.rjust(width) if 2 <= i <= 9 else cell.ljust(width) for i, (cell, width) in enumerate(zip(line, widths))]
        return "| " + " | ".join(cells) + " |"

    rule = "|" + "|".join("-" * (width + 1) + (":" if 2 <= i <= 9 else "-") for i, width in enumerate(widths)) + "|"
    return "\n".join([text(COLUMNS), rule, *map(text, rows)])
