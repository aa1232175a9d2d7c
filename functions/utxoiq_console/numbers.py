"""Numbers, formatted for readers."""

_LARGE = ((1e9, "G"), (1e6, "M"), (1e4, "k"))


def short(value: float) -> str:
    """Return a number with three significant digits and thousands separators: `0.42`, `12.5`, `1,234`, `56.7k`."""
    size = abs(value)
    for factor, letter in _LARGE:
        if size >= factor:
            return f"{value / (1e3 if letter == 'k' else factor):.3g}{letter}"
    if size >= 1000:
        return f"{value:,.0f}"
    if size >= 100 or value == int(value):
        return f"{value:.0f}"
    if size < 0.1:
        return f"{value:.2g}"
    return f"{value:.{1 if size >= 10 else 2}f}".rstrip("0").rstrip(".")


def format_with_unit(value: float, unit: str) -> str:
    """Return a number with its unit. From 1000 ms on, it is in seconds."""
    if unit == "ms" and value >= 1000:
        return f"{short(value / 1000)} s"
    if unit == "%":
        return f"{value:.0f} %" if value >= 10 or value == int(value) else f"{value:.1f} %"
    return f"{short(value)} {unit}".rstrip() if unit != "/s" else f"{short(value)}/s"


def format_bytes(value: float) -> str:
    """Return a size with the largest unit of which there is one: `812 B`, `1.5 kB`, `23 MB`."""
    for factor, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= factor:
            return f"{value / factor:.3g} {unit}"
    return f"{value:.0f} B"
