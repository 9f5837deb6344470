"""Typed readers of environment variables.
What each variable means and its default is said in settings, nowhere else."""

import os
from pathlib import Path


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def flag(name: str, default: bool = False) -> bool:
    return text(name, "1" if default else "0").lower() in ("1", "true", "yes", "si", "sí")


def number(name: str, default: int) -> int:
    return int(text(name, str(default)))


def words(name: str) -> list[str]:
    """Comma separated."""
    return [word.strip() for word in text(name).split(",") if word.strip()]


def secret(name: str, file: Path) -> str:
    """The variable, or the content of the file that NAME_FILE or `file` names; "" when there is none yet."""
    if text(name):
        return text(name)
    path = Path(text(f"{name}_FILE") or file)
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""
