"""Severities: LogSeverity's names in their order, and what programs call them."""

NAMES = ("DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY")
ORDER = {name: number for number, name in enumerate(NAMES)}
# PostgreSQL's among them.
OTHERS = {"WARN": "WARNING", "FATAL": "CRITICAL", "PANIC": "ALERT", "LOG": "INFO"}


def parse_severity(word: object) -> str:
    """Return the severity that a program's word stands for; DEFAULT for what is none."""
    upper = str(word).upper()
    name = OTHERS.get(upper, upper)
    return name if name in ORDER else "DEFAULT"


def list_spellings(name: str) -> list[str]:
    """Return all words that stand for a severity."""
    return [name, *(other for other, meant in OTHERS.items() if meant == name)]
